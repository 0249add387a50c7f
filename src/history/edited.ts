import { type Place, RunFailure, stateOf } from '../postgres/failure.ts'
import { identifier } from '../postgres/sql.ts'

/** Somebody edited what only this program writes, so that it says nothing any more. */
export const edited = (what: string, fix: string, place: Place = {}): RunFailure =>
  new RunFailure('history-untrusted', `${what}: somebody edited the history`, fix, place)

/** What the server says of columns that are gone or of another type (manual, PostgreSQL Error Codes). */
const shape = new Set(['42703', '42804', '42883'])

/** A subquery for one row found more (cardinality_violation). */
const SEVERAL = '21000'

/** An error about the shape of our tables as what it means; any other as it is. */
export function ofShape(error: unknown, schema: string): unknown {
  if (stateOf(error) === SEVERAL) {
    const state = `${identifier(schema)}.state`
    return edited(
      `${schema}.state has more than one row for a set`,
      `keep the row with the highest epoch: DELETE FROM ${state} a USING ${state} b WHERE a."set" = b."set" AND (a.epoch, a.ctid) < (b.epoch, b.ctid); ALTER TABLE ${state} ADD PRIMARY KEY ("set")`,
    )
  }
  if (!(error instanceof Error) || !shape.has(stateOf(error) ?? '')) return error
  return edited(
    `the tables in schema ${schema} are not as Lockkeeper made them (${error.message})`,
    'put back what differs from what `lockkeeper history-ddl` prints',
  )
}
