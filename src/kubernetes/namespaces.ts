import { type Informer, makeInformer, type ObjectCache, type V1Namespace } from '@kubernetes/client-node'
import type { NamespaceFacts } from '../admission/facts.ts'
import { ADMISSION_LABEL } from '../contract.ts'
import { type Clients, reasonOf, statusOf } from './clients.ts'

/** Namespaces, from a cache that a watch keeps; what it may not have heard of yet is asked for. */
export interface Namespaces {
  get(name: string): Promise<NamespaceFacts | undefined>
  readonly synced: () => boolean
  stop(): Promise<void>
}

const RESTART_AFTER = 2_000

export async function watchNamespaces(
  { kubeConfig, core }: Clients,
  warn: (message: string) => void,
): Promise<Namespaces> {
  const informer: Informer<V1Namespace> & ObjectCache<V1Namespace> = makeInformer(
    kubeConfig,
    '/api/v1/namespaces',
    () => core.listNamespace(),
  )
  const state = { stopped: false, synced: false }
  const start = async () => {
    if (state.stopped) return
    try {
      await informer.start()
      state.synced = true
    } catch (error) {
      warn(`namespaces cannot be watched: ${reasonOf(error)}`)
      setTimeout(() => void start(), RESTART_AFTER).unref()
    }
  }
  informer.on('error', (error: unknown) => {
    if (state.stopped) return // Stopping ends the watch, which it reports as an error.
    warn(`the watch on namespaces ended: ${reasonOf(error)}`)
    setTimeout(() => void start(), RESTART_AFTER).unref()
  })
  await start()
  return {
    synced: () => state.synced,
    get: (name) => freshNamespace(informer.get(name), () => core.readNamespace({ name })),
    stop: async () => {
      state.stopped = true
      await informer.stop()
    },
  }
}

/**
 * A namespace as it counts for a review. The API server sends reviews of labelled namespaces only, so one that the cache
 * knows without the label has got it a moment ago: it is asked for, or that review would pass unchecked.
 */
export async function freshNamespace(
  known: V1Namespace | undefined,
  read: () => Promise<V1Namespace>,
): Promise<NamespaceFacts | undefined> {
  if (known?.metadata?.labels?.[ADMISSION_LABEL] === 'enabled') return viewOf(known)
  try {
    return viewOf(await read())
  } catch (error) {
    if (statusOf(error) === 404) return undefined
    throw error
  }
}

const viewOf = ({ metadata }: V1Namespace): NamespaceFacts => ({
  name: metadata?.name ?? '',
  labels: metadata?.labels ?? {},
  annotations: metadata?.annotations ?? {},
})
