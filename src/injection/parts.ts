import { CONTAINER_NAME, FILES_CONTAINER_NAME, FILES_VOLUME_NAME, STATUS, VOLUME_NAME } from '../contract.ts'
import { isOurContainer, isOurVolume } from './shapes.ts'
import type { Container, JsonObject, Volume, Workload } from './workload.ts'

/** What we own in a workload: computed together, repaired together. */
export interface Parts {
  readonly container: JsonObject
  readonly volume: JsonObject
  /** Absent where the files are in ConfigMaps. */
  readonly extras?: Extras
  /** The status annotation's text. */
  readonly status: string
}

/** What brings files out of an image: init containers right before ours, and volumes. */
export interface Extras {
  readonly containers: readonly JsonObject[]
  readonly volumes: readonly JsonObject[]
}

/** Our parts as they are in a workload, or undefined when one is missing or there twice. */
export function partsOf(workload: Workload): Parts | undefined {
  const { metadata, spec } = workload.spec.template
  const containers = (spec.initContainers ?? []).filter(isOurContainer).filter(isNamed(CONTAINER_NAME))
  const volumes = (spec.volumes ?? []).filter(isOurVolume).filter(isNamed(VOLUME_NAME))
  const status = metadata?.annotations?.[STATUS]
  const [container, volume] = [containers[0], volumes[0]]
  if (container === undefined || volume === undefined || status === undefined) return undefined
  if (containers.length > 1 || volumes.length > 1) return undefined
  const extras = extrasOf(workload)
  if (!belongs(container, extras)) return undefined
  const parts = { container: container as unknown as JsonObject, volume: volume as unknown as JsonObject, status }
  return extras === undefined ? parts : { ...parts, extras }
}

function extrasOf({ spec: { template } }: Workload): Extras | undefined {
  const containers = (template.spec.initContainers ?? []).filter(isOurContainer).filter(isNamed(FILES_CONTAINER_NAME))
  const volumes = (template.spec.volumes ?? []).filter(isOurVolume).filter(isNamed(FILES_VOLUME_NAME))
  if (containers.length === 0 && volumes.length === 0) return undefined
  return { containers: containers as unknown as JsonObject[], volumes: volumes as unknown as JsonObject[] }
}

/** One volume where our container mounts it, and one container to fill it where it begins empty; else neither. */
function belongs(container: Container, extras: Extras | undefined) {
  const mounted = container.volumeMounts?.some(isNamed(FILES_VOLUME_NAME)) === true
  if (!mounted || extras === undefined) return mounted === (extras !== undefined)
  const [volume] = extras.volumes
  return extras.volumes.length === 1 && extras.containers.length === (volume?.emptyDir === undefined ? 0 : 1)
}

const isNamed = (name: string) => (each: { readonly name: string }) => each.name === name

/** Whether anything of ours is in a workload. */
export const hasParts = ({ spec: { template } }: Workload): boolean =>
  (template.spec.initContainers ?? []).some(isOurContainer) ||
  (template.spec.volumes ?? []).some(isOurVolume) ||
  template.metadata?.annotations?.[STATUS] !== undefined

/** The workload without our parts; lists and maps that only held them are gone too. */
export function withoutParts(workload: Workload): Workload {
  const { template } = workload.spec
  const annotations = without(template.metadata?.annotations, STATUS)
  const metadata = emptied(template.metadata, keep(template.metadata, 'annotations', annotations))
  const initContainers = filtered(template.spec.initContainers, isOurContainer)
  const volumes = filtered(template.spec.volumes, isOurVolume)
  const pod = keep(keep(template.spec, 'initContainers', initContainers), 'volumes', volumes)
  return rebuilt(workload, metadata, pod)
}

/** The workload with these parts: replaced by name, the containers at their place. */
export function withParts(workload: Workload, parts: Parts, afterContainer: string | undefined): Workload {
  const bare = withoutParts(workload)
  const { metadata, spec } = bare.spec.template
  const others = spec.initContainers ?? []
  const at = positionFor(others, afterContainer)
  const ours = [...(parts.extras?.containers ?? []), parts.container] as unknown as Container[]
  const volumes = [parts.volume, ...(parts.extras?.volumes ?? [])] as unknown as Volume[]
  return rebuilt(
    bare,
    { ...metadata, annotations: { ...metadata?.annotations, [STATUS]: parts.status } },
    {
      ...spec,
      initContainers: [...others.slice(0, at), ...ours, ...others.slice(at)],
      volumes: [...(spec.volumes ?? []), ...volumes],
    },
  )
}

/** First, but after native sidecars (a database proxy, Kubernetes 1.29), or after the container that was named. */
function positionFor(others: readonly Container[], afterContainer: string | undefined): number {
  const named = others.findIndex(({ name }) => name === afterContainer)
  return 1 + (named >= 0 ? named : others.findLastIndex(({ restartPolicy }) => restartPolicy === 'Always'))
}

/** Undefined when nothing is left of what was only ours. */
function filtered<T>(list: readonly T[] | undefined, ours: (each: T) => boolean): readonly T[] | undefined {
  if (!list?.some(ours)) return list
  const rest = list.filter((each) => !ours(each))
  return rest.length === 0 ? undefined : rest
}

/** Metadata that only held our status is gone too. */
const emptied = <T extends object>(before: T | undefined, after: T | undefined): T | undefined =>
  after !== undefined && after !== before && Object.keys(after).length === 0 ? undefined : after

function without(map: Readonly<Record<string, string>> | undefined, key: string) {
  if (!map || !Object.hasOwn(map, key)) return map
  const { [key]: _, ...rest } = map
  return Object.keys(rest).length === 0 ? undefined : rest
}

/** The object with another value under a key, or without the key; keys keep their order. */
function keep<T extends object, K extends keyof T>(object: T, key: K, value: T[K] | undefined): T
function keep<T extends object, K extends keyof T>(
  object: T | undefined,
  key: K,
  value: T[K] | undefined,
): T | undefined
function keep<T extends object, K extends keyof T>(
  object: T | undefined,
  key: K,
  value: T[K] | undefined,
): T | undefined {
  if (!object || object[key] === value) return object
  const copy = { ...object, [key]: value }
  if (value === undefined) delete copy[key]
  return copy
}

const rebuilt = (
  workload: Workload,
  metadata: Workload['spec']['template']['metadata'],
  spec: Workload['spec']['template']['spec'],
): Workload => ({
  ...workload,
  spec: {
    ...workload.spec,
    template: { ...keep(workload.spec.template, 'metadata', metadata), spec },
  },
})
