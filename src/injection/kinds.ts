import type { Workload, WorkloadSpec } from './workload.ts'

/** Everything that differs from one kind of workload to the next. */
export interface Kind {
  readonly group: string
  readonly version: string
  readonly kind: string
  /** Keys from the object to its pod template. */
  readonly template: readonly string[]
  /** Key of `spec` that names whose template it takes when it has none of its own. */
  readonly reference?: string
  /** What `rollout undo` brings back. */
  readonly undo: 'template and annotations' | 'template' | 'nothing'
  /** Whether its template can change after its creation. */
  readonly changes: boolean
  /** Whether its pods may take the schema down (DESIGN section 7: a Job or a CronJob never does). */
  readonly lowers: boolean
  /** Key of `spec` under which it makes no pods. */
  readonly paused?: string
  /** Seconds after which Kubernetes calls a rollout stuck, where `spec.progressDeadlineSeconds` says nothing. */
  readonly progressDeadline?: number
  /** `activeDeadlineSeconds` of the Job, after which Kubernetes ends its pods, whatever they do. */
  readonly activeDeadline?: (spec: WorkloadSpec) => unknown
  /** What a person does after a failed migration, beside correcting it and applying again. */
  readonly afterFailure?: string
  /** The update strategy as the runner needs it; undefined where there is none. */
  readonly strategy: (spec: WorkloadSpec) => string | undefined
}

const inSpec = ['spec', 'template']
const apps = { group: 'apps', version: 'v1', template: inSpec, changes: true, lowers: true }
const batch = { group: 'batch', version: 'v1', undo: 'nothing', lowers: false, paused: 'suspend' } as const
/** The API server fills the type in (apps/v1 defaults). */
const updateStrategy = ({ updateStrategy: given }: WorkloadSpec) => given?.type ?? 'RollingUpdate'

/** A new kind is a new row here, a rule in the chart's webhooks and a row of `docs/workloads.md`. */
export const KINDS: readonly Kind[] = [
  {
    ...apps,
    kind: 'Deployment',
    undo: 'template and annotations',
    paused: 'paused',
    progressDeadline: 600,
    strategy: ({ strategy }) => strategy?.type ?? 'RollingUpdate',
  },
  {
    ...apps,
    kind: 'StatefulSet',
    // A ControllerRevision holds the template alone.
    undo: 'template',
    afterFailure: 'delete the failed pod too, a StatefulSet does not replace it',
    strategy: updateStrategy,
  },
  { ...apps, kind: 'DaemonSet', undo: 'template', strategy: updateStrategy },
  {
    ...batch,
    kind: 'Job',
    template: inSpec,
    changes: false,
    activeDeadline: (spec) => spec.activeDeadlineSeconds,
    afterFailure: 'delete the Job and create it again, its pod template cannot change',
    strategy: () => undefined,
  },
  {
    ...batch,
    kind: 'CronJob',
    template: ['spec', 'jobTemplate', 'spec', 'template'],
    changes: true,
    activeDeadline: (spec) => spec.jobTemplate?.spec?.activeDeadlineSeconds,
    afterFailure: 'delete the Job that failed, the next one is made from what is applied by then',
    strategy: () => undefined,
  },
  {
    group: 'argoproj.io',
    version: 'v1alpha1',
    kind: 'Rollout',
    template: inSpec,
    reference: 'workloadRef',
    undo: 'template',
    changes: true,
    lowers: true,
    paused: 'paused',
    progressDeadline: 600,
    afterFailure: 'where Argo Rollouts aborted it: kubectl argo rollouts retry rollout NAME',
    strategy: ({ strategy }) => (strategy?.blueGreen === undefined ? 'Canary' : 'BlueGreen'),
  },
]

/** The row of a kind as a review names it, or undefined for what is none of ours. */
export const findKind = (group: string, version: string, kind: string): Kind | undefined =>
  KINDS.find((each) => each.group === group && each.version === version && each.kind === kind)

/** The row of a workload, which exists because no workload is read without one. */
export function kindOf({ kind }: Pick<Workload, 'kind'>): Kind {
  const found = KINDS.find((each) => each.kind === kind)
  if (found === undefined) throw new Error(`no kind ${kind}`)
  return found
}

/** The workload's update strategy, as the runner needs it; undefined where there is none. */
export const strategyOf = (workload: Workload): string | undefined => kindOf(workload).strategy(workload.spec)
