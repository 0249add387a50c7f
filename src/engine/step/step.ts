import { randomUUID } from 'node:crypto'
import type { ServerFacts } from '../../history/facts.ts'
import { ownRow } from '../../history/requirement.ts'
import type { Script } from '../../migration/migration.ts'
import type { RunRequest } from '../../migration/run-request.ts'
import { transactionBody } from '../../migration/transaction.ts'
import { stateOf } from '../../postgres/failure.ts'
import { lostHere, setApplicationName } from '../../postgres/lock.ts'
import { OWN_SESSION, OWN_TRANSACTION } from '../../postgres/own-settings.ts'
import { identifier, literal } from '../../postgres/sql.ts'

/** What our own checks say when they fail; see `raise`. */
export const FENCED = 'LK001'
export const LEFT_TRANSACTION = 'LK002'
export const LOST_LOCK = 'LK003'
export const OUT_OF_TURN = 'LK004'

/** Scripts in the transaction of another one. */
export interface Around {
  readonly before: readonly StepScript[]
  readonly behind: readonly StepScript[]
}

export type StepScript = Pick<Script, 'file' | 'line' | 'text'>

/** The scripts of a step in the order in which they run. */
export const scriptsOf = ({ script, around }: Pick<Step, 'script' | 'around'>): readonly StepScript[] => [
  ...(around?.before ?? []),
  script,
  ...(around?.behind ?? []),
]
/** Stands between them: a script may end in a comment, or without a semicolon. */
export const BETWEEN = '\n;\n'

/** One migration in one direction, as it goes to the server. */
export interface Step {
  readonly version: string
  readonly direction: 'up' | 'down'
  readonly script: StepScript
  readonly around?: Around
  /** Statements that record the step, in its own transaction. With both scripts packed, so they are made late. */
  readonly record: readonly string[]
  /** The version that this run applies just before: the step does nothing unless the history has it. */
  readonly after: string | undefined
  /**
   * Another step follows at once. Then the commit need not wait for the disk: a crash of the server takes back whole
   * steps from the end, never one from the middle (PostgreSQL manual, Asynchronous Commit), and the last step waits for
   * all of them.
   */
  readonly more: boolean
  /** One statement of a script that runs statement by statement: it finds the session as the one before left it. */
  readonly kept?: true
}

export interface StepSettings {
  readonly request: RunRequest
  readonly facts: ServerFacts
  /** Settings of ours that the server accepts, as statements. */
  readonly ownSettings: readonly string[]
  /** Who runs it, for application_name. */
  readonly who: string
  readonly lockTimeoutMs: number
}

/** The three simple queries of a step, and the rows that COPY in its script reads. */
export interface StepMessages {
  readonly rows: readonly string[]
  /** Opens the transaction and checks, with our own settings, that the step is due. */
  readonly header: string
  /** Gives the session to the script: clean, with the settings of the role that runs it. */
  readonly handover: string
  /** The parts of the script, behind `entry`. */
  readonly script: readonly string[]
  /** Proves that the transaction and the lock are still ours, records the step and commits. */
  readonly trailer: string
}

const savepoint = 'lockkeeper_step'

/**
 * Stands before the script in its message, so that the script runs in the transaction of its own step or not at all:
 * RELEASE fails outside a transaction and without the savepoint, and takes no snapshot. Were the header cancelled in the
 * moment before its BEGIN, the script would else run, and commit, by itself.
 */
export const entry = `RELEASE SAVEPOINT ${savepoint};\n`

/** `alone`: nothing of this run may come between the header and the script but a look at the database. */
export function messagesOf(step: Step, settings: StepSettings, alone: boolean): StepMessages {
  const mark = randomUUID()
  const bodies = scriptsOf(step).map(transactionBody)
  const { begin } = bodies[step.around?.before.length ?? 0] ?? { begin: 'begin' }
  return {
    rows: bodies.flatMap(({ rows }) => rows),
    // BEGIN comes first: an isolation level must be set before any query of a message.
    header: [step.kept ? ordinary(begin) : begin, ...checks(step, settings, alone)].join(';\n'),
    handover: handover(step, settings, mark).join(';\n'),
    script: [entry, ...bodies.flatMap(({ text }, i) => (i === 0 ? [text] : [BETWEEN, text]))],
    // When it is asked for: packing a script of megabytes takes its time, and the server runs the script meanwhile.
    get trailer() {
      return trailer(step, settings, mark)
    },
  }
}

/** Undoes what an earlier script, or we, left in the session: a script finds what the role sets for itself. */
export function cleaning(
  { direction, version }: Step,
  { request, ownSettings, who, lockTimeoutMs }: StepSettings,
): string[] {
  return [
    ...['RESET SESSION AUTHORIZATION', 'RESET ROLE', 'RESET ALL', 'CLOSE ALL', 'UNLISTEN *', 'DEALLOCATE ALL'],
    ...['DISCARD TEMP', 'DISCARD SEQUENCES'],
    ...ownSettings,
    // Where a string ends is what the files were read by, whatever the role says.
    'SET standard_conforming_strings = on',
    setApplicationName(who, `${direction} ${version}`),
    `SET lock_timeout = ${lockTimeoutMs}`,
    `SET statement_timeout = ${request.statementTimeoutMs ?? 0}`,
    'SET idle_in_transaction_session_timeout = 0',
  ]
}

/** The script's own SET lock_timeout counts, but for a try that is to outlast autovacuum. */
const patience = ({ request, lockTimeoutMs }: StepSettings): string[] =>
  lockTimeoutMs === request.lockTimeoutMs ? [] : [`SET LOCAL lock_timeout = ${lockTimeoutMs}`]

/** The session is still the script's, whose own default may be another one. */
const ordinary = (begin: string) =>
  begin === 'begin' ? 'BEGIN ISOLATION LEVEL READ COMMITTED, READ WRITE, NOT DEFERRABLE' : begin

function checks({ after, kept }: Step, { request }: StepSettings, alone: boolean): string[] {
  const { owner, set } = request
  const schema = identifier(request.historySchema)
  const newer = owner && `EXISTS (SELECT FROM ${schema}.requirement WHERE ${ownRow(owner)} AND token > ${owner.token})`
  const missing =
    after &&
    `NOT EXISTS (SELECT FROM ${schema}.migration WHERE "set" = ${literal(set)} AND version = ${literal(after)})`
  return [
    // Rolled back to, it gives a script that goes on its own settings again.
    ...(kept ? [`SAVEPOINT ${savepoint}`, ...OWN_TRANSACTION] : [OWN_TRANSACTION[0]]),
    ...(alone ? [`LOCK TABLE ${schema}.requirement IN SHARE ROW EXCLUSIVE MODE`] : []),
    ...raise([newer, FENCED], [missing, OUT_OF_TURN]),
    ...(kept ? [`ROLLBACK TO SAVEPOINT ${savepoint}`, `RELEASE SAVEPOINT ${savepoint}`] : []),
  ]
}

function handover(step: Step, settings: StepSettings, mark: string): string[] {
  const { kept, more } = step
  return [
    ...(kept ? patience(settings) : [...cleaning(step, settings), ...asRole(settings)]),
    ...(more ? ['SET LOCAL synchronous_commit = off'] : []),
    `SET LOCAL lockkeeper.step = '${mark}'`,
    `SAVEPOINT ${savepoint}`,
  ]
}

/** The role that runs the scripts, where it is not the one that logs in. */
export const asRole = ({ request: { role } }: Pick<StepSettings, 'request'>): string[] =>
  role === undefined ? [] : [`SET ROLE ${identifier(role)}`]

/**
 * What the next step needs, which follows at once: its BEGIN would else begin as this script said. The rest of our
 * settings comes with the last step.
 */
const BETWEEN_STEPS = [
  'RESET SESSION AUTHORIZATION',
  'SET ROLE NONE',
  `SET default_transaction_isolation = 'read committed'`,
  'SET default_transaction_read_only = off',
  'SET default_transaction_deferrable = off',
  'SET search_path = pg_catalog, pg_temp',
]

function trailer({ record, kept, more }: Step, { request, lockTimeoutMs }: StepSettings, mark: string): string {
  const left = `pg_catalog.current_setting('lockkeeper.step', true) IS DISTINCT FROM ${literal(mark)}`
  return [
    // Deferred triggers are the script's: they run as its role, with its path, and not as ours at the commit.
    'SET CONSTRAINTS ALL IMMEDIATE',
    ...(kept ? OWN_TRANSACTION : more ? BETWEEN_STEPS : [OWN_SESSION]),
    `SET LOCAL lock_timeout = ${lockTimeoutMs}`,
    'SET LOCAL statement_timeout = 0',
    ...raise([left, LEFT_TRANSACTION], [lostHere(request.set), LOST_LOCK]),
    ...record,
    'COMMIT',
  ].join(';\n')
}

/**
 * A statement that fails with the code of the first condition that holds: as text that is no number, since a DO block
 * that raises costs three times as much. The cast waits for its branch because concat() is not immutable.
 */
function raise(...checks: readonly (readonly [string | undefined, string])[]): string[] {
  const branches = checks.flatMap(([condition, code]) =>
    condition === undefined ? [] : [`WHEN ${condition} THEN pg_catalog.concat('${code}')::pg_catalog.int4`],
  )
  return branches.length === 0 ? [] : [`SELECT CASE ${branches.join('\n  ')} END`]
}

/** The code with which one of our own checks failed. Messages come in the server's language, the code does not. */
export const raised = (error: Error | undefined): string | undefined =>
  stateOf(error) === '22P02' ? /LK00\d/.exec(error?.message ?? '')?.[0] : undefined
