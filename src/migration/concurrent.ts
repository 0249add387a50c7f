import { lex } from './lexer.ts'

/** What a statement with CONCURRENTLY works on. Names are as the script writes them, quotes and schema included. */
export type ConcurrentTarget =
  | { readonly kind: 'create-index'; readonly table: string; readonly index: string | undefined }
  | { readonly kind: 'drop-index'; readonly index: string }
  | { readonly kind: 'reindex' }
  | { readonly kind: 'detach'; readonly table: string; readonly partition: string }

/** Reads the names out of a statement that `kindOf` calls concurrent (PostgreSQL manual, the syntax of each command). */
export function concurrentTarget(text: string): ConcurrentTarget | undefined {
  const pieces = [...lex(text)]
    .filter(({ kind }) => kind !== 'comment')
    .map(({ kind, start, end }) => ({ raw: text.slice(start, end), name: kind === 'word' || kind === 'quoted' }))
  const is = (at: number, ...words: string[]) => words.every((word, i) => pieces[at + i]?.raw.toLowerCase() === word)
  const place = (word: string) => pieces.findIndex((_, at) => is(at, word))
  /** A name with its schema from a place on. */
  const nameAt = (at: number): string => {
    let end = at + 1
    while (is(end, '.') && pieces[end + 1]?.name) end += 2
    return pieces
      .slice(at, end)
      .map(({ raw }) => raw)
      .join('')
  }
  if (is(0, 'create')) {
    const at = place('concurrently') + 1
    const named = is(at, 'if', 'not', 'exists') ? at + 3 : at
    const on = pieces.findIndex((_, i) => i >= named && is(i, 'on'))
    const table = is(on + 1, 'only') ? on + 2 : on + 1
    return { kind: 'create-index', table: nameAt(table), index: named === on ? undefined : nameAt(named) }
  }
  if (is(0, 'drop')) {
    const at = place('concurrently') + 1
    return { kind: 'drop-index', index: nameAt(is(at, 'if', 'exists') ? at + 2 : at) }
  }
  if (is(0, 'reindex')) return { kind: 'reindex' }
  if (is(0, 'alter', 'table')) {
    const at = is(2, 'if', 'exists') ? 4 : 2
    const table = nameAt(is(at, 'only') ? at + 1 : at)
    return { kind: 'detach', table, partition: nameAt(place('partition') + 1) }
  }
  return undefined
}
