import type { SourceRequest } from './facts.ts'
import type { ReviewRequest } from './review.ts'
import type { Build, Situation } from './situation.ts'

/** The Secret that names the database of what is built, if one does. */
export const secretNeeded = (situation: Situation): string | undefined =>
  situation.kind === 'build' && situation.settings.database.kind === 'secret'
    ? situation.settings.database.name
    : undefined

/** Which ConfigMaps a review needs; none when it builds nothing, or when files in an image have no catalogue. */
export function sourceNeeded(request: ReviewRequest, situation: Situation): SourceRequest | undefined {
  if (situation.kind !== 'build') return undefined
  const { files, configMaps, proofs, format, historySchema, placeholders } = situation.settings
  if (configMaps.length === 0) return undefined
  const since = admittedBefore(situation)
  const wanted = {
    ...{ namespace: request.namespace, configMaps, format, historySchema, placeholders },
    ...(since !== undefined && { since }),
  }
  if (files.kind !== 'configmap') return { ...wanted, catalogue: true }
  return proofs === undefined ? wanted : { ...wanted, proofs }
}

/** Up to here others looked already: the target of the old object, else the namespace's baseline. */
const admittedBefore = ({ old, settings }: Build): string | undefined => old?.status.target ?? settings.policy.baseline
