import { FILES_CONTAINER_NAME, FILES_PATH, FILES_VOLUME_NAME } from '../contract.ts'
import { RUNNER_UID, restricted } from './container-security.ts'
import type { Extras } from './parts.ts'
import type { Settings } from './settings.ts'
import type { Container, JsonObject, Workload } from './workload.ts'

/** An image with migration files in it. */
interface FilesImage {
  readonly image: string
  readonly pullPolicy: string
  readonly path: string
  /** Numeric user that the container of this image is told to run as. */
  readonly user: number | undefined
}

type OwnContainer = Container & {
  readonly imagePullPolicy?: string
  readonly securityContext?: { readonly runAsUser?: number }
}

/** Where the runner finds files that are in an image; undefined when they are not, or the container is not there. */
export function filesFolder(settings: Settings, workload: Workload): string | undefined {
  const found = filesImage(settings, workload)
  if (found === undefined) return undefined
  return settings.imageVolume ? `${FILES_PATH}${found.path}` : FILES_PATH
}

/**
 * What brings files out of an image: a container of that image which copies them into an empty volume, or the image as a
 * volume (Kubernetes 1.35, or 1.33 with the gate ImageVolume, and a container runtime that can).
 */
export function filesParts(settings: Settings, workload: Workload): Extras | undefined {
  const found = filesImage(settings, workload)
  if (found === undefined) return undefined
  if (settings.imageVolume) {
    const image = { reference: found.image, pullPolicy: found.pullPolicy }
    return { containers: [], volumes: [{ name: FILES_VOLUME_NAME, image }] }
  }
  return {
    containers: [copyingContainer(settings, workload, found)],
    volumes: [{ name: FILES_VOLUME_NAME, emptyDir: { sizeLimit: '64Mi' } }],
  }
}

function filesImage({ files }: Settings, workload: Workload): FilesImage | undefined {
  if (files.kind === 'configmap') return undefined
  const { path } = files
  if (files.kind === 'image')
    return { image: files.image, pullPolicy: defaultPolicy(files.image), path, user: undefined }
  const own: OwnContainer | undefined = workload.spec.template.spec.containers.find(
    ({ name }) => name === files.container,
  )
  if (own?.image === undefined) return undefined
  const pullPolicy = own.imagePullPolicy ?? defaultPolicy(own.image)
  return { image: own.image, pullPolicy, path, user: own.securityContext?.runAsUser }
}

/** What the API server would fill in (Kubernetes, Images, default image pull policy). */
function defaultPolicy(image: string): string {
  const [reference = '', digest] = image.split('@')
  const tag = /:([\w.-]+)$/.exec(reference)?.[1]
  return tag === 'latest' || (tag === undefined && digest === undefined) ? 'Always' : 'IfNotPresent'
}

/** A restarted pod copies again, over what is there: `-f`. What a link leads to is copied, not the link: `-L`. */
function copyingContainer(settings: Settings, workload: Workload, { image, pullPolicy, path, user }: FilesImage) {
  const { cpuRequest, memoryRequest, memoryLimit } = settings
  return {
    name: FILES_CONTAINER_NAME,
    image,
    imagePullPolicy: pullPolicy,
    command: ['cp', '-R', '-L', '-f', `${path.replace(/\/+$/, '')}/.`, FILES_PATH],
    resources: { requests: { cpu: cpuRequest, memory: memoryRequest }, limits: { memory: memoryLimit } },
    securityContext: restricted(userFor(settings, workload, user)),
    terminationMessagePath: '/dev/termination-log',
    terminationMessagePolicy: 'FallbackToLogsOnError',
    volumeMounts: [{ name: FILES_VOLUME_NAME, mountPath: FILES_PATH }],
  } satisfies JsonObject
}

/**
 * An image whose own user is root, or a name instead of a number, is refused by `runAsNonRoot`, and nothing but the
 * kubelet knows it: so the user is named, unless the pod names one already or the cluster assigns it.
 */
function userFor({ usersAssigned }: Settings, workload: Workload, own: number | undefined): number | undefined {
  const given = own ?? workload.spec.template.spec.securityContext?.runAsUser
  if (given === undefined) return usersAssigned ? undefined : RUNNER_UID
  return given === 0 ? RUNNER_UID : own
}
