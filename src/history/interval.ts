import { literal } from '../postgres/sql.ts'

/**
 * The columns `low` and `high` of `requirement`, as SQL: the lowest and the highest release whose code may serve. A start
 * widens them in its own transaction, whatever its token; only knowledge narrows them. NULL as `low`: none serves. They
 * count for the token that they were written under, `interval_token`, since a runner of layout 1.0 may have written the
 * row since. `r` is the row.
 */

/** A version as something that the server compares as `compareVersions` does, since no stored one ends in a zero part. */
export const partsOf = (version: string): string => `pg_catalog.string_to_array(${version}, '.')::pg_catalog.numeric[]`

const known = 'r.interval_token = r.token'

/** A pod of the newest token was ready for so long that those of older ones are gone: only the target serves. */
export const settled = '(r.stamp IS NOT NULL AND r.lingering_until <= pg_catalog.now()) IS TRUE'

/** `0`: any release may serve. */
export const low = `CASE WHEN ${known} THEN CASE WHEN ${settled} THEN r.target ELSE r.low END ELSE '0' END`

/** Of a row without an interval, what it holds by layout 1.0. */
export const high = `CASE WHEN ${known} THEN CASE WHEN ${settled} THEN r.target ELSE COALESCE(r.high, '0') END
  ELSE ${higher('r.target', higher(`COALESCE(r.reached, '0')`, `COALESCE(r.lingering, '0')`))} END`

/** Both with one more release that serves. */
export const lowWith = (version: string): string =>
  `CASE WHEN ${partsOf(`(${low})`)} <= ${partsOf(literal(version))} THEN ${low} ELSE ${literal(version)} END`
export const highWith = (version: string): string => higher(`(${high})`, literal(version))

function higher(a: string, b: string): string {
  return `CASE WHEN ${partsOf(a)} >= ${partsOf(b)} THEN ${a} ELSE ${b} END`
}

/** Code of the workload that may serve is below the version: its low, or its target, whichever is lower. */
export const below = (version: string): string =>
  `(${partsOf('r.target')} < ${partsOf(literal(version))} OR (${known} AND ${partsOf(`(${low})`)} < ${partsOf(literal(version))}))`
