import type { Before } from '../postgres/concurrent-index.ts'
import { identifier, literal } from '../postgres/sql.ts'
import { edited } from './edited.ts'

/** A step that runs statement by statement, begun and not yet finished. */
export interface Unfinished {
  readonly version: string
  readonly direction: 'up' | 'down'
  readonly attempt: string
  /** Of a way up: the floor of its version, null for unknown, and whether its way back is kept. */
  readonly floor: string | null
  readonly reversible: boolean
  /** By the statement's place in the script. */
  readonly statements: ReadonlyMap<number, StatementState>
}

export interface StatementState {
  readonly checksum: string
  /** `started`: whether it ended, the journal does not know. `open`: it failed, or is to run again. */
  readonly state: 'started' | 'done' | 'open'
  readonly before: Before | undefined
}

/**
 * Something of it ran, or may have. Without, the try left nothing: each statement that it started failed, and the server
 * said so.
 */
export const isTouched = ({ statements }: Unfinished): boolean =>
  [...statements.values()].some(({ state }) => state !== 'open')

/** One journal row of an unfinished step. */
interface Row {
  readonly version: string
  readonly attempt: string
  readonly event: string
  readonly statement: number | null
  readonly detail: string | null
}

/** A JSON array of the rows, as a subquery: no clock orders them, so none can put them out of order. */
export const unfinishedRows = (schema: string, set: string): string =>
  `(select coalesce(json_agg(json_build_object('version', j.version, 'attempt', j.attempt, 'event', j.event, 'statement', j.statement, 'detail', j.detail)), '[]')
    from only ${identifier(schema)}.journal j where j.attempt is not null and j."set" = ${literal(set)} and not exists (
      select from only ${identifier(schema)}.journal f where f.attempt = j.attempt and f.event in ('applied', 'reverted', 'resolved')))`

/** The detail of a `begun`, a `started`, a `failed` and a `done` row. */
export interface Detail {
  readonly direction?: 'up' | 'down'
  readonly floor?: string | null
  readonly reversible?: boolean
  readonly checksum?: string
  readonly before?: Before
}

/** Throws `history-untrusted` for a detail that nobody of ours wrote. */
export function unfinishedOf(rows: readonly Row[], schema: string): Unfinished[] {
  for (const row of rows) if (!isReadable(row)) throw unreadable(row, schema)
  return [...Map.groupBy(rows, ({ attempt }) => attempt)].flatMap(([attempt, own]) => {
    const begun = own.find(({ event }) => event === 'begun')
    if (begun === undefined) return []
    const { direction = 'up', floor = null, reversible = false } = detailOf(begun)
    const numbers = new Set(own.flatMap(({ statement }) => statement ?? []))
    const statements = new Map(
      [...numbers].map((n) => [n, stateOf(own.filter(({ statement }) => statement === n))] as const),
    )
    return { version: begun.version, direction, attempt, floor, reversible, statements }
  })
}

/**
 * A statement that failed, or that somebody settled with `resolve --retry`, is open again until it is started anew, with
 * another text perhaps. The rows have no order, so each end is set against a start of the same text.
 */
function stateOf(rows: readonly Row[]): StatementState {
  const of = (event: string) => rows.filter((row) => row.event === event).map(detailOf)
  const [done] = of('done')
  if (done !== undefined) return { checksum: done.checksum ?? '', state: 'done', before: beforeOf(of('started'), done) }
  const open = of('started')
  for (const { checksum } of [...of('failed'), ...of('retried')]) {
    const ended = open.findIndex((each) => checksum === undefined || each.checksum === checksum)
    if (ended >= 0) open.splice(ended, 1)
  }
  const [started] = open
  if (started === undefined) return { checksum: of('started').at(-1)?.checksum ?? '', state: 'open', before: undefined }
  return { checksum: started.checksum ?? '', state: 'started', before: beforeOf(open, started) }
}

const beforeOf = (started: readonly Detail[], { checksum }: Detail): Before | undefined =>
  started.find((each) => each.before !== undefined && each.checksum === checksum)?.before

const detailOf = ({ detail }: Row): Detail => {
  if (detail === null || !detail.startsWith('{')) return {}
  return JSON.parse(detail) as Detail
}

function isReadable(row: Row): boolean {
  try {
    detailOf(row)
    return true
  } catch {
    return false // It is said by whoever asked, with the row that it is about.
  }
}

const unreadable = ({ version, attempt }: Row, schema: string) =>
  edited(
    `a detail of version ${version} in ${schema}.journal cannot be read`,
    `see what that step left, take it back by hand, and then: DELETE FROM ${identifier(schema)}.journal WHERE attempt = ${literal(attempt)}`,
    { version },
  )
