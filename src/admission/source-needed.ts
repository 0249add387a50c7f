import type { SourceRequest } from './facts.ts'
import type { ReviewRequest } from './review.ts'
import type { Situation } from './situation.ts'

/** The Secret that names the database of what is built, if one does. */
export const secretNeeded = (situation: Situation): string | undefined =>
  situation.kind === 'build' && situation.settings.database.kind === 'secret'
    ? situation.settings.database.name
    : undefined

/** Which ConfigMaps a review needs; none when it builds nothing. */
export function sourceNeeded(request: ReviewRequest, situation: Situation): SourceRequest | undefined {
  if (situation.kind !== 'build') return undefined
  const { configMaps, format, historySchema, placeholders } = situation.settings
  return { namespace: request.namespace, configMaps, format, historySchema, placeholders }
}
