import type { SourceRequest } from './facts.ts'
import type { ReviewRequest } from './review.ts'
import type { Situation } from './situation.ts'

/** Which ConfigMaps a review needs; none when it builds nothing. */
export function sourceNeeded(request: ReviewRequest, situation: Situation): SourceRequest | undefined {
  if (situation.kind !== 'build') return undefined
  const { configMaps, format, historySchema } = situation.settings
  return { namespace: request.namespace, configMaps, format, historySchema }
}
