import {
  AdmissionregistrationV1Api,
  ApiException,
  CoreV1Api,
  KubeConfig,
  type RequestContext,
} from '@kubernetes/client-node'

/** The API groups that the service talks to. */
export interface Clients {
  readonly kubeConfig: KubeConfig
  readonly core: CoreV1Api
  readonly admission: AdmissionregistrationV1Api
}

/** A pool is used so long; then the next one is made with the CA file of that moment. */
const POOL_FOR = 300_000

/**
 * The client makes a connection pool for every single request, and with it a TLS handshake. One pool for all of them
 * makes a read some milliseconds faster; tokens travel in headers and are refreshed all the same.
 */
class PooledKubeConfig extends KubeConfig {
  #pool: ReturnType<RequestContext['getDispatcher']>
  #until = 0

  override async applySecurityAuthentication(context: RequestContext): Promise<void> {
    await super.applySecurityAuthentication(context)
    if (performance.now() >= this.#until) {
      this.#pool = context.getDispatcher()
      this.#until = performance.now() + POOL_FOR
    }
    if (this.#pool !== undefined) context.setDispatcher(this.#pool)
  }
}

/** Clients from a kubeconfig that was named, else from the pod's service account, else from KUBECONFIG. */
export function makeClients({ kubeconfig, context }: { kubeconfig?: string; context?: string } = {}): Clients {
  const kubeConfig = new PooledKubeConfig()
  if (kubeconfig === undefined) kubeConfig.loadFromDefault()
  else kubeConfig.loadFromFile(kubeconfig)
  if (context !== undefined) kubeConfig.setCurrentContext(context)
  return {
    kubeConfig,
    core: kubeConfig.makeApiClient(CoreV1Api),
    admission: kubeConfig.makeApiClient(AdmissionregistrationV1Api),
  }
}

/** HTTP status of a failed call, or undefined when it never got an answer. */
export const statusOf = (error: unknown): number | undefined => (error instanceof ApiException ? error.code : undefined)

/** Undefined for what is not there. */
export async function absent<T>(reading: Promise<T>): Promise<T | undefined> {
  try {
    return await reading
  } catch (error) {
    if (statusOf(error) === 404) return undefined
    throw error
  }
}

/** Whether a write went through; not when the object changed, went or came since it was read. */
export async function unchanged(writing: Promise<unknown>): Promise<boolean> {
  try {
    await writing
    return true
  } catch (error) {
    const status = statusOf(error)
    if (status === 404 || status === 409) return false
    throw error
  }
}

/** One line about a failed call; an API server's body may hold an object, so it is left out. */
export function reasonOf(error: unknown): string {
  const status = statusOf(error)
  if (status !== undefined) return `the API server answered ${status}`
  return error instanceof Error ? (error.cause instanceof Error ? error.cause.message : error.message) : String(error)
}

/** UID of kube-system, by which a cluster is known. */
export async function clusterUid({ core }: Clients): Promise<string> {
  const { metadata } = await core.readNamespace({ name: 'kube-system' })
  return metadata?.uid ?? ''
}
