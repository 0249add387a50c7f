import { lex } from '../migration/lexer.ts'

/** A statement on one line: what stands between its tokens becomes one space, and comments are left out. */
export function oneLine(sql: string): string {
  let line = ''
  let before = 0
  for (const { kind, start, end } of lex(sql)) {
    if (kind === 'comment') continue
    if (line !== '' && start > before) line += ' '
    line += sql.slice(start, end)
    before = end
  }
  return line
}

/** A piece of a text. Offsets in UTF-16 units. */
export interface Piece {
  readonly start: number
  readonly end: number
}

/** The tokens of a statement that are no comments, and how they read: words in lower case, all else as it is. */
export function tokensOf(sql: string): (Piece & { readonly word: string })[] {
  return [...lex(sql)]
    .filter(({ kind }) => kind !== 'comment')
    .map(({ kind, start, end }) => {
      const raw = sql.slice(start, end)
      return { start, end, word: kind === 'word' ? raw.toLowerCase() : raw }
    })
}

/**
 * The actions of an ALTER statement, which commas part: `ADD COLUMN a int` and `DROP b` of
 * `ALTER TABLE IF EXISTS ONLY s.t ADD COLUMN a int, DROP b`.
 */
export function actionsOf(sql: string): readonly Piece[] {
  if (last.sql !== sql) Object.assign(last, { sql, pieces: actionsIn(sql) })
  return last.pieces
}

/** Every rule asks for the actions of the statement that it looks at, and some for each of them. */
const last: { sql: string; pieces: readonly Piece[] } = { sql: '', pieces: [] }

function actionsIn(sql: string): Piece[] {
  const tokens = tokensOf(sql)
  const is = (at: number, word: string) => tokens[at]?.word === word
  let at = ['table', 'index', 'view', 'sequence', 'type'].includes(tokens[1]?.word ?? '') ? 2 : 3
  if (is(at, 'if')) at += 2
  if (is(at, 'only')) at += 1
  at += 1
  while (is(at, '.')) at += 2
  if (is(at, '*')) at += 1
  return atCommas(tokens.slice(at))
}

/** The pieces between the commas that are in no parentheses. */
export function atCommas(tokens: readonly (Piece & { readonly word: string })[]): Piece[] {
  const pieces: Piece[] = []
  let open: Piece | undefined
  let depth = 0
  for (const { word, start, end } of tokens) {
    if ('(['.includes(word)) depth++
    if (')]'.includes(word)) depth--
    if (word === ',' && depth === 0) {
      if (open !== undefined) pieces.push(open)
      open = undefined
    } else open = { start: open?.start ?? start, end }
  }
  return open === undefined ? pieces : [...pieces, open]
}
