import type { Installation } from '../kubernetes/installation.ts'
import type { Ailment } from './ailment.ts'
import { installationAilments, notInstalled } from './diagnose-installation.ts'
import { podAilment } from './diagnose-pods.ts'
import { rolloutAilments } from './diagnose-rollouts.ts'
import { namespaceAilments, workloadAilments } from './diagnose-workloads.ts'

/** Everything that is wrong, the installation first, then namespaces, workloads and their pods. */
export function diagnose(installation: Installation, now: Date): Ailment[] {
  const { namespaces, workloads, pods, service, configurations } = installation
  if (service === 'missing' && configurations.every(({ webhook }) => webhook === undefined))
    return [notInstalled(installation)]
  return [
    ...installationAilments(installation, now),
    ...namespaces.flatMap(namespaceAilments),
    ...workloads.flatMap((each) => workloadAilments(each, installation)),
    ...workloads.flatMap((each) => rolloutAilments(each, installation)),
    ...pods.map((each) => podAilment(each, now)),
  ]
}
