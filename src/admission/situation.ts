import { ADMISSION_LABEL, CRONJOB_CONTROLLER, INTENT } from '../contract.ts'
import { asks, type Intent, intentHash, ownIntent } from '../injection/intent.ts'
import { kindOf } from '../injection/kinds.ts'
import { namesTaken } from '../injection/names-taken.ts'
import { linuxOnly } from '../injection/operating-system.ts'
import { hasParts, type Parts, withoutParts } from '../injection/parts.ts'
import { type Policy, readPolicy } from '../injection/policy.ts'
import { sameJson } from '../injection/same-json.ts'
import { readSettings, type Settings } from '../injection/settings.ts'
import { readStatus, type Status } from '../injection/status.ts'
import { controllerOf, type Template, type Workload } from '../injection/workload.ts'
import type { Finding } from '../migration/finding.ts'
import { compareVersions } from '../migration/version.ts'
import { admittedBy, builtBefore } from './admitted.ts'
import { breakGlassOf } from './break-glass.ts'
import type { NamespaceFacts } from './facts.ts'
import { intentPlaces } from './intent-split.ts'
import type { ReviewRequest } from './review.ts'

/** What a review is about, told from request and namespace alone: mutate and validate see the same. */
export type Situation =
  | { readonly kind: 'ignore' }
  /** A controller owns the workload: what we added it would take away again. `parts`: it carries what only we may write. */
  | { readonly kind: 'owned'; readonly owner: string; readonly target: string; readonly parts: boolean }
  /** It takes the pod template of another workload, which is the one to annotate. */
  | { readonly kind: 'elsewhere'; readonly template: string }
  /** Another intent on a workload whose pod template cannot change any more. */
  | { readonly kind: 'fixed'; readonly workload: Workload; readonly target: string }
  /** The intent is gone, and our parts go with it. */
  | { readonly kind: 'dropped'; readonly workload: Workload; readonly was: string }
  /** Own intent and template are as they were: the old template is restored, byte for byte. */
  | {
      readonly kind: 'carried'
      readonly workload: Workload
      readonly template: Template
      readonly built: Status
    }
  | {
      readonly kind: 'invalid'
      readonly findings: readonly Finding[]
      readonly policy: Policy
      readonly target: string
    }
  | Build

export interface Build {
  readonly kind: 'build'
  readonly workload: Workload
  readonly settings: Settings
  /** Warnings about the annotations. */
  readonly findings: readonly Finding[]
  readonly hash: string
  /** What the old object was built for, and its parts where they are whole; undefined where its status says nothing. */
  readonly old: { readonly status: Status; readonly parts: Parts | undefined } | undefined
  /** The old object's status, where what was admitted with it counts for this one too. */
  readonly admitted: Status | undefined
  /** The old object's status, whoever wrote it: tokens only grow, and a plan begins there. Nothing is judged by it. */
  readonly last: Status | undefined
  /** What the object itself brings, from an undo or a reinvocation. */
  readonly incoming: Status | undefined
  /** The intent is the old one: only the rest of the template changed. */
  readonly sameIntent: boolean
  readonly direction: 'up' | 'same' | 'back'
  /** Break-glass that this very update introduces for this target, where the namespace permits it. */
  readonly breakGlass: Settings['breakGlass']
}

export function situationOf(request: ReviewRequest, namespace: NamespaceFacts): Situation {
  const { workload, old, operation, elsewhere } = request
  if (operation !== 'CREATE' && operation !== 'UPDATE') return { kind: 'ignore' }
  // The API server has looked at the label; nobody looked the namespace up for an object without a pod template.
  if (elsewhere !== undefined) return { kind: 'elsewhere', template: elsewhere }
  if (workload === undefined || namespace.labels[ADMISSION_LABEL] !== 'enabled') return { kind: 'ignore' }
  if (workload.metadata.deletionTimestamp !== undefined) return { kind: 'ignore' }
  const places = ownIntent(workload)
  const { intent } = places
  const oldIntent = old === undefined ? {} : ownIntent(old).intent
  const hash = intentHash(intent)
  if (operation === 'UPDATE' && !kindOf(workload).changes)
    return fixed(workload, intent, hash === intentHash(oldIntent))
  if (!asks(intent)) {
    const dropped = operation === 'UPDATE' && asks(oldIntent) && hasParts(workload)
    return dropped ? { kind: 'dropped', workload, was: oldIntent[INTENT.schemaVersion] ?? '' } : { kind: 'ignore' }
  }
  const kept = keptByAnother(request, workload, intent)
  if (kept !== undefined) return kept

  const before = builtBefore(old)
  const sameIntent = before?.status.intent === hash
  const { misplaced, split, returned } = intentPlaces(workload, old, places)
  if (returned !== undefined) return invalid([returned], intent, namespace)
  if (sameIntent && old !== undefined && before.parts !== undefined && sameTemplate(workload, old)) {
    return { kind: 'carried', workload, template: old.spec.template, built: before.status }
  }
  // The mutating webhook leaves such an object as it is, or the validating one could not see what it would lose.
  const unfit = [...linuxOnly(workload), ...namesTaken(workload, old)]
  if (unfit.length > 0) return invalid(unfit, intent, namespace)
  if (split.length > 0) return invalid(split, intent, namespace)
  const { settings, findings } = readSettings(intent, namespace.annotations)
  if (settings === undefined) return invalid(findings, intent, namespace)
  const breakGlass = breakGlassOf(settings, workload, old, { now: intent, before: oldIntent })
  return {
    kind: 'build',
    workload,
    settings: kindOf(workload).lowers ? settings : { ...settings, onRollback: 'keep' },
    findings: [...findings, ...misplaced, ...breakGlass.findings],
    hash,
    old: before,
    admitted: admittedBy(before, settings, intent),
    last: readStatus(old),
    incoming: readStatus(workload),
    sameIntent,
    direction: directionOf(settings.target, before?.status.target),
    breakGlass: breakGlass.inForce,
  }
}

/** What is not asked anew is let through: the controller of a Job writes to it too. */
const fixed = (workload: Workload, intent: Intent, same: boolean): Situation =>
  same || !asks(intent) ? { kind: 'ignore' } : { kind: 'fixed', workload, target: intent[INTENT.schemaVersion] ?? '' }

/**
 * A Job that a CronJob made carries the parts of its CronJob already. Only the controller's word counts for that: a person
 * may write any owner into a Job (`kubectl create job --from` does), and it is then a Job like any other. The API server
 * always names the user; a manifest that is reviewed offline has none.
 */
function keptByAnother({ user }: ReviewRequest, workload: Workload, intent: Intent): Situation | undefined {
  const owner = controllerOf(workload)
  if (owner === undefined) return undefined
  const parts = hasParts(workload) || namesTaken(workload, undefined).length > 0
  const ofCronJob = workload.kind === 'Job' && owner.kind === 'CronJob'
  if (ofCronJob && user !== CRONJOB_CONTROLLER && user !== '') return undefined
  if (ofCronJob && parts) return { kind: 'ignore' }
  return { kind: 'owned', owner: `${owner.kind}/${owner.name}`, target: intent[INTENT.schemaVersion] ?? '', parts }
}

function directionOf(target: string, old: string | undefined): Build['direction'] {
  if (old === undefined) return 'up'
  const order = compareVersions(target, old)
  return order > 0 ? 'up' : order < 0 ? 'back' : 'same'
}

/** Whether the pods would be the same, our parts aside. */
const sameTemplate = (workload: Workload, old: Workload) => sameJson(bare(workload), bare(old))

/** The pod template without our parts; a list that is empty and one that is not there mean the same. */
function bare(workload: Workload) {
  const { metadata, spec, ...others } = withoutParts(workload).spec.template
  const { annotations = {}, ...labels } = metadata ?? {}
  return {
    others,
    annotations,
    labels,
    spec: { ...spec, initContainers: spec.initContainers ?? [], volumes: spec.volumes ?? [] },
  }
}

const invalid = (findings: readonly Finding[], intent: Intent, namespace: NamespaceFacts): Situation => ({
  kind: 'invalid',
  findings,
  policy: readPolicy(namespace.annotations),
  target: intent[INTENT.schemaVersion] ?? '',
})
