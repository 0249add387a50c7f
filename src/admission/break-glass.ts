import { ENV, INTENT, POLICY } from '../contract.ts'
import type { Intent } from '../injection/intent.ts'
import { partsOf } from '../injection/parts.ts'
import type { Settings } from '../injection/settings.ts'
import { readStatus } from '../injection/status.ts'
import type { Workload } from '../injection/workload.ts'
import { type Finding, remark } from '../migration/finding.ts'
import { envOf, isBuiltFor } from './not-injected.ts'
import { returnedStatus } from './returned.ts'

/** Break-glass that an update carries: in force, or the reason why it is not. */
export interface BreakGlass {
  readonly inForce: Settings['breakGlass']
  readonly findings: readonly Finding[]
}

/**
 * It counts in the one update that introduces it, for its target, where the namespace permits it. An undo brings old
 * annotations back, so what comes with an older status introduces nothing.
 */
export function breakGlassOf(
  { breakGlass, target, policy }: Settings,
  workload: Workload,
  old: Workload | undefined,
  intent: { readonly now: Intent; readonly before: Intent },
): BreakGlass {
  if (breakGlass === undefined) return { inForce: undefined, findings: [] }
  const idle = (why: string, fix: string): BreakGlass => ({
    inForce: undefined,
    findings: [remark('break-glass', `it is not in force: ${why}`, fix)],
  })
  if (!policy.allowBreakGlass) {
    return idle(
      'the namespace does not permit it',
      `have the platform team set ${POLICY.allowBreakGlass}: "true" there`,
    )
  }
  if (breakGlass.version !== target) {
    return idle(`it names ${breakGlass.version}, and the target is ${target}`, `write "${target} REASON"`)
  }
  if (intent.now[INTENT.breakGlass] === intent.before[INTENT.breakGlass]) {
    return idle('it was there before this update', 'remove it; another reason puts it in force again')
  }
  if (returnedStatus(workload, old) !== undefined || refusedByMutation(workload, old)) {
    return idle('an undo brought it back', 'remove it; another reason puts it in force again')
  }
  return { inForce: breakGlass, findings: [] }
}

/** What the mutating webhook built in this very update says what it thought: it saw the object as the undo left it. */
function refusedByMutation(workload: Workload, old: Workload | undefined): boolean {
  const [status, before, parts] = [readStatus(workload), readStatus(old), partsOf(workload)]
  if (status === undefined || before === undefined || parts === undefined) return false
  const fresh = status.token > before.token && isBuiltFor(parts, status)
  return fresh && envOf(parts, ENV.breakGlass) === undefined
}
