import {
  CONTAINER_NAME,
  DATABASE_DIR,
  ENV,
  FILES_CONTAINER_NAME,
  FILES_PATH,
  FILES_VOLUME_NAME,
  MIGRATIONS_DIR,
  MOUNT_PATH,
  VOLUME_NAME,
} from '../contract.ts'
import type { Container, ProjectedSource, Volume } from './workload.ts'

/**
 * Whether an init container is one that a release of ours built, also one that somebody edited: it has its name, and
 * either what it is told or what it mounts. A container that only has the name belongs to the application.
 */
export function isOurContainer(container: Container): boolean {
  const mounts = (volume: string, path: string) =>
    (container.volumeMounts ?? []).some((each) => each.name === volume && each.mountPath === path)
  if (container.name === FILES_CONTAINER_NAME) return mounts(FILES_VOLUME_NAME, FILES_PATH)
  if (container.name !== CONTAINER_NAME) return false
  if (container.image === undefined) return true // It runs nothing that could be lost.
  return mounts(VOLUME_NAME, MOUNT_PATH) || (container.env ?? []).some(({ name }) => name === ENV.target)
}

/** Whether a volume is one that a release of ours built, also one that somebody added a source to. */
export function isOurVolume(volume: Volume): boolean {
  if (volume.name === FILES_VOLUME_NAME) return isObject(volume.emptyDir) || isObject(volume.image)
  if (volume.name !== VOLUME_NAME || !isObject(volume.projected)) return false
  const sources = volume.projected.sources ?? []
  return sources.length === 0 || sources.some(isOurSource)
}

const isOurSource = ({ configMap, secret }: ProjectedSource): boolean =>
  goesInto(configMap, MIGRATIONS_DIR) || goesInto(secret, DATABASE_DIR)

const goesInto = (source: ProjectedSource['secret'], folder: string): boolean =>
  (source?.items ?? []).some(({ path }) => path.startsWith(`${folder}/`))

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null
