import { randomUUID } from 'node:crypto'
import type { ServerFacts } from '../../history/facts.ts'
import { lockSet } from '../../history/write.ts'
import type { Script } from '../../migration/migration.ts'
import type { RunRequest } from '../../migration/run-request.ts'
import { transactionBody } from '../../migration/transaction.ts'
import { lostHere, setApplicationName } from '../../postgres/lock.ts'
import { OWN_SESSION, OWN_TRANSACTION } from '../../postgres/own-settings.ts'
import { identifier, literal } from '../../postgres/sql.ts'
import {
  type Check,
  fence,
  type LastWrites,
  LEFT_TRANSACTION,
  LOST_LOCK,
  lacks,
  OUT_OF_TURN,
  raise,
  raiseWriting,
} from './checks.ts'

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
  /**
   * What other sessions wrote that takes the step back. `record` then begins with `raiseEpoch` or `lockSet`, which lock the row of the set which every start locks too (FOR SHARE), so that what they wrote is seen
   * here, or they see what this step does. Each statement has a snapshot of its own.
   */
  readonly asks?: readonly Check[]
  /** Written behind `record`, and in one statement with all that is asked. */
  readonly last?: LastWrites
  /** The record must be there when the step commits. */
  readonly proof?: readonly Check[]
  /** The version that this run applies just before: the step does nothing unless the history has it. */
  readonly after: string | undefined
  /**
   * Another step follows at once. Then the commit need not wait for the disk: a crash of the server takes back whole
   * steps from the end, never one from the middle (PostgreSQL manual, Asynchronous Commit), and the last step waits for
   * all of them.
   */
  readonly more: boolean
  /** What it records has happened already, whoever has taken over since. */
  readonly late?: true
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
  /** Tells steps that are sent one behind the other from all others in this session. */
  readonly flight?: string
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
  /** Proves that the transaction and the lock are still ours, records the step, proves that it may stay, and commits. */
  readonly trailer: string
  /** The trailer in two parts, for a question between them: from the first one on, what other sessions wrote stays. */
  readonly closing: string
  readonly recording: string
}

const savepoint = 'lockkeeper_step'

/**
 * Stands before the script in its message, so that the script runs in the transaction of its own step or not at all:
 * RELEASE fails outside a transaction and without the savepoint, and takes no snapshot. Were the header cancelled in the
 * moment before its BEGIN, the script would else run, and commit, by itself.
 */
export const entry = `RELEASE SAVEPOINT ${savepoint};\n`

/** `behind`: the step before it is on its way as well, in the message before this one. */
export function messagesOf(step: Step, settings: StepSettings, behind = false): StepMessages {
  const mark = randomUUID()
  const bodies = scriptsOf(step).map(transactionBody)
  const { begin } = bodies[step.around?.before.length ?? 0] ?? { begin: 'begin' }
  const checks = ownership(settings, mark)
  const ended = (...rest: readonly string[]) => [...ending(step, settings), ...rest].join(';\n')
  return {
    rows: bodies.flatMap(({ rows }) => rows),
    // BEGIN comes first: an isolation level must be set before any query of a message.
    header: [step.kept ? ordinary(begin) : begin, ...shutOut(begin, settings), ...opening(step, settings, behind)].join(
      ';\n',
    ),
    handover: handover(step, settings, mark).join(';\n'),
    script: [entry, ...bodies.flatMap(({ text }, i) => (i === 0 ? [text] : [BETWEEN, text]))],
    // When they are asked for: packing a script of megabytes takes its time, and the server runs the script meanwhile.
    get trailer() {
      return ended(...step.record, ...lastWords(step, checks), ...markDone(step, settings), 'COMMIT')
    },
    closing: ended(...raise(...checks), lockSet(settings.request)),
    get recording() {
      return [...step.record, ...lastWords(step, []), 'COMMIT'].join(';\n')
    },
  }
}

/** What is asked is read behind the record, which it may be about. */
function lastWords({ asks = [], proof = [], last }: Step, before: readonly Check[]): string[] {
  const checks = [...before, ...asks, ...proof]
  return last === undefined ? raise(...checks) : [raiseWriting(last, ...checks)]
}

/** The last step of a flight that committed, until the next one resets the session. A rollback brings it back. */
const DONE = 'lockkeeper.done'

const markDone = ({ version, more }: Step, { flight }: StepSettings): string[] =>
  flight === undefined || !more ? [] : [`SET ${DONE} = ${literal(`${flight} ${version}`)}`]

/**
 * A script that chose its isolation level sees nothing that others commit while it runs, so its trailer could not either:
 * from before its first snapshot, which LOCK TABLE does not take, nobody else may record or start.
 */
function shutOut(begin: string, { request, lockTimeoutMs }: StepSettings): string[] {
  if (!/\b(repeatable|serializable)\b/i.test(begin)) return []
  const schema = identifier(request.historySchema)
  return [
    `SET LOCAL lock_timeout = ${lockTimeoutMs}`,
    `LOCK TABLE ${schema}.state, ${schema}.requirement IN EXCLUSIVE MODE`,
  ]
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

/**
 * Before work that would be for nothing: what counts is what the trailer asks. Behind a step that is on its way, it is
 * enough to know that it committed: it asked the rest a moment ago, and a look at tables costs more than all of this.
 */
function opening({ after, kept, late }: Step, { request, flight }: StepSettings, behind: boolean): string[] {
  const known = behind && after !== undefined && flight !== undefined
  const missing = (version: string) =>
    known
      ? `pg_catalog.current_setting('${DONE}', true) IS DISTINCT FROM ${literal(`${flight} ${version}`)}`
      : lacks(request, version)
  const due: Check[] = after === undefined ? [] : [[missing(after), OUT_OF_TURN]]
  return [
    // Rolled back to, it gives a script that goes on its own settings again.
    ...(kept ? [`SAVEPOINT ${savepoint}`, ...OWN_TRANSACTION] : [OWN_TRANSACTION[0]]),
    ...raise(...(late || known ? [] : fence(request)), ...due),
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

/** From here on the rights, the names and the settings are ours again. */
const ending = ({ kept, more }: Step, { lockTimeoutMs }: StepSettings): string[] => [
  // Deferred triggers are the script's: they run as its role, with its path, and not as ours at the commit.
  'SET CONSTRAINTS ALL IMMEDIATE',
  ...(kept ? OWN_TRANSACTION : more ? BETWEEN_STEPS : [OWN_SESSION]),
  `SET LOCAL lock_timeout = ${lockTimeoutMs}`,
  'SET LOCAL statement_timeout = 0',
]

/** It is still our transaction, and still our lock. */
const ownership = ({ request }: StepSettings, mark: string): Check[] => [
  [`pg_catalog.current_setting('lockkeeper.step', true) IS DISTINCT FROM ${literal(mark)}`, LEFT_TRANSACTION],
  [lostHere(request.set), LOST_LOCK],
]
