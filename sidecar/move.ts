import { decide } from '../src/migration/decide.ts'
import { transactionBody } from '../src/migration/transaction.ts'
import { compareVersions } from '../src/migration/version.ts'
import { type Applier, applyStep, type Way } from './apply.ts'
import { correctedDowns, differsFromAdmitted, recheckFiles, refuseChanged } from './before-move.ts'
import { decisionInput, ownRequirement } from './decision-input.ts'
import { failureOfFinding, RunFailure } from './failure.ts'
import { Flight } from './flight.ts'
import { readHistory, storedDown } from './history/read.ts'
import { deleteMigration, insertMigration, journalRow, raiseEpoch, raiseReached, replaceDown } from './history/write.ts'
import type { Attempt, Look } from './run-in-session.ts'
import { isDatabaseError } from './session.ts'
import type { Step } from './step.ts'

/** Does what was decided: every step up, or one step down (the next look decides on the next). */
export async function move(attempt: Attempt, look: Look): Promise<void> {
  const { decision, files, seen, target } = look
  if (files !== undefined) refuseChanged(files, seen, target)
  const pending = decision.kind === 'up' ? decision.steps : []
  const rechecked = await recheck(attempt, look, pending)
  if (!rechecked) await replaceDowns(attempt, look)
  if (decision.kind === 'up') {
    for (const message of decision.warnings) attempt.context.emit({ level: 'warn', event: 'applying', message })
    await stepsUp(attempt, look, decision.steps)
  }
  const [version] = decision.kind === 'down' ? decision.steps : []
  if (version !== undefined) await stepDown(attempt, look, version)
}

/** True when the files are not the admitted ones and passed the checks here. */
async function recheck(
  { context, session, state }: Attempt,
  { mounted, files, target }: Look,
  pending: readonly string[],
) {
  const { request } = context
  if (mounted === undefined || files === undefined || !differsFromAdmitted(request, mounted, target)) return false
  if (pending.length === 0) return true
  recheckFiles(request, mounted, pending)
  const detail = `the files differ from the admitted ones; versions ${pending.join(', ')} passed the checks in the runner`
  await session.execute(journalRow(request, state.journal, { event: 'files-rechecked', detail }))
  context.emit({ level: 'warn', event: 'applying', message: detail })
  return true
}

async function replaceDowns({ context, session, state }: Attempt, { files, seen, target }: Look): Promise<void> {
  const { request } = context
  for (const migration of correctedDowns(files, seen, target)) {
    const entry = journalRow(request, state.journal, { event: 'down-replaced', version: migration.version })
    await session.execute(['begin', ...replaceDown(request, migration), entry, 'commit'].join(';\n'))
  }
}

async function stepsUp(attempt: Attempt, look: Look, versions: readonly string[]): Promise<void> {
  const { session, context, facts } = attempt
  const { request, who, signal } = context
  const settings = { request, facts, who, lockTimeoutMs: request.lockTimeoutMs }
  const flight = new Flight(session, settings, upSteps(attempt, look, versions))
  for (let next = flight.next(); next !== undefined; next = flight.next()) {
    const { step, outcome } = next
    await perform(attempt, step, { sent: { outcome, land: () => flight.land() } })
    signal?.throwIfAborted()
  }
}

function* upSteps({ context, state }: Attempt, { mounted, seen }: Look, versions: readonly string[]): Generator<Step> {
  const { request } = context
  let after: string | undefined
  let reached = ownRequirement(request, seen)?.reached ?? null
  for (const [i, version] of versions.entries()) {
    const migration = mounted?.migrations.find((each) => each.version === version)
    if (migration === undefined || mounted === undefined) throw new Error(`no file for ${version}`)
    yield {
      version,
      direction: 'up',
      after,
      more: i + 1 < versions.length,
      script: migration.up,
      record: [
        insertMigration(request, state.journal, mounted.format, migration, 'lockkeeper'),
        journalRow(request, state.journal, { event: 'applied', version }),
        raiseEpoch(request),
        ...raiseReached(request, reached, version),
      ],
    }
    after = version
    if (reached === null || compareVersions(version, reached) > 0) reached = version
  }
}

async function stepDown(attempt: Attempt, look: Look, version: string): Promise<void> {
  const { session, context, state } = attempt
  const { request } = context
  const stored = await storedDown(session, request.historySchema, request.set, version)
  if (stored === undefined) return
  const script = { ...stored, line: 1 }
  const [finding] = transactionBody({ ...script, checksum: '' }).findings
  if (finding !== undefined) throw failureOfFinding({ ...finding, version })
  const step: Step = {
    version,
    direction: 'down',
    after: undefined,
    more: false,
    script,
    record: [
      deleteMigration(request, version),
      journalRow(request, state.journal, { event: 'reverted', version }),
      raiseEpoch(request),
    ],
  }
  const wanted = async () => {
    const seen = await readHistory(session, request.historySchema, request.set)
    const again = decide(decisionInput(request, seen, look.files, look.target))
    return again.kind === 'down' && again.steps[0] === version
  }
  await perform(attempt, step, { wanted })
}

async function perform(attempt: Attempt, step: Step, way: Way): Promise<void> {
  const { session, context, state, facts } = attempt
  const { emit, request, who, database, signal } = context
  const { version, direction } = step
  const doing = { version, message: step.script.file }
  emit({ level: 'info', event: direction === 'up' ? 'applying' : 'reverting', ...doing })
  const { deadlineAt } = state.patience
  const applier: Applier = { session, database, emit, deadlineAt, settings: { request, facts, who } }
  try {
    const done = await applyStep(applier, step, way)
    if (done === 'changed') return
    state.steps.push({ version, direction, ...done })
    state.patience.advance()
    emit({ level: 'info', event: direction === 'up' ? 'applied' : 'reverted', durationMs: done.durationMs, ...doing })
  } catch (error) {
    signal?.throwIfAborted()
    if (error instanceof RunFailure) await journalFailure(attempt, step, error)
    throw error
  }
}

/** The journal keeps failures too, where it can: code, place and message, never SQL. */
async function journalFailure(
  { session, context, state }: Attempt,
  { version }: Step,
  failure: RunFailure,
): Promise<void> {
  const detail = `${failure.code}: ${failure.message}`
  try {
    await session.execute(journalRow(context.request, state.journal, { event: 'failed', version, detail }))
  } catch (error) {
    // A script may have left the session unusable; what matters is the failure itself, which is thrown by the caller.
    if (!isDatabaseError(error)) throw error
  }
}
