import { CONTAINER_NAME, FILES_CONTAINER_NAME, FILES_VOLUME_NAME, STATUS, VOLUME_NAME } from '../contract.ts'
import { type Finding, refusal } from '../migration/finding.ts'
import { isOurContainer, isOurVolume } from './shapes.ts'
import type { Container, Workload } from './workload.ts'

const CONTAINERS: readonly string[] = [CONTAINER_NAME, FILES_CONTAINER_NAME]
const VOLUMES: readonly string[] = [VOLUME_NAME, FILES_VOLUME_NAME]

/**
 * `name-taken`: what has a name of ours and was not built by us is never replaced, since the application would lose its
 * volume or container and see the database's Secret instead. Ours is what has our shape in a template that we equipped:
 * the status says so, in the object or in what it was before. Another container has no business in our volume.
 */
export function namesTaken(workload: Workload, old: Workload | undefined): Finding[] {
  const equipped = [workload, old].some((each) => each?.spec.template.metadata?.annotations?.[STATUS] !== undefined)
  const { containers, initContainers = [], volumes = [] } = workload.spec.template.spec
  const ours = (container: Container) => equipped && isOurContainer(container)
  const named = (names: readonly string[]) => (each: { readonly name: string }) => names.includes(each.name)

  const foreign = [
    ...containers.filter(named(CONTAINERS)).map(({ name }) => taken(`container ${name}`)),
    ...(initContainers ?? [])
      .filter((each) => named(CONTAINERS)(each) && !ours(each))
      .map(({ name }) => taken(`init container ${name}`)),
  ]
  const foreignVolumes = new Set([
    ...(volumes ?? []).filter((each) => named(VOLUMES)(each) && !(equipped && isOurVolume(each))).map(nameOf),
    // Of a StatefulSet: a claim takes the place of the template's volume of the same name.
    ...(workload.spec.volumeClaimTemplates ?? []).flatMap(({ metadata }) => metadata?.name ?? []).filter(isVolumeName),
  ])
  const others = [...containers, ...(initContainers ?? []).filter((each) => !ours(each))]
  const mounted = others.flatMap((container) =>
    [...new Set([...(container.volumeMounts ?? []), ...(container.volumeDevices ?? [])].map(nameOf))]
      .filter((name) => isVolumeName(name) && !foreignVolumes.has(name))
      .map((volume) => mounts(container.name, volume)),
  )
  return [...foreign, ...[...foreignVolumes].map((name) => taken(`volume ${name}`)), ...mounted]
}

const nameOf = ({ name }: { readonly name: string }) => name
const isVolumeName = (name: string) => VOLUMES.includes(name)

const taken = (what: string): Finding =>
  refusal(
    'name-taken',
    `${what} is not one that Lockkeeper built, and Lockkeeper needs that name`,
    `give ${what} another name, wherever the pod template says it`,
  )

const mounts = (container: string, volume: string): Finding =>
  refusal(
    'name-taken',
    `container ${container} mounts volume ${volume}, which is Lockkeeper's: it holds the migration files or the database's Secret`,
    `mount a volume of another name in container ${container}`,
  )
