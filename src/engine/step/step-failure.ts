import { lineOf } from '../../migration/statements.ts'
import { type BodyStatement, transactionBody } from '../../migration/transaction.ts'
import { RunFailure, stateOf } from '../../postgres/failure.ts'
import { isDatabaseError, type Outcome } from '../../postgres/session.ts'
import { BLOCKED, FENCED, LEFT_TRANSACTION, LOST_LOCK, OUT_OF_TURN, raised, UNRECORDED } from './checks.ts'
import type { StepOutcome } from './send-step.ts'
import { BETWEEN, entry, type Step, scriptsOf } from './step.ts'

/**
 * What went wrong with a step, by its file and line, with SQLSTATE and cure. `prefix`: the statement of ours that stood
 * before the script in its message.
 */
export function stepFailure(step: Step, outcome: StepOutcome, prefix: string = entry): RunFailure {
  const { header, script, trailer } = outcome
  const overtaken = overtaking(step, header.error ?? trailer.error)
  if (overtaken !== undefined) return overtaken
  if (header.error !== undefined) return ofHeader(step, header.error)
  if (script.error !== undefined) return ofScript(step, script.error, script, placeOfError(step, script, prefix))
  const state = stateOf(trailer.error)
  const check = raised(trailer.error)
  const place = {
    version: step.version,
    file: step.script.file,
    ...(state !== undefined && { sqlstate: check ?? state }),
  }
  if (check === LEFT_TRANSACTION || script.status !== 'T') {
    const kept = script.committed || script.status === 'I'
    return new RunFailure(
      'migration-failed',
      `${step.script.file} ended the transaction that it runs in; ${kept ? partly : 'nothing of it was applied'}`,
      kept ? takeBack(step) : noControl,
      place,
    )
  }
  if (check === LOST_LOCK) {
    return new RunFailure(
      'migration-failed',
      `${step.script.file} released the advisory lock of Lockkeeper`,
      noUnlock,
      place,
    )
  }
  if (check === UNRECORDED || hasRule(trailer)) return unrecorded(step)
  if (trailer.error !== undefined && isShortage(state)) return shortage(step, trailer.error, place)
  const said = trailer.error?.message ?? `the server answered with status ${trailer.status}`
  return new RunFailure('migration-failed', `${step.script.file} could not be committed: ${said}`, correct(step), place)
}

const noControl = 'remove what commits or rolls back: Lockkeeper opens one transaction around each script'
/** The server answered that it committed: what it did is there, and no history row is. */
const partly = 'what it committed is applied, and the history does not know of it'
const takeBack = ({ script }: Step) =>
  `take back by hand what ${script.file} committed, remove what commits from it, and deploy again`
const noUnlock = 'remove pg_advisory_unlock_all() and the like from the script'

const correct = ({ script, direction, kept }: Step) => {
  if (kept)
    return `correct this statement in ${script.file} and deploy again; those above it are done and do not run again`
  return direction === 'up'
    ? `correct ${script.file} and deploy again; nothing of it was applied`
    : `correct ${script.file} in the migrations and deploy them, which replaces the stored script; the migration is still applied`
}

/**
 * What other sessions wrote while the step was on its way takes it back: the whole of it is rolled back, and the run looks
 * again. The failure is what is said where that does not help before the deadline.
 */
export class Overtaken extends RunFailure {}

function overtaking({ version, direction }: Step, error: Error | undefined): Overtaken | undefined {
  const check = raised(error)
  if (check === FENCED) {
    return new Overtaken(
      'superseded',
      `a newer rollout of this workload took over while ${direction} ${version} was on its way, which is rolled back`,
      'nothing, if that rollout is the wanted one; else `kubectl rollout restart`, which gives this one a new token',
      { version },
    )
  }
  if (check === BLOCKED) {
    return new Overtaken(
      'breaks-workload',
      `another workload came while ${direction} ${version} was on its way, which is known to break it and is rolled back`,
      'run it again: it says which workload that is',
      { version },
    )
  }
  const twice = isDatabaseError(error) && error.code === '23505' && error.constraint === 'migration_pkey'
  if (!twice) return undefined
  return new Overtaken(
    'migration-failed',
    `another session recorded version ${version} while it was on its way here, which is rolled back`,
    'see that no script releases the advisory lock of Lockkeeper; then run it again',
    { version },
  )
}

/** A rule or a trigger on our tables, which was not there when the run began: a migration may have made it. */
const unrecorded = ({ version, direction }: Step) =>
  new RunFailure(
    'history-untrusted',
    `${direction} ${version} is rolled back, since the history did not take its row: something changes what is written there`,
    'remove the rule, trigger or policy on the tables of the history, which a migration may have made; if the workload was forgotten meanwhile, deploy it again',
    { version },
  )

/**
 * What the server says of INSERT … RETURNING on a table with a rule (0A000, src/backend/rewrite/rewriteHandler.c), once the
 * script's own triggers are through. At COMMIT the same state means something else.
 */
const hasRule = ({ error, completed }: Outcome) =>
  isDatabaseError(error) && error.code === '0A000' && error.file === 'rewriteHandler.c' && completed > 0

/** Class 53 of SQLSTATE, insufficient resources: no fault of the script. */
const isShortage = (state: string | undefined) => state?.startsWith('53') === true

function shortage({ script, version, kept }: Step, error: Error, place: RunFailure['place']): RunFailure {
  const cures: Readonly<Record<string, string>> = {
    '53100': "give the database server's volume more room (kubectl describe its PersistentVolumeClaim), or free some",
    '53200': 'give the database server more memory, or lower work_mem and maintenance_work_mem',
    '53300': 'raise max_connections, or end sessions that are not needed',
    '53400': 'raise the limit that the message names',
  }
  const cure = cures[stateOf(error) ?? ''] ?? 'give the database server what it lacks'
  const done = kept ? 'what stands above it is done' : 'nothing of it was applied'
  return new RunFailure(
    'migration-failed',
    `the database server ran out of something while ${script.file} (version ${version}) ran: ${error.message}; ${done}`,
    `${cure}; then deploy again: the script needs no change`,
    place,
  )
}

function ofHeader(step: Step, error: Error): RunFailure {
  const state = stateOf(error)
  const place = { version: step.version, ...(state !== undefined && { sqlstate: state }) }
  if (raised(error) === OUT_OF_TURN) {
    return new RunFailure(
      'history-untrusted',
      `version ${step.after} was applied just before ${step.direction} ${step.version}, and is gone from the history`,
      'see what else changes the tables of the history, a migration perhaps; then run it again',
      { version: step.version },
    )
  }
  return new RunFailure(
    'no-rights',
    `the session cannot be prepared: ${error.message}`,
    'see the role of the annotation config.lockkeeper.dev/role',
    place,
  )
}

function ofScript(
  step: Step,
  error: Error,
  { committed }: Outcome,
  { file, line, statement }: PlaceOfError,
): RunFailure {
  const state = stateOf(error)
  const place = {
    version: step.version,
    file,
    ...(line !== undefined && { line }),
    ...(state !== undefined && { sqlstate: state }),
  }
  const where = line === undefined ? file : `${file} line ${line}`
  if (state === '42501') {
    return new RunFailure(
      'no-rights',
      `${where}: ${error.message}`,
      'grant the migration role what the statement needs',
      place,
    )
  }
  if (isShortage(state)) return shortage(step, error, place)
  if (committed && !step.kept) {
    return new RunFailure('migration-failed', `${where}: ${error.message}; ${partly}`, takeBack(step), place)
  }
  const hint = isDatabaseError(error) && error.hint !== undefined ? ` (hint: ${error.hint})` : ''
  const Failure = asksToBeAlone(error, statement) ? NeedsNoTransaction : RunFailure
  return new Failure('migration-failed', `${where}: ${error.message}${hint}`, correct(step), place)
}

/** The script, or the statement, may run when no transaction is around it. */
export class NeedsNoTransaction extends RunFailure {}

/**
 * The server's last word: a statement may not run in a transaction (25001, but not from within a function, where nothing
 * helps), or a procedure or DO block ends the one it runs in (2D000). The server says 25001 too of what sets a
 * transaction's modes too late, and 2D000 of a function that commits: neither is better off outside of one.
 */
function asksToBeAlone(error: Error, statement: BodyStatement | undefined): boolean {
  const state = stateOf(error)
  const [one = ''] = statement?.words ?? []
  const inside = isDatabaseError(error) && error.where !== undefined
  if (state === '25001') return !inside && one !== 'set' && statement?.kind !== 'session'
  return state === '2D000' && (one === 'call' || one === 'do')
}

interface PlaceOfError {
  readonly file: string
  readonly line?: number
  readonly statement?: BodyStatement
}

/** The server gives a position for errors of parsing; else the statement after the completed ones is meant. */
function placeOfError(step: Step, { error, completed }: Outcome, prefix: string): PlaceOfError {
  let position = isDatabaseError(error) ? Number(error.position) - prefix.length : Number.NaN
  let statement = prefix === '' ? completed : completed - 1
  for (const { file, line: first, text: source } of scriptsOf(step)) {
    const { text, statements } = transactionBody({ file, line: first, text: source })
    const characters = [...text].length
    if (position > 0 && position <= characters) {
      return { file, line: lineOf(text, utf16Offset(text, position - 1)) + first - 1 }
    }
    const failed = position > 0 ? undefined : statements[statement]
    if (failed !== undefined) return { file, line: lineOf(source, failed.start) + first - 1, statement: failed }
    position -= characters + BETWEEN.length
    statement -= statements.length
  }
  return { file: step.script.file }
}

/** Positions of the server count characters; offsets here count UTF-16 units. */
function utf16Offset(text: string, characters: number): number {
  let offset = 0
  for (let i = 0; i < characters && offset < text.length; i++) {
    offset += (text.codePointAt(offset) ?? 0) > 0xffff ? 2 : 1
  }
  return offset
}
