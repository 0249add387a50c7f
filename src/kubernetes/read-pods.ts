import type { V1ContainerStatus, V1Pod } from '@kubernetes/client-node'
import { CONTAINER_NAME, FILES_CONTAINER_NAME } from '../contract.ts'
import { type Clients, statusOf } from './clients.ts'
import type { FailedCreate, PodState } from './installation.ts'

/** Logs that are read; what more pods say is theirs to ask for. */
const MAX_LOGS = 20
/** A run that takes no longer is ordinary. */
const ORDINARY_MS = 60_000
/** A line of a log may hold an application's own words. */
const MAX_LINE = 4_096

/** What reading pods takes of the API. */
export interface PodClients {
  readonly core: Pick<Clients['core'], 'listNamespacedPod' | 'readNamespacedPodLog'>
}

/** Pods of a namespace whose migration container failed, cannot begin, or has been running for more than a minute. */
export async function podsIn(clients: PodClients, namespace: string, now: Date): Promise<PodState[]> {
  const { items } = await clients.core.listNamespacedPod({ namespace, fieldSelector: 'status.phase!=Succeeded' })
  const states = items.flatMap((pod) => stateOf(pod, now))
  let logs = 0
  return Promise.all(
    states.map(async (state) => {
      if (state.kind !== 'running' || ++logs > MAX_LOGS) return state
      const lastLine = await lastLineOf(clients, state)
      return lastLine === undefined ? state : { ...state, lastLine }
    }),
  )
}

function stateOf({ metadata, status }: V1Pod, now: Date): PodState[] {
  const statuses = status?.initContainerStatuses ?? []
  const { namespace = '', name: pod = '' } = metadata ?? {}
  for (const container of [FILES_CONTAINER_NAME, CONTAINER_NAME]) {
    const own = statuses.find(({ name }) => name === container)
    const found = own && stateOfContainer(own, now)
    if (found !== undefined) return [{ namespace, pod, container, ...found }]
  }
  const own = statuses.find(({ name }) => name === CONTAINER_NAME)
  // Kubernetes does not wait for what a container has to say about its end then.
  const outOfTime = status?.phase === 'Failed' && status.reason === 'DeadlineExceeded'
  if (!outOfTime || own === undefined || own.state?.terminated?.exitCode === 0) return []
  const message = `DeadlineExceeded: ${status.message ?? 'activeDeadlineSeconds have passed'}`
  return [{ namespace, pod, container: CONTAINER_NAME, kind: 'ended', message }]
}

type Found =
  | Pick<Extract<PodState, { kind: 'ended' }>, 'kind' | 'message'>
  | Pick<Extract<PodState, { kind: 'waiting' }>, 'kind' | 'reason' | 'message'>
  | Pick<Extract<PodState, { kind: 'running' }>, 'kind' | 'since' | 'failedBefore'>

/** Before a container's turn comes, and while the kubelet prepares it. */
const ordinary = ['PodInitializing', 'ContainerCreating']

function stateOfContainer({ state, lastState }: V1ContainerStatus, now: Date): Found | undefined {
  const { running, waiting, terminated } = state ?? {}
  const ended = terminated ?? (waiting === undefined ? undefined : lastState?.terminated)
  if (ended !== undefined)
    return ended.exitCode === 0 ? undefined : { kind: 'ended', message: ended.message ?? `exit ${ended.exitCode}` }
  if (waiting?.reason !== undefined && !ordinary.includes(waiting.reason))
    return { kind: 'waiting', reason: waiting.reason, message: waiting.message ?? '' }
  const since = running?.startedAt
  if (since === undefined || now.getTime() - since.getTime() < ORDINARY_MS) return undefined
  return { kind: 'running', since, failedBefore: (lastState?.terminated?.exitCode ?? 0) !== 0 }
}

/** Undefined where whoever looks may not read logs, or the container is gone meanwhile. */
async function lastLineOf({ core }: PodClients, { namespace, pod, container }: PodState): Promise<string | undefined> {
  try {
    const text = await core.readNamespacedPodLog({
      namespace,
      name: pod,
      container,
      tailLines: 1,
      limitBytes: MAX_LINE,
    })
    return text.trim() || undefined
  } catch (error) {
    if (statusOf(error) === undefined) throw error
    return undefined
  }
}

/** A controller tries again after a while that grows to a quarter of an hour. */
const RECENT_MS = 20 * 60_000

/** What keeps controllers from making pods, where only an Event says it: none where whoever looks may not read them. */
export async function failedCreatesIn({ core }: Clients, namespace: string, now: Date): Promise<FailedCreate[]> {
  try {
    const { items } = await core.listNamespacedEvent({ namespace, fieldSelector: 'reason=FailedCreate', limit: 500 })
    return items
      .filter(({ lastTimestamp, eventTime }) => {
        const at = lastTimestamp ?? eventTime
        return at !== undefined && now.getTime() - at.getTime() < RECENT_MS
      })
      .map(({ involvedObject: { kind = '', name = '' }, message = '' }) => ({ namespace, kind, name, message }))
  } catch (error) {
    if (statusOf(error) === 403) return []
    throw error
  }
}
