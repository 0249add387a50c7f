import { isTouched } from '../history/unfinished.ts'
import { journalRow, replaceDown, replaceUp } from '../history/write.ts'
import { SAFETY_CODES } from '../migration/finding.ts'
import type { Migration } from '../migration/migration.ts'
import { repeatableKey } from '../migration/repeatable.ts'
import { withSqlFacts } from '../migration/sql-facts.ts'
import { compareVersions } from '../migration/version.ts'
import { RunFailure } from '../postgres/failure.ts'
import { stepsUp } from './apply-steps.ts'
import type { Attempt, Look } from './attempt.ts'
import { refuseUnfit, waysBack } from './encoding.ts'
import { sqlFactsOf } from './floors.ts'
import {
  acceptedUps,
  asksForChecks,
  correctedDowns,
  differsFromAdmitted,
  pendingRepeatables,
  recheckFiles,
  refuseChanged,
  refuseUnsafe,
} from './preflight.ts'
import { stepDown } from './revert-step.ts'

/** Does what was decided: every step up, or one step down (the next look decides on the next). */
export async function move(attempt: Attempt, look: Look): Promise<void> {
  const { decision } = look
  const { request, emit } = attempt.context
  refuseChanged(request, look)
  const versions = decision.kind === 'up' ? decision.steps : []
  refuseAgain(attempt, decision)
  const repeatables = decision.kind === 'down' ? [] : pendingRepeatables(request, look)
  await refuseUnfit(attempt.session, attempt.facts, arriving(attempt, look, versions, repeatables))
  const unadmitted = await check(attempt, look, [...versions, ...repeatables.map(({ name }) => repeatableKey(name))])
  if (!unadmitted) await replaceScripts(attempt, look)
  const half = look.seen.unfinished.find(
    (each) => each.direction === 'down' && versions.includes(each.version) && isTouched(each),
  )
  if (half !== undefined) return stepDown(attempt, look, half.version, true)
  if (decision.kind === 'up') {
    for (const message of decision.warnings) emit({ level: 'warn', event: 'applying', message })
  }
  await stepsUp(attempt, look, versions, repeatables)
  const [version] = decision.kind === 'down' ? decision.steps : []
  if (version !== undefined) await stepDown(attempt, look, version)
}

/** What is to run, and the ways back that are to be stored. */
function arriving({ context }: Attempt, look: Look, versions: readonly string[], repeatables: readonly Migration[]) {
  const { mounted, baseline } = look
  const due = [...(baseline === undefined ? [] : [baseline]), ...(mounted?.migrations ?? [])].filter(
    ({ kind, version }) => kind !== 'repeatable' && versions.includes(version),
  )
  const covered = (mounted?.migrations ?? []).filter(
    ({ kind, version }) =>
      kind === 'versioned' && baseline !== undefined && compareVersions(version, baseline.version) <= 0,
  )
  return [...due, ...repeatables, ...[...covered, ...correctedDowns(context.request, look)].map(waysBack)]
}

/**
 * What this run did is to be done once more: the history did not keep it, and each time would move the deadline. A server
 * that crashed loses the last steps whole, since they are committed asynchronously: those are done again.
 */
function refuseAgain({ state }: Attempt, decision: Look['decision']): void {
  if (decision.kind !== 'up' && decision.kind !== 'down') return
  const done = state.steps.slice(state.stepsBeforeLoss)
  const last = (version: string) => done.findLast((step) => step.version === version)?.direction
  const version = decision.steps.find((each) => last(each) === decision.kind)
  if (version === undefined) return
  throw new RunFailure(
    'history-untrusted',
    `${decision.kind} ${version} went through in this run, and the history does not show it: something else changes its tables`,
    'see which rule, trigger or session does, and whether the schema has the version; then run it again',
    { version },
  )
}

/**
 * Refuses what is to be applied without a way back, or with what the namespace lists: the same checks as at admission,
 * whatever that saw. True when the files are not the admitted ones.
 */
async function check(
  { context, session, state }: Attempt,
  { mounted, files, target }: Look,
  pending: readonly string[],
): Promise<boolean> {
  const { request } = context
  const { rules, owner } = request
  if (mounted === undefined || files === undefined) return false
  const differs = differsFromAdmitted(request, mounted, target)
  if (pending.length === 0) return differs
  if (!differs) {
    if (asksForChecks(rules) && rules.breakGlass === undefined) {
      const unseen = rules.filesUnseen && SAFETY_CODES.some((code) => rules.denyFindings.includes(code))
      refuseUnsafe(rules, unseen ? withSqlFacts(mounted, await sqlFactsOf(mounted)) : mounted, pending)
    }
    return false
  }
  recheckFiles(request, mounted, pending)
  const what = owner?.digest === '-' ? 'none were admitted' : 'the files differ from the admitted ones'
  const detail = `${what}; versions ${pending.join(', ')} passed the checks in the runner`
  await session.execute(journalRow(request, state.journal, { event: 'files-rechecked', detail }))
  context.emit({ level: 'warn', event: 'applying', message: detail })
  return true
}

/** Down scripts that were corrected, and up scripts whose change a person accepts. */
async function replaceScripts({ context, session, state }: Attempt, look: Look): Promise<void> {
  const { request } = context
  const inOne = (version: string, event: 'down-replaced' | 'up-accepted', statements: readonly string[]) =>
    session.execute(
      ['begin', ...statements, journalRow(request, state.journal, { event, version }), 'commit'].join(';\n'),
    )
  for (const migration of correctedDowns(request, look)) {
    await inOne(migration.version, 'down-replaced', replaceDown(request, migration))
  }
  for (const migration of acceptedUps(request, look)) {
    await inOne(migration.version, 'up-accepted', [replaceUp(request, migration)])
  }
}
