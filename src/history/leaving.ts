import { literal } from '../postgres/sql.ts'

/**
 * A workload that changes its set leaves a row of `requirement` behind, for its older pods, which serve on the old set
 * until the rollout is through. It is a row like any other, so that it holds the set for runners of every release; by
 * its key it is known as one that ends: `hold-grace` after the first ready pod of the new set, in `lingering_until`.
 */
const MARK = ' (leaving set '

/** How the row is named; no name of Kubernetes holds a space. */
export const leavingName = (workload: string, set: string): string => `${workload}${MARK}${set})`

/** The same of a set that a column names. */
export const leavingKey = (column: string, workload: string): string =>
  `${literal(workload + MARK)} || ${column} || ')'`

export const isLeaving = (workload: string): boolean => workload.includes(MARK)

/** The rows that a workload left behind, as a condition on a column. */
export const leftBy = (column: string, workload: string): string =>
  `pg_catalog.starts_with(${column}, ${literal(workload + MARK)})`

/** A row `r` that holds nothing any more. */
export const hasLeft = `(pg_catalog.strpos(r.workload, ${literal(MARK)}) > 0 AND r.lingering_until <= pg_catalog.now()) IS TRUE`
