import { DEFAULTS, ENV, INTENT } from '../contract.ts'
import { asks, type Intent, intentHash, ownIntent } from '../injection/intent.ts'
import { type Parts, partsOf } from '../injection/parts.ts'
import { sameJson } from '../injection/same-json.ts'
import type { Settings } from '../injection/settings.ts'
import { readStatus, type Status } from '../injection/status.ts'
import { databaseSources } from '../injection/volume.ts'
import { controllerOf, type Workload } from '../injection/workload.ts'
import { parseVersion } from '../migration/version.ts'
import { envOf, isBuiltFor } from './not-injected.ts'

/** What an object is as we left it. */
export interface Built {
  readonly intent: Intent
  readonly status: Status
  /** Undefined when somebody broke them while we were away. */
  readonly parts: Parts | undefined
}

/**
 * What the old object was built for. Undefined where its status says nothing about an admission: the object did not ask,
 * so whoever wrote it could write any status; a controller kept it; or the status belongs to another intent than its own.
 */
export function builtBefore(old: Workload | undefined): Built | undefined {
  const status = readStatus(old)
  if (old === undefined || status === undefined || controllerOf(old) !== undefined) return undefined
  const { intent } = ownIntent(old)
  if (!asks(intent) || status.intent !== intentHash(intent)) return undefined
  if (status.target !== parseVersion(intent[INTENT.schemaVersion] ?? '')) return undefined
  const parts = partsOf(old)
  return { intent, status, parts: parts !== undefined && isBuiltFor(parts, status) ? parts : undefined }
}

/**
 * The admission of the old object, where it counts for the new one: the old parts are whole, and the same scripts would do
 * the same in the same place. Another set, database or history schema, other placeholders, and files in the place of a
 * catalogue that stood for them (or the other way round) are another matter: then everything is judged.
 */
export function admittedBy(built: Built | undefined, settings: Settings, intent: Intent): Status | undefined {
  if (built?.parts === undefined) return undefined
  const { parts, status } = built
  const same =
    (envOf(parts, ENV.set) ?? DEFAULTS.set) === settings.set &&
    (envOf(parts, ENV.historySchema) ?? DEFAULTS.historySchema) === settings.historySchema &&
    envOf(parts, ENV.placeholders) === settings.runner[ENV.placeholders] &&
    (envOf(parts, ENV.catalogue) === 'true') === (settings.files.kind !== 'configmap') &&
    sameDatabase(built, parts, settings, intent)
  return same ? status : undefined
}

/** A Secret is told from the volume; for a variable, which is copied, the annotation says which it is. */
function sameDatabase(built: Built, { volume }: Parts, settings: Settings, intent: Intent): boolean {
  const secrets = (volume as unknown as Volume).projected?.sources?.filter(({ secret }) => secret !== undefined) ?? []
  if (!sameJson(secrets, databaseSources(settings))) return false
  return settings.database.kind === 'secret' || built.intent[INTENT.database] === intent[INTENT.database]
}

interface Volume {
  readonly projected?: { readonly sources?: readonly { readonly secret?: unknown }[] | null }
}
