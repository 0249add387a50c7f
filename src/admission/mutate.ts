import { kindOf } from '../injection/kinds.ts'
import { type Parts, partsOf, withoutParts, withParts } from '../injection/parts.ts'
import { diff, type Operation, patched } from '../injection/patch.ts'
import { sameJson } from '../injection/same-json.ts'
import { readStatus } from '../injection/status.ts'
import { type Json, type JsonObject, type Template, type Workload, withTemplate } from '../injection/workload.ts'
import { buildParts } from './build.ts'
import type { Facts } from './facts.ts'
import type { ReviewRequest } from './review.ts'
import { type Situation, situationOf } from './situation.ts'
import { fitWarnings } from './warning.ts'

export interface Mutation {
  readonly patch: readonly Operation[]
  readonly warnings: readonly string[]
}

/** What the mutating webhook does: it never denies. Throws when its own patch does not apply. Give it the situation where that is known already. */
export function mutate(
  request: ReviewRequest,
  facts: Facts,
  situation: Situation = situationOf(request, facts.namespace),
): Mutation {
  const { workload } = request
  const wanted = templateFor(request, situation, facts)
  if (workload === undefined || wanted === undefined) return { patch: [], warnings: [] }
  const kind = kindOf(workload)
  const before = request.object as JsonObject
  const patch = diff(
    workload.spec.template as unknown as Json,
    wanted as unknown as Json,
    `/${kind.template.join('/')}`,
  )
  if (patch.length > 0) proveApplies(before, patch, withTemplate(kind, before, wanted))
  return { patch, warnings: fitWarnings(restoredWarning(request, situation, wanted)) }
}

/** The pod template as it is to be: nothing else of an object is ever touched. */
function templateFor(request: ReviewRequest, situation: Situation, facts: Facts): Template | undefined {
  switch (situation.kind) {
    case 'dropped':
      return withoutParts(situation.workload).spec.template
    case 'carried':
      return situation.template
    case 'build': {
      const parts = buildParts(request, situation, facts)
      return withParts(situation.workload, parts, situation.settings.afterContainer).spec.template
    }
    default:
      return undefined
  }
}

/** A patch that fails would be an error of the API server under any failurePolicy; better ours, with a trace. */
function proveApplies(before: Json, patch: readonly Operation[], wanted: Json): void {
  if (!sameJson(patched(before, patch), wanted)) throw new Error('the patch does not give what was built')
}

/** Edits of our container are put back; whoever made them should know. */
function restoredWarning({ workload, old }: ReviewRequest, situation: Situation, wanted: Template): string[] {
  if (workload === undefined || old === undefined || situation.kind === 'dropped') return []
  const after: Workload = { ...workload, spec: { ...workload.spec, template: wanted } }
  const [was, now] = [partsOf(old), partsOf(workload)]
  if (was === undefined || partsOf(after) === undefined) return []
  if (readStatus(workload)?.token !== readStatus(old)?.token) return []
  const own = ({ container, extras }: Parts) => [container, extras]
  const edited = now === undefined || !sameJson(own(now), own(was))
  return edited ? ['lockkeeper-migrate belongs to Lockkeeper: the change to it was put back'] : []
}
