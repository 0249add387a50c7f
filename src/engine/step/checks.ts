import { below, partsOf } from '../../history/interval.ts'
import { hasLeft } from '../../history/leaving.ts'
import { ownRow } from '../../history/requirement.ts'
import type { RunRequest } from '../../migration/run-request.ts'
import { stateOf } from '../../postgres/failure.ts'
import { identifier, literal } from '../../postgres/sql.ts'

/** What our own checks say when they fail; see `raise`. */
export const FENCED = 'LK001'
export const LEFT_TRANSACTION = 'LK002'
export const LOST_LOCK = 'LK003'
export const OUT_OF_TURN = 'LK004'
export const BLOCKED = 'LK005'
export const UNRECORDED = 'LK006'

/** Fails with the code when the condition, an expression of the server, holds. */
export type Check = readonly [condition: string, code: string]

/**
 * A statement that fails with the code of the first condition that holds: as text that is no number, since a DO block
 * that raises costs three times as much. The cast waits for its branch because concat() is not immutable.
 */
export function raise(...checks: readonly Check[]): string[] {
  return checks.length === 0 ? [] : [`SELECT ${firstOf(checks)}`]
}

/** What is written in one statement with the last question. Statements of their own would cost every step a tenth more. */
export interface LastWrites {
  /**
   * The INSERT of the step's line in the journal. The table must take it: a rule or a trigger may keep it from that. What
   * a trigger does to it behind the INSERT is not seen.
   */
  readonly journal: string
  /**
   * See `raiseReached`. It waits for whoever changes the workload's row just now, and says what `fence` asks; without
   * that row nothing can be said.
   */
  readonly reached?: string | undefined
}

/** The same, with what is written last. */
export function raiseWriting({ journal, reached }: LastWrites, ...checks: readonly Check[]): string {
  const written: Check = ['NOT EXISTS (SELECT FROM written)', UNRECORDED]
  const last = `written AS (${journal} RETURNING 1)`
  if (reached === undefined) return `WITH ${last}\nSELECT ${firstOf([...checks, written])}`
  const known = checks.map(
    ([condition, code]): Check => [code === FENCED ? 'EXISTS (SELECT FROM reached WHERE newer)' : condition, code],
  )
  const there: Check = ['NOT EXISTS (SELECT FROM reached)', UNRECORDED]
  return `WITH reached AS (${reached}),\n${last}\nSELECT ${firstOf([...known, there, written])}`
}

function firstOf(checks: readonly Check[]): string {
  const branches = checks.map(
    ([condition, code]) => `WHEN ${condition} THEN pg_catalog.concat('${code}')::pg_catalog.int4`,
  )
  return `CASE ${branches.join('\n  ')} END`
}

/** The code with which one of our own checks failed. Messages come in the server's language, the code does not. */
export const raised = (error: Error | undefined): string | undefined =>
  stateOf(error) === '22P02' ? /LK00\d/.exec(error?.message ?? '')?.[0] : undefined

/** A newer rollout of this workload was recorded: this one moves nothing any more. */
export function fence({ owner, historySchema }: RunRequest): Check[] {
  if (owner === undefined) return []
  const newer = `SELECT FROM ONLY ${identifier(historySchema)}.requirement WHERE ${ownRow(owner)} AND token > ${owner.token}`
  return [[`EXISTS (${newer})`, FENCED]]
}

/** The history does not have the version. */
export const lacks = ({ historySchema, set }: RunRequest, version: string): string =>
  `NOT EXISTS (SELECT FROM ONLY ${identifier(historySchema)}.migration WHERE "set" = ${literal(set)} AND version = ${literal(version)})`

/**
 * The history does not show the step, or the epoch that it led to: a rule, a trigger or a policy there swallowed one of
 * its rows.
 */
export function recorded(request: RunRequest, version: string, direction: 'up' | 'down', epoch: number): Check {
  const s = identifier(request.historySchema)
  const absent = lacks(request, version)
  const lost = [
    direction === 'up' ? absent : `NOT ${absent}`,
    `NOT EXISTS (SELECT FROM ONLY ${s}.state WHERE "set" = ${literal(request.set)} AND epoch >= ${epoch})`,
  ]
  return [`(${lost.join(' OR ')})`, UNRECORDED]
}

/**
 * Another workload's code, which may serve by now, is known not to work once this version is applied: what `decide` asks
 * before the run, for one step.
 */
export function blocker(
  { owner, historySchema, set }: RunRequest,
  version: string,
  floor: string | undefined,
): Check[] {
  if (floor === undefined || floor === '0') return []
  const others = owner && ` AND r.cluster = ${literal(owner.cluster)} AND r.workload <> ${literal(owner.workload)}`
  const found = `SELECT FROM ONLY ${identifier(historySchema)}.requirement r WHERE r."set" = ${literal(set)}${others ?? ''}
      AND pg_catalog.split_part(r.workload, '/', 2) <> 'Job' AND NOT ${hasLeft} AND ${partsOf('r.target')} < ${partsOf(literal(version))} AND ${below(floor)}`
  return [[`EXISTS (${found})`, BLOCKED]]
}
