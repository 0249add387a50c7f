import type { Installation } from '../kubernetes/installation.ts'
import type { Ailment } from './ailment.ts'
import { installationAilments, notInstalled } from './diagnose-installation.ts'
import { failureAilment, namespaceAilments, workloadAilments } from './diagnose-workloads.ts'

/** Everything that is wrong, the installation first, then namespaces, workloads and their pods. */
export function diagnose(installation: Installation, now: Date): Ailment[] {
  const { namespaces, workloads, failures, service, configurations } = installation
  if (service === 'missing' && configurations.every(({ webhook }) => webhook === undefined))
    return [notInstalled(installation)]
  return [
    ...installationAilments(installation, now),
    ...namespaces.flatMap(namespaceAilments),
    ...workloads.flatMap((each) => workloadAilments(each, namespaces)),
    ...failures.map(failureAilment),
  ]
}
