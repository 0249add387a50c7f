import { isDeepStrictEqual } from 'node:util'
import { partsOf, withoutParts, withParts } from '../injection/parts.ts'
import { diff, type Operation, patched } from '../injection/patch.ts'
import { readStatus } from '../injection/status.ts'
import type { Json, Workload } from '../injection/workload.ts'
import { buildParts } from './build.ts'
import type { Facts } from './facts.ts'
import type { ReviewRequest } from './review.ts'
import { type Situation, situationOf } from './situation.ts'

export interface Mutation {
  readonly patch: readonly Operation[]
  readonly warnings: readonly string[]
}

/** What the mutating webhook does: it never denies. Throws when its own patch does not apply. */
export function mutate(request: ReviewRequest, facts: Facts): Mutation {
  const situation = situationOf(request, facts.namespace)
  const wanted = mutated(request, situation, facts)
  if (wanted === undefined) return { patch: [], warnings: ownedWarning(situation) }
  const before = request.object as Json
  const patch = diff(before, wanted as unknown as Json)
  proveApplies(before, patch, wanted)
  return { patch, warnings: restoredWarning(request, situation, wanted) }
}

function mutated(request: ReviewRequest, situation: Situation, facts: Facts): Workload | undefined {
  switch (situation.kind) {
    case 'dropped':
      return withoutParts(situation.workload)
    case 'carried': {
      const place = request.old === undefined ? undefined : neighbour(request.old)
      return situation.edited ? withParts(situation.workload, situation.old, place) : situation.workload
    }
    case 'build': {
      const parts = buildParts(request, situation, facts)
      return withParts(situation.workload, parts, situation.settings.afterContainer)
    }
    default:
      return undefined
  }
}

/** The init container that ours stood behind. */
function neighbour(old: Workload): string | undefined {
  const names = (old.spec.template.spec.initContainers ?? []).map(({ name }) => name)
  const ours = partsOf(old)?.container.name
  const at = names.indexOf(typeof ours === 'string' ? ours : '')
  return at > 0 ? names[at - 1] : undefined
}

/** A patch that fails would be an error of the API server under any failurePolicy; better ours, with a trace. */
function proveApplies(before: Json, patch: readonly Operation[], wanted: Workload): void {
  if (!isDeepStrictEqual(patched(before, patch), wanted)) throw new Error('the patch does not give what was built')
}

function ownedWarning(situation: Situation): string[] {
  if (situation.kind !== 'owned') return []
  return [`${situation.owner} owns this workload and would take the migration container away: annotate that instead`]
}

/** Edits of our container are put back; whoever made them should know. */
function restoredWarning(request: ReviewRequest, situation: Situation, wanted: Workload): string[] {
  const { workload, old } = request
  if (workload === undefined || old === undefined || situation.kind === 'dropped') return []
  const [before, now, after] = [partsOf(old), partsOf(workload), partsOf(wanted)]
  if (before === undefined || after === undefined || readStatus(workload)?.token !== readStatus(old)?.token) return []
  const edited = now === undefined || !isDeepStrictEqual(now.container, before.container)
  return edited ? ['lockkeeper-migrate belongs to Lockkeeper: the change to it was put back'] : []
}
