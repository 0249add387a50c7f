import { CONFIG, CONTAINER_NAME } from '../contract.ts'
import { RUNNER_COMMAND } from '../injection/container.ts'
import { ownIntent } from '../injection/intent.ts'
import { readPolicy } from '../injection/policy.ts'
import type { Workload } from '../injection/workload.ts'
import type { Installation } from '../kubernetes/installation.ts'
import { type Ailment, error } from './ailment.ts'

/** As a pod may have it, a person's included. */
interface Given {
  readonly name: string
  readonly image?: string
  readonly command?: readonly string[] | null
  readonly args?: readonly string[] | null
}

/**
 * Containers by our name that run something else: another program, or an image that neither the installation nor the
 * annotations name. Of an image only its repository counts, since containers of older releases stay as they are.
 */
export function containerAilments(
  workload: Workload,
  subject: string,
  { runnerImage, namespaces }: Pick<Installation, 'runnerImage' | 'namespaces'>,
  namespace: string,
): Ailment[] {
  const { containers, initContainers } = workload.spec.template.spec
  const found = ([...containers, ...(initContainers ?? [])] as readonly Given[]).filter(
    ({ name }) => name === CONTAINER_NAME,
  )
  const home = namespaces.find(({ name }) => name === namespace)?.annotations ?? {}
  const own = readPolicy(home).allowImage ? ownIntent(workload).intent[CONFIG.image] : undefined
  const images = [runnerImage, home[CONFIG.image], own].flatMap((image) =>
    image === undefined ? [] : repositoryOf(image),
  )
  const fix = `see who wrote it (kubectl get --show-managed-fields); take it out, or where ${subject} asks for a schema roll it out again`
  return found.flatMap(({ image = '', command, args }) => {
    const runs = [...(command ?? []), ...(args ?? [])].join(' ')
    const what = [
      ...(runnerImage === undefined || images.includes(repositoryOf(image)) ? [] : [`image ${image}`]),
      ...(runs === RUNNER_COMMAND.join(' ') ? [] : [`the command "${runs}"`]),
    ]
    return what.length === 0
      ? []
      : [
          error(
            'container-foreign',
            subject,
            `its container ${CONTAINER_NAME} has ${what.join(' and ')}, which are not Lockkeeper's`,
            fix,
          ),
        ]
  })
}

/** An image reference without tag and digest; a port belongs to the registry. */
const repositoryOf = (image: string): string => image.replace(/@.*$/, '').replace(/:[^/:]*$/, '')
