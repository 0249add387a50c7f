import { DATABASE_DIR, DATABASE_SECRET_KEYS, DATABASE_URI_FILE, MIGRATIONS_DIR, VOLUME_NAME } from '../contract.ts'
import type { Settings } from './settings.ts'
import type { JsonObject, Workload } from './workload.ts'

/** The files of a ConfigMap that are mounted. */
export interface SourceItems {
  readonly configMap: string
  readonly keys: readonly string[]
}

/**
 * The projected volume: migration files and connection facts. Every source is optional, so that pods on a current schema
 * start when the ConfigMap is gone. Without items nothing of a ConfigMap could be put into a folder of its own.
 */
export function migrateVolume(settings: Settings, items: readonly SourceItems[]): JsonObject {
  const files = (settings.files.kind === 'configmap' ? items : [])
    .filter(({ keys }) => keys.length > 0)
    .map(({ configMap, keys }) => ({
      configMap: {
        name: configMap,
        items: keys.map((key) => ({ key, path: `${MIGRATIONS_DIR}/${key}` })),
        optional: true,
      },
    }))
  const sources = [...files, ...databaseSources(settings)]
  // The API server stores an empty list as null.
  return { name: VOLUME_NAME, projected: { defaultMode: 0o644, sources: sources.length === 0 ? null : sources } }
}

/** What the volume takes from the Secret that names the database. */
export function databaseSources({ database }: Pick<Settings, 'database'>): JsonObject[] {
  if (database.kind === 'env') return []
  const { name, key } = database
  const items =
    key === undefined
      ? DATABASE_SECRET_KEYS.map((each) => ({ key: each, path: `${DATABASE_DIR}/${each}` }))
      : [{ key, path: `${DATABASE_DIR}/${DATABASE_URI_FILE}` }]
  return [{ secret: { name, items, optional: true } }]
}

/** What a volume that is there mounts, for a way back whose files nobody can read any more. */
export function mountedItems(workload: Workload | undefined): readonly SourceItems[] {
  const volume = workload?.spec.template.spec.volumes?.find(({ name }) => name === VOLUME_NAME)
  return (volume?.projected?.sources ?? []).flatMap(({ configMap }) =>
    configMap === undefined ? [] : [{ configMap: configMap.name, keys: (configMap.items ?? []).map(({ key }) => key) }],
  )
}
