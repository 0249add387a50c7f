import {
  AppsV1Api,
  CustomObjectsApi,
  DiscoveryV1Api,
  type V1Deployment,
  type V1MutatingWebhook,
  type V1ValidatingWebhook,
  VersionApi,
} from '@kubernetes/client-node'
import { ADMISSION_LABEL } from '../contract.ts'
import { absent, type Clients, statusOf } from './clients.ts'
import type { Certificate, Configuration, Installation, WorkloadState } from './installation.ts'
import { failedCreatesIn, podsIn } from './read-pods.ts'

/** Which kinds of objects to look at, and which of them matter. */
export interface Wanted {
  readonly namespace: string
  readonly kinds: readonly { readonly group: string; readonly version: string; readonly kind: string }[]
  /** Whether an object has anything to do with us. */
  readonly concerns: (object: unknown) => boolean
}

/** Reads all of an installation. Throws what the API server answers to the first call. */
export async function readInstallation(clients: Clients, wanted: Wanted): Promise<Installation> {
  const { kubeConfig, core, admission } = clients
  const { namespace } = wanted
  const custom = kubeConfig.makeApiClient(CustomObjectsApi)
  const { gitVersion } = await kubeConfig.makeApiClient(VersionApi).getCode()
  const [deployment, endpoints, mutating, validating, namespaces, workloads] = await Promise.all([
    absent(kubeConfig.makeApiClient(AppsV1Api).readNamespacedDeployment({ name: NAME, namespace })),
    readyEndpoints(clients, namespace),
    absent(admission.readMutatingWebhookConfiguration({ name: NAME })),
    absent(admission.readValidatingWebhookConfiguration({ name: NAME })),
    core.listNamespace(),
    Promise.all(wanted.kinds.map((kind) => workloadsOf(custom, kind, wanted.concerns))),
  ])
  const states = namespaces.items.map(({ metadata }) => ({
    name: metadata?.name ?? '',
    labels: metadata?.labels ?? {},
    annotations: metadata?.annotations ?? {},
  }))
  const now = new Date()
  // The pods of a whole cluster may be tens of thousands.
  const labelled = states.filter(({ labels }) => ADMISSION_LABEL in labels)
  const [certificate, pods, failedCreates] = await Promise.all([
    certificateOf(clients, namespace, deployment),
    Promise.all(labelled.map(({ name }) => podsIn(clients, name, now))),
    Promise.all(labelled.map(({ name }) => failedCreatesIn(clients, name, now))),
  ])
  const { replicas = 1 } = deployment?.spec ?? {}
  return {
    server: gitVersion,
    namespace,
    service: deployment === undefined ? 'missing' : { wanted: replicas, ready: deployment.status?.readyReplicas ?? 0 },
    ...runnerImageOf(deployment),
    endpoints,
    configurations: [
      { kind: 'MutatingWebhookConfiguration', webhook: ours(mutating?.webhooks) },
      { kind: 'ValidatingWebhookConfiguration', webhook: ours(validating?.webhooks) },
    ],
    certificate,
    namespaces: states,
    workloads: workloads.flat(),
    pods: pods.flat(),
    failedCreates: failedCreates.flat(),
  }
}

function runnerImageOf(deployment: V1Deployment | undefined): Pick<Installation, 'runnerImage'> {
  const env = (deployment?.spec?.template.spec?.containers ?? []).flatMap((container) => container.env ?? [])
  const runnerImage = env.find(({ name }) => name === 'RUNNER_IMAGE')?.value
  return runnerImage === undefined ? {} : { runnerImage }
}

const NAME = 'lockkeeper'
const SECRET = 'lockkeeper-tls'

async function readyEndpoints({ kubeConfig }: Clients, namespace: string): Promise<number> {
  const labelSelector = `kubernetes.io/service-name=${NAME}`
  const { items } = await kubeConfig
    .makeApiClient(DiscoveryV1Api)
    .listNamespacedEndpointSlice({ namespace, labelSelector })
  const ready = items.flatMap(({ endpoints }) =>
    (endpoints ?? []).filter(({ conditions }) => conditions?.ready !== false),
  )
  // A Service of two address families has a slice for each.
  return new Set(ready.map(({ targetRef, addresses }) => targetRef?.uid ?? addresses[0])).size
}

/** cert-manager's Secret is mounted; our own is read by name. Whoever looks need not be allowed to read Secrets. */
async function certificateOf({ core }: Clients, namespace: string, deployment?: V1Deployment): Promise<Certificate> {
  const mounted = deployment?.spec?.template.spec?.volumes?.find(({ name }) => name === 'tls')?.secret?.secretName
  const secret = mounted ?? SECRET
  try {
    const { data = {} } = await core.readNamespacedSecret({ name: secret, namespace })
    const text = (key: string) => Buffer.from(data[key] ?? '', 'base64').toString('utf8')
    const pair = { ca: text('ca.crt'), cert: text('tls.crt') }
    return { secret, pair: pair.ca === '' || pair.cert === '' ? 'empty' : pair }
  } catch (error) {
    if (statusOf(error) === 404) return { secret, pair: 'missing' }
    if (statusOf(error) === 403) return { secret, pair: 'unknown' }
    throw error
  }
}

function ours(webhooks: readonly (V1MutatingWebhook | V1ValidatingWebhook)[] = []): Configuration['webhook'] {
  const webhook = webhooks.find(({ name }) => name.endsWith('.lockkeeper.dev'))
  if (webhook === undefined) return undefined
  const { name, failurePolicy = 'Fail', clientConfig, rules = [] } = webhook
  const { service } = clientConfig
  return {
    name,
    failurePolicy,
    caBundle: Buffer.from(clientConfig.caBundle ?? '', 'base64').toString('utf8'),
    service: service === undefined ? (clientConfig.url ?? '') : `${service.namespace}/${service.name}`,
    resources: rules.flatMap(({ apiGroups = [], resources = [] }) =>
      apiGroups.flatMap((group) => resources.map((resource) => `${group}/${resource}`)),
    ),
  }
}

/** As the API server sends them, a page at a time; none of a kind that the cluster does not know. */
async function workloadsOf(
  api: CustomObjectsApi,
  { group, version, kind }: Wanted['kinds'][number],
  concerns: Wanted['concerns'],
): Promise<WorkloadState[]> {
  const states: WorkloadState[] = []
  let next: string | undefined
  do {
    const page = (await absent(
      api.listClusterCustomObject({
        ...{ group, version, plural: `${kind.toLowerCase()}s`, limit: 250 },
        ...(next !== undefined && { _continue: next }),
      }),
    )) as { items?: Listed[]; metadata?: { continue?: string } } | undefined
    for (const object of page?.items ?? []) {
      const { name = '', namespace = '' } = object.metadata ?? {}
      if (concerns(object)) states.push({ namespace, name, group, version, kind, object })
    }
    next = page?.metadata?.continue || undefined
  } while (next !== undefined)
  return states
}

interface Listed {
  readonly metadata?: { readonly name?: string; readonly namespace?: string }
}
