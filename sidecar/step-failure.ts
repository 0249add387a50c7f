import { lineOf, splitStatements } from '../src/migration/statements.ts'
import { RunFailure, stateOf } from './failure.ts'
import type { StepOutcome } from './send-step.ts'
import { isDatabaseError } from './session.ts'
import { entry, FENCED, LEFT_TRANSACTION, LOST_LOCK, raised, type Step } from './step.ts'

/** What went wrong with a step, by its file and line, with SQLSTATE and cure. */
export function stepFailure(step: Step, outcome: StepOutcome): RunFailure {
  const { header, script, trailer } = outcome
  if (header.error !== undefined) return ofHeader(step, header.error)
  // `entry` is the first statement of the message.
  if (script.error !== undefined) return ofScript(step, script.error, script.completed - 1)
  const state = stateOf(trailer.error)
  const check = raised(trailer.error)
  const place = {
    version: step.version,
    file: step.script.file,
    ...(state !== undefined && { sqlstate: check ?? state }),
  }
  if (check === LEFT_TRANSACTION || script.status !== 'T') {
    return new RunFailure(
      'migration-failed',
      `${step.script.file} ended the transaction that it runs in`,
      noControl,
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
  const said = trailer.error?.message ?? `the server answered with status ${trailer.status}`
  return new RunFailure('migration-failed', `${step.script.file} could not be committed: ${said}`, correct(step), place)
}

const noControl = 'remove what commits or rolls back: Lockkeeper opens one transaction around each script'
const noUnlock = 'remove pg_advisory_unlock_all() and the like from the script'

const correct = ({ script, direction }: Step) =>
  direction === 'up'
    ? `correct ${script.file} and deploy again; nothing of it was applied`
    : `correct ${script.file} in the migrations and deploy them, which replaces the stored script; the migration is still applied`

function ofHeader(step: Step, error: Error): RunFailure {
  const state = stateOf(error)
  const place = { version: step.version, ...(state !== undefined && { sqlstate: state }) }
  if (raised(error) === FENCED) {
    return new RunFailure(
      'superseded',
      `a newer rollout of this workload took over before ${step.direction} ${step.version}`,
      'nothing, if that rollout is the wanted one; else `kubectl rollout restart`',
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

function ofScript(step: Step, error: Error, completed: number): RunFailure {
  const line = lineOfError(step, error, completed)
  const state = stateOf(error)
  const place = {
    version: step.version,
    file: step.script.file,
    ...(line !== undefined && { line }),
    ...(state !== undefined && { sqlstate: state }),
  }
  const where = line === undefined ? step.script.file : `${step.script.file} line ${line}`
  if (state === '25001') {
    return new RunFailure(
      'migration-failed',
      `${where} cannot run inside a transaction (${error.message}), and this release runs every migration in one`,
      'use a form of the statement that may run in a transaction',
      place,
    )
  }
  if (state === '42501') {
    return new RunFailure(
      'no-rights',
      `${where}: ${error.message}`,
      'grant the migration role what the statement needs',
      place,
    )
  }
  const hint = isDatabaseError(error) && error.hint !== undefined ? ` (hint: ${error.hint})` : ''
  return new RunFailure('migration-failed', `${where}: ${error.message}${hint}`, correct(step), place)
}

/** The server gives a position for errors of parsing; else the statement after the completed ones is meant. */
function lineOfError({ script }: Step, error: Error, completed: number): number | undefined {
  const position = isDatabaseError(error) ? Number(error.position) - entry.length : Number.NaN
  if (Number.isInteger(position) && position > 0) {
    return lineOf(script.text, utf16Offset(script.text, position - 1)) + script.line - 1
  }
  const statements = [...splitStatements(script.text)].filter(({ words }) => !isOuter(words))
  const failed = statements[completed]
  return failed === undefined ? undefined : lineOf(script.text, failed.start) + script.line - 1
}

/** BEGIN and COMMIT were blanked before the script was sent. */
const isOuter = (words: readonly string[]) =>
  ['begin', 'start', 'commit', 'end'].includes(words[0] ?? '') && words[1] !== 'atomic'

/** Positions of the server count characters; offsets here count UTF-16 units. */
function utf16Offset(text: string, characters: number): number {
  let offset = 0
  for (let i = 0; i < characters && offset < text.length; i++) {
    offset += (text.codePointAt(offset) ?? 0) > 0xffff ? 2 : 1
  }
  return offset
}
