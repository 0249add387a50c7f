import { CONFIG } from '../contract.ts'
import { findKind } from '../injection/kinds.ts'
import { hasParts } from '../injection/parts.ts'
import { asWorkload, isObject } from '../injection/workload.ts'
import type { FailedCreate, WorkloadState } from '../kubernetes/installation.ts'
import { type Ailment, error } from './ailment.ts'

/** Equipped workloads whose pods cannot be made, and Jobs that Kubernetes gave up. */
export function rolloutAilments(
  state: WorkloadState,
  { failedCreates, workloads }: { failedCreates: readonly FailedCreate[]; workloads: readonly WorkloadState[] },
): Ailment[] {
  const { namespace, name, group, version, kind, object } = state
  const known = findKind(group, version, kind)
  const workload = known && asWorkload(known, object)
  if (workload === undefined || !hasParts(workload)) return []
  const subject = `${namespace}/${kind}/${name}`
  const { status, spec, metadata } = object as Observed
  const condition = (type: string) => status?.conditions?.find((each) => each.type === type && each.status === 'True')

  const event = failedCreates.find((each) => each.namespace === namespace && each.kind === kind && each.name === name)
  const refused = condition('ReplicaFailure')?.message ?? (lacksPods(status, spec) ? event?.message : undefined)
  const failed = kind === 'Job' ? condition('Failed') : undefined
  return [
    ...(refused === undefined
      ? []
      : [error('pods-refused', subject, `its pods cannot be made: ${refused}`, admitted(refused, subject))]),
    ...(failed === undefined || succeededSince(state, metadata, workloads)
      ? []
      : [error('job-failed', subject, `${failed.reason}: ${failed.message}`, afterJob(failed.reason, subject))]),
  ]
}

/** As far as it is read of what a controller writes. */
interface Observed {
  readonly metadata?: {
    readonly creationTimestamp?: string
    readonly ownerReferences?: readonly { readonly kind?: string; readonly name?: string }[]
  }
  readonly spec?: { readonly replicas?: number }
  readonly status?: {
    readonly conditions?: readonly Condition[]
    readonly replicas?: number
    readonly active?: number
    readonly succeeded?: number
    readonly desiredNumberScheduled?: number
    readonly currentNumberScheduled?: number
    readonly lastSuccessfulTime?: string
  }
}

interface Condition {
  readonly type?: string
  readonly status?: string
  readonly reason?: string
  readonly message?: string
}

/** An Event outlives what it tells of. */
function lacksPods(status: Observed['status'] = {}, spec: Observed['spec'] = {}): boolean {
  if (status.desiredNumberScheduled !== undefined)
    return (status.currentNumberScheduled ?? 0) < status.desiredNumberScheduled
  if (spec.replicas !== undefined) return (status.replicas ?? 0) < spec.replicas
  return (status.active ?? 0) + (status.succeeded ?? 0) === 0
}

/** Words of the admission plugins LimitRanger and ResourceQuota. */
function admitted(message: string, subject: string): string {
  const [namespace = '', kind = '', name = ''] = subject.split('/')
  const settings = `${CONFIG.memoryLimit}, ${CONFIG.memoryRequest} and ${CONFIG.cpuRequest}`
  if (/(maximum|minimum) \S+ usage per|limit to request ratio/.test(message))
    return `a LimitRange of namespace ${namespace} forbids it: set ${settings} on the workload or the namespace so that lockkeeper-migrate fits too (kubectl -n ${namespace} describe limitrange)`
  if (/must specify limits/.test(message))
    return `give namespace ${namespace} a LimitRange whose default fills in what its quota asks for (docs/operations.md)`
  if (/exceeded quota/.test(message)) return `raise the quota of namespace ${namespace}, or lower ${settings}`
  return `correct what it names: kubectl -n ${namespace} describe ${kind.toLowerCase()} ${name}`
}

function afterJob(reason: string | undefined, subject: string): string {
  const [namespace = '', , name = ''] = subject.split('/')
  const again = 'delete the Job and create it again'
  return reason === 'DeadlineExceeded'
    ? `raise activeDeadlineSeconds above ${CONFIG.deadline} (10m where it is not set), so that lockkeeper-migrate can say why it waits; ${again}`
    : `kubectl -n ${namespace} logs job/${name} -c lockkeeper-migrate; correct it, then ${again}`
}

/** The next Job of a CronJob went well: nobody needs to hear of the one before. */
function succeededSince(
  { namespace }: WorkloadState,
  metadata: Observed['metadata'],
  workloads: readonly WorkloadState[],
): boolean {
  const owner = metadata?.ownerReferences?.find(({ kind }) => kind === 'CronJob')
  const cronJob =
    owner &&
    workloads.find((each) => each.namespace === namespace && each.kind === 'CronJob' && each.name === owner.name)
  const last = cronJob && isObject(cronJob.object) ? (cronJob.object as Observed).status?.lastSuccessfulTime : undefined
  return last !== undefined && Date.parse(last) > Date.parse(metadata?.creationTimestamp ?? '')
}
