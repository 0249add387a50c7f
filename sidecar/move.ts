import { correctedDowns, differsFromAdmitted, pendingRepeatables, recheckFiles, refuseChanged } from './before-move.ts'
import { journalRow, replaceDown } from './history/write.ts'
import type { Attempt, Look } from './run-in-session.ts'
import { stepDown } from './step-down.ts'
import { stepsUp } from './steps-up.ts'

/** Does what was decided: every step up, or one step down (the next look decides on the next). */
export async function move(attempt: Attempt, look: Look): Promise<void> {
  const { decision, files, seen, target } = look
  if (files !== undefined) refuseChanged(files, seen, target)
  const pending = decision.kind === 'up' ? decision.steps : []
  const rechecked = await recheck(attempt, look, pending)
  if (!rechecked) await replaceDowns(attempt, look)
  if (decision.kind === 'up') {
    for (const message of decision.warnings) attempt.context.emit({ level: 'warn', event: 'applying', message })
  }
  const versions = decision.kind === 'up' ? decision.steps : []
  const repeatables = decision.kind === 'down' ? [] : pendingRepeatables(attempt.context.request, look)
  await stepsUp(attempt, look, versions, repeatables)
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
