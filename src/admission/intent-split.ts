import { INTENT } from '../contract.ts'
import { ownIntent, type SplitKey } from '../injection/intent.ts'
import { kindOf } from '../injection/kinds.ts'
import type { Workload } from '../injection/workload.ts'
import { type Finding, refusal, remark } from '../migration/finding.ts'
import { parseVersion } from '../migration/version.ts'
import { returnedStatus } from './returned.ts'

/** `intent-split`: what is wrong with where the intent stands. */
export interface IntentPlaces {
  /** Metadata and template disagree. */
  readonly split: readonly Finding[]
  /** An undo brought the template of another target back, and the metadata still asks for this one. */
  readonly returned: Finding | undefined
  /** An undo would leave the annotations behind. */
  readonly misplaced: readonly Finding[]
}

export function intentPlaces(
  workload: Workload,
  old: Workload | undefined,
  { split }: { readonly split: readonly SplitKey[] },
): IntentPlaces {
  const templateOnly = kindOf(workload).undo === 'template'
  const fix = templateOnly
    ? 'write it on the pod template only, so that an undo brings it back'
    : 'write it in one of the two places'
  return {
    split: split.map(({ key, metadata, template }) =>
      refusal('intent-split', `${key} is "${metadata}" on the workload and "${template}" on its pod template`, fix),
    ),
    returned: templateOnly ? returnedElsewhere(workload, old) : undefined,
    misplaced: templateOnly ? onMetadataOnly(workload) : [],
  }
}

function returnedElsewhere(workload: Workload, old: Workload | undefined): Finding | undefined {
  const target = ownIntent(workload).intent[INTENT.schemaVersion]
  if (old === undefined || target === undefined || target !== ownIntent(old).intent[INTENT.schemaVersion])
    return undefined
  const status = returnedStatus(workload, old)
  if (status === undefined || status.target === parseVersion(target)) return undefined
  return refusal(
    'intent-split',
    `the pod template came back from version ${status.target}, but ${INTENT.schemaVersion} on the metadata is still "${target}"`,
    `apply the manifest of version ${status.target}; with the annotations on the pod template an undo alone does it`,
  )
}

function onMetadataOnly({ kind, metadata, spec }: Workload): Finding[] {
  const key = INTENT.schemaVersion
  if (metadata.annotations?.[key] === undefined || spec.template.metadata?.annotations?.[key] !== undefined) return []
  return [
    remark(
      'intent-split',
      `an undo of a ${kind} restores its pod template only, but ${key} stands on its metadata`,
      'write the annotations on spec.template.metadata instead',
    ),
  ]
}
