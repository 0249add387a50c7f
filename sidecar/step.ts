import { randomUUID } from 'node:crypto'
import type { Script } from '../src/migration/migration.ts'
import { transactionBody } from '../src/migration/transaction.ts'
import type { ServerFacts } from './history/facts.ts'
import { ownRow } from './intent.ts'
import { heldHere, setApplicationName } from './lock.ts'
import type { RunRequest } from './request.ts'
import type { Outcome, Session } from './session.ts'
import { identifier, literal } from './sql.ts'

/** SQLSTATEs that our own checks raise. */
export const FENCED = 'LK001'
export const LEFT_TRANSACTION = 'LK002'
export const LOST_LOCK = 'LK003'

/** One migration in one direction, as it goes to the server. */
export interface Step {
  readonly version: string
  readonly direction: 'up' | 'down'
  readonly script: Pick<Script, 'file' | 'line' | 'text'>
  /** Statements that record the step, in its own transaction. */
  readonly record: readonly string[]
  /**
   * Another step follows at once. Then the commit need not wait for the disk: a crash of the server takes back whole
   * steps from the end, never one from the middle (PostgreSQL manual, Asynchronous Commit), and the last step waits for
   * all of them.
   */
  readonly more: boolean
}

export interface StepSettings {
  readonly request: RunRequest
  readonly facts: ServerFacts
  /** Who runs it, for application_name. */
  readonly who: string
  readonly lockTimeoutMs: number
}

/** What the three messages of a step became. */
export interface StepOutcome {
  readonly header: Outcome
  readonly script: Outcome
  readonly trailer: Outcome
}

/**
 * Sends a step as three simple queries: header, script alone, trailer. Between header and script `check` may look at
 * the database inside the step's transaction (the way down does); without it they go back to back.
 */
export async function sendStep(
  session: Session,
  step: Step,
  settings: StepSettings,
  check?: () => Promise<boolean>,
): Promise<StepOutcome | 'changed'> {
  const mark = randomUUID()
  const body = transactionBody({ ...step.script, checksum: '' })
  const clean = cleaning(step, settings)
  const opening = header(step, settings, mark, body.begin, check !== undefined)
  // An isolation level must be set before the first query of an implicit transaction too: then a message more is sent.
  const apart = body.begin !== 'begin'
  if (apart) await session.execute(clean)
  const texts = [apart ? opening : `${clean};\n${opening}`, body.text, trailer(step, settings, mark)]
  if (check === undefined) return outcomeOf(await session.send(texts))
  const [opened] = await session.send(texts.slice(0, 1))
  if (opened === undefined || opened.error !== undefined) return outcomeOf([opened, skipped, skipped])
  if (!(await check())) return 'changed'
  return outcomeOf([opened, ...(await session.send(texts.slice(1)))])
}

const skipped: Outcome = { error: undefined, completed: 0, status: 'E' }
const outcomeOf = ([header = skipped, script = skipped, trailer = skipped]: readonly (
  | Outcome
  | undefined
)[]): StepOutcome => ({
  header,
  script,
  trailer,
})

/** No error, and the server says: in a transaction, still in it, out of it. */
export const succeeded = ({ header, script, trailer }: StepOutcome): boolean =>
  [header, script, trailer].every(({ error }) => error === undefined) &&
  header.status === 'T' &&
  script.status === 'T' &&
  trailer.status === 'I'

/** Undoes what an earlier script left in the session. */
function cleaning({ direction, version }: Step, { request, facts, who, lockTimeoutMs }: StepSettings): string {
  return [
    ...['RESET SESSION AUTHORIZATION', 'RESET ROLE', 'RESET ALL', 'CLOSE ALL', 'UNLISTEN *', 'DEALLOCATE ALL'],
    ...['DISCARD TEMP', 'DISCARD SEQUENCES'],
    ...facts.settings,
    setApplicationName(who, `${direction} ${version}`),
    `SET lock_timeout = ${lockTimeoutMs}`,
    `SET statement_timeout = ${request.statementTimeoutMs ?? 0}`,
    'SET idle_in_transaction_session_timeout = 0',
  ].join(';\n')
}

/** Opens the transaction, and stops when a newer intent is recorded. */
function header({ more }: Step, { request }: StepSettings, mark: string, begin: string, lockRows: boolean): string {
  return [
    begin,
    ...(more ? ['SET LOCAL synchronous_commit = off'] : []),
    `SET LOCAL lockkeeper.step = '${mark}'`,
    ...(lockRows ? [`LOCK TABLE ${identifier(request.historySchema)}.requirement IN SHARE ROW EXCLUSIVE MODE`] : []),
    ...fence(request),
    ...(request.role === undefined ? [] : [`SET ROLE ${identifier(request.role)}`]),
  ].join(';\n')
}

function fence({ owner, historySchema }: RunRequest): string[] {
  if (owner === undefined) return []
  const newer = `select from ${identifier(historySchema)}.requirement where ${ownRow(owner)} and token > ${owner.token}`
  return [
    `DO $lockkeeper$ BEGIN IF EXISTS (${newer}) THEN RAISE EXCEPTION 'a newer intent is recorded' USING ERRCODE = '${FENCED}'; END IF; END $lockkeeper$`,
  ]
}

/** Proves that the transaction and the lock are still ours, records the step and commits. */
function trailer({ record }: Step, { request }: StepSettings, mark: string): string {
  return [
    ...['RESET SESSION AUTHORIZATION', 'RESET ROLE', 'SET LOCAL search_path = pg_catalog'],
    `DO $lockkeeper$ BEGIN
  IF pg_catalog.current_setting('lockkeeper.step', true) IS DISTINCT FROM ${literal(mark)} THEN
    RAISE EXCEPTION 'the script left its transaction' USING ERRCODE = '${LEFT_TRANSACTION}';
  END IF;
  IF NOT ${heldHere(request.set)} THEN
    RAISE EXCEPTION 'the script released the lock' USING ERRCODE = '${LOST_LOCK}';
  END IF;
END $lockkeeper$`,
    ...record,
    'COMMIT',
  ].join(';\n')
}
