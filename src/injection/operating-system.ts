import { type Finding, refusal } from '../migration/finding.ts'
import type { Workload } from './workload.ts'

/** Labels of nodes that say it; the second one is of before Kubernetes 1.18. */
const OS_LABELS = ['kubernetes.io/os', 'beta.kubernetes.io/os']

/**
 * `linux-only`: the runner's image is built for Linux, and a pod for Windows may have none of the fields by which our
 * container is made safe (Kubernetes, Pod spec, `os`).
 */
export function linuxOnly({ spec }: Workload): Finding[] {
  const { os, nodeSelector, affinity } = spec.template.spec
  const terms = affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms ?? []
  const demands = terms.map(({ matchExpressions }) =>
    (matchExpressions ?? []).some(
      ({ key = '', operator, values }) =>
        OS_LABELS.includes(key) && operator === 'In' && values?.length === 1 && isWindows(values[0]),
    ),
  )
  const label = OS_LABELS.find((key) => isWindows(nodeSelector?.[key]))
  const where = isWindows(os?.name)
    ? 'spec.os.name'
    : label !== undefined
      ? `nodeSelector ${label}`
      : demands.length > 0 && demands.every(Boolean)
        ? 'nodeAffinity'
        : undefined
  if (where === undefined) return []
  return [
    refusal(
      'linux-only',
      `the pods are for Windows (${where}), and the migration container runs on Linux only`,
      'migrate from a Job on Linux, and leave the annotations off this workload',
    ),
  ]
}

const isWindows = (name: unknown) => typeof name === 'string' && name.toLowerCase() === 'windows'
