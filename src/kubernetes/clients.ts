import { AdmissionregistrationV1Api, ApiException, CoreV1Api, KubeConfig } from '@kubernetes/client-node'

/** The API groups that the service talks to. */
export interface Clients {
  readonly kubeConfig: KubeConfig
  readonly core: CoreV1Api
  readonly admission: AdmissionregistrationV1Api
}

/** Clients from the pod's service account, else from KUBECONFIG. */
export function makeClients(): Clients {
  const kubeConfig = new KubeConfig()
  kubeConfig.loadFromDefault()
  return {
    kubeConfig,
    core: kubeConfig.makeApiClient(CoreV1Api),
    admission: kubeConfig.makeApiClient(AdmissionregistrationV1Api),
  }
}

/** HTTP status of a failed call, or undefined when it never got an answer. */
export const statusOf = (error: unknown): number | undefined => (error instanceof ApiException ? error.code : undefined)

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
