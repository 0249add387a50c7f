import { Watch } from '@kubernetes/client-node'
import { type Clients, reasonOf } from './clients.ts'

/** Rings when an object changes. It says that, not how: whoever hears it reads the object. */
export interface Doorbell {
  /** False while changes may go unheard. */
  connected(): boolean
  stop(): void
}

export interface DoorbellOptions {
  /** Of the collection, like `/api/v1/namespaces/lockkeeper/secrets`. */
  readonly path: string
  readonly name: string
  readonly ring: () => void
  /** Hears why it cannot listen: once, until it can or fails for another reason. */
  readonly deaf: (reason: string) => void
}

const AGAIN = 2_000

/**
 * A watch on one object, which needs the right to `watch` it by name only. It begins without a version, so that every
 * (re)connection begins with the object's state and rings: nothing that happened in between is missed.
 */
export function watchObject({ kubeConfig }: Clients, { path, name, ring, deaf }: DoorbellOptions): Doorbell {
  const watch = new Watch(kubeConfig)
  const state: { connected: boolean; reason: string; stopped: boolean; request?: AbortController } = {
    connected: false,
    reason: '',
    stopped: false,
  }
  const connect = async (): Promise<void> => {
    if (state.stopped) return
    let over = false
    const request = await watch.watch(path, { fieldSelector: `metadata.name=${name}` }, ring, (error: unknown) => {
      over = true
      state.connected = false
      if (state.stopped) return
      // The client hangs up where nothing happens for half a minute, which is no reason to wait.
      const quiet = error instanceof Error && error.name === 'TimeoutError'
      const reason = quiet || error === null ? '' : reasonOf(error)
      if (reason !== '' && reason !== state.reason) deaf(reason)
      state.reason = reason
      setTimeout(() => void connect(), quiet ? 0 : AGAIN).unref()
    })
    state.request = request
    if (state.stopped) request.abort()
    else if (!over) {
      state.connected = true
      ring()
    }
  }
  void connect()
  return {
    connected: () => state.connected,
    stop: () => {
      state.stopped = true
      state.request?.abort()
    },
  }
}
