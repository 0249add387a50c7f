import { splitStatements } from './statements.ts'

/** A statement that leaves something to undo, or may. */
export interface Undoable {
  readonly what: string
  /** Offset of its first token. */
  readonly start: number
}

/** Commands that change rows, or the session alone. Whatever is not among them may change the schema. */
const harmless: ReadonlySet<string> = new Set(
  'insert update delete merge copy select with set reset show lock analyze vacuum notify begin start commit end savepoint release rollback'.split(
    ' ',
  ),
)

/**
 * Functions that a SELECT may call for their effect: PostgreSQL's own, which change rows, sequences or the session at
 * most. A function of somebody's may create tables, as CALL may.
 */
const known: ReadonlySet<string> = new Set(
  `setval nextval currval lastval set_config current_setting pg_notify pg_sleep pg_advisory_xact_lock pg_advisory_lock
  count sum min max avg coalesce nullif greatest least now current_timestamp clock_timestamp pg_get_serial_sequence
  array_agg string_agg json_agg jsonb_agg json_build_object jsonb_build_object row_number lower upper length format concat
  exists cast`.split(/\s+/),
)

/** Words of SQL that stand in front of a parenthesis without calling anything. */
const grammar: ReadonlySet<string> = new Set(
  `in any all some exists and or not as on using from join where having by over values select when then else case is like
  between limit offset union except intersect filter within group array row distinct materialized into set returning with
  lateral only conflict do nothing varchar char numeric decimal`.split(/\s+/),
)

/**
 * The first statement of an up script that leaves more than other rows: DDL, TRUNCATE, DO, CALL, a query that creates a
 * table, or one that calls a function which is not known to do less. Undefined: there is none.
 */
export function whatNeedsUndoing(text: string): Undoable | undefined {
  for (const { words, start } of splitStatements(text)) {
    const what = undoableIn(words)
    if (what !== undefined) return { what, start }
  }
  return undefined
}

function isHarmless(words: readonly string[], at: number): boolean {
  const word = words[at] ?? ''
  if (words[at - 1] === '.') return words[at - 2] === 'pg_catalog' && known.has(word)
  return known.has(word) || grammar.has(word)
}

function undoableIn(words: readonly string[]): string | undefined {
  const [first = ''] = words
  if (!harmless.has(first)) return words.slice(0, 2).join(' ').toUpperCase()
  if (first === 'copy' && words.includes('program')) return 'COPY with PROGRAM'
  const query = first === 'select' || first === 'with'
  if (query && words.some((word, i) => word === 'into' && !/^(?:insert|merge)$/.test(words[i - 1] ?? ''))) {
    return 'SELECT INTO, which creates a table'
  }
  const changesRows = words.some((word) => /^(?:insert|update|delete|merge)$/.test(word))
  if (!query || (first === 'with' && changesRows)) return undefined
  const call = words.find((word, i) => words[i + 1] === '(' && /^[\p{L}_]/u.test(word) && !isHarmless(words, i))
  return call === undefined ? undefined : `a SELECT that calls ${call}(), which may do anything`
}
