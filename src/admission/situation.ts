import { isDeepStrictEqual } from 'node:util'
import { ADMISSION_LABEL, INTENT } from '../contract.ts'
import { asks, type Intent, intentHash, ownIntent, type SplitKey } from '../injection/intent.ts'
import { hasParts, type Parts, partsOf, withoutParts } from '../injection/parts.ts'
import { type Policy, readPolicy } from '../injection/policy.ts'
import { readSettings, type Settings } from '../injection/settings.ts'
import { readStatus, type Status } from '../injection/status.ts'
import type { Workload } from '../injection/workload.ts'
import type { Finding } from '../migration/finding.ts'
import { compareVersions } from '../migration/version.ts'
import type { NamespaceFacts } from './facts.ts'
import type { ReviewRequest } from './review.ts'

/** What a review is about, told from request and namespace alone: mutate and validate see the same. */
export type Situation =
  | { readonly kind: 'ignore' }
  /** A controller owns the workload: what we added it would take away again. */
  | { readonly kind: 'owned'; readonly owner: string }
  /** The intent is gone, and our parts go with it. */
  | { readonly kind: 'dropped'; readonly workload: Workload; readonly was: string }
  /** Own intent and template are as they were: the old parts are restored, byte for byte. */
  | {
      readonly kind: 'carried'
      readonly workload: Workload
      readonly old: Parts
      readonly built: Status
      readonly edited: boolean
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
  /** What the old object was built for. */
  readonly old: { readonly status: Status; readonly parts: Parts | undefined } | undefined
  /** What the object itself brings, from an undo or a reinvocation. */
  readonly incoming: Status | undefined
  /** The intent is the old one: only the rest of the template changed. */
  readonly sameIntent: boolean
  readonly direction: 'up' | 'same' | 'back'
  /** Break-glass that this very update introduces for this target, where the namespace permits it. */
  readonly breakGlass: Settings['breakGlass']
}

export function situationOf(request: ReviewRequest, namespace: NamespaceFacts): Situation {
  const { workload, old, operation } = request
  if (workload === undefined || namespace.labels[ADMISSION_LABEL] !== 'enabled') return { kind: 'ignore' }
  if (operation !== 'CREATE' && operation !== 'UPDATE') return { kind: 'ignore' }
  if (workload.metadata.deletionTimestamp !== undefined) return { kind: 'ignore' }
  const { intent, split } = ownIntent(workload)
  const oldIntent = old === undefined ? {} : ownIntent(old).intent
  if (!asks(intent)) {
    const dropped = operation === 'UPDATE' && asks(oldIntent) && hasParts(workload)
    return dropped ? { kind: 'dropped', workload, was: oldIntent[INTENT.schemaVersion] ?? '' } : { kind: 'ignore' }
  }
  const owner = workload.metadata.ownerReferences?.find(({ controller }) => controller === true)
  if (owner !== undefined) return { kind: 'owned', owner: `${owner.kind}/${owner.name}` }

  const hash = intentHash(intent)
  const oldStatus = readStatus(old)
  const oldParts = old === undefined ? undefined : partsOf(old)
  const sameIntent = oldStatus !== undefined && oldStatus.intent === hash
  if (sameIntent && old !== undefined && oldParts !== undefined && sameTemplate(workload, old)) {
    const edited = !isDeepStrictEqual(partsOf(workload), oldParts)
    return { kind: 'carried', workload, old: oldParts, built: oldStatus, edited }
  }
  if (split.length > 0) return invalid(split.map(splitFinding), intent, namespace)
  const { settings, findings } = readSettings(intent, namespace.annotations)
  if (settings === undefined) return invalid(findings, intent, namespace)
  return {
    kind: 'build',
    workload,
    settings,
    findings,
    hash,
    old: oldStatus && { status: oldStatus, parts: oldParts },
    incoming: readStatus(workload),
    sameIntent,
    direction: directionOf(settings.target, oldStatus?.target),
    breakGlass: breakGlassOf(settings, oldIntent),
  }
}

function directionOf(target: string, old: string | undefined): Build['direction'] {
  if (old === undefined) return 'up'
  const order = compareVersions(target, old)
  return order > 0 ? 'up' : order < 0 ? 'back' : 'same'
}

/** An undo brings old annotations back, so only what this update introduces counts, and only for its target. */
function breakGlassOf({ breakGlass, target, policy }: Settings, old: Intent): Settings['breakGlass'] {
  if (breakGlass === undefined || !policy.allowBreakGlass || breakGlass.version !== target) return undefined
  return old[INTENT.breakGlass] === `${breakGlass.version} ${breakGlass.reason}` ? undefined : breakGlass
}

/** Whether the pods would be the same, our parts aside. */
const sameTemplate = (workload: Workload, old: Workload) =>
  isDeepStrictEqual(withoutParts(workload).spec.template, withoutParts(old).spec.template)

const invalid = (findings: readonly Finding[], intent: Intent, namespace: NamespaceFacts): Situation => ({
  kind: 'invalid',
  findings,
  policy: readPolicy(namespace.annotations),
  target: intent[INTENT.schemaVersion] ?? '',
})

const splitFinding = ({ key, metadata, template }: SplitKey): Finding => ({
  code: 'intent-split',
  severity: 'error',
  message: `${key} is "${metadata}" on the workload and "${template}" on its pod template`,
  fix: 'write it in one of the two places',
})
