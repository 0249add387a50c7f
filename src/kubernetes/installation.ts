import {
  AppsV1Api,
  CustomObjectsApi,
  type V1MutatingWebhook,
  type V1Pod,
  type V1Secret,
  type V1ValidatingWebhook,
  VersionApi,
} from '@kubernetes/client-node'
import { CONTAINER_NAME } from '../contract.ts'
import { type Clients, statusOf } from './clients.ts'

/** What an installation looks like from outside. Parts that nobody lets us read are `unknown`. */
export interface Installation {
  /** Like `v1.35.4`. */
  readonly server: string
  readonly namespace: string
  /** The webhook's Deployment. */
  readonly service: { readonly wanted: number; readonly ready: number } | 'missing'
  /** Pods behind the Service that are ready. */
  readonly endpoints: number
  readonly configurations: readonly Configuration[]
  /** The pair that the pods serve, from its Secret: PEM texts. */
  readonly certificate: { readonly ca: string; readonly cert: string } | 'missing' | 'empty' | 'unknown'
  readonly namespaces: readonly NamespaceState[]
  /** Objects of every kind of workload that carry an annotation or a part of ours. */
  readonly workloads: readonly WorkloadState[]
  /** What the migration containers of failing pods left behind. */
  readonly failures: readonly { readonly namespace: string; readonly pod: string; readonly message: string }[]
}

export interface Configuration {
  readonly kind: 'MutatingWebhookConfiguration' | 'ValidatingWebhookConfiguration'
  /** Undefined: the configuration is not there, or has no webhook of ours. */
  readonly webhook:
    | {
        readonly name: string
        readonly failurePolicy: string
        /** PEM text. */
        readonly caBundle: string
        /** `namespace/name` of the Service. */
        readonly service: string
        /** `group/plural`, each. */
        readonly resources: readonly string[]
      }
    | undefined
}

export interface NamespaceState {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly annotations: Readonly<Record<string, string>>
}

export interface WorkloadState {
  readonly namespace: string
  readonly name: string
  readonly group: string
  readonly version: string
  readonly kind: string
  /** As the API server sends it. */
  readonly object: unknown
}

/** Which kinds of objects to look at, and which of them matter. */
export interface Wanted {
  readonly namespace: string
  readonly kinds: readonly { readonly group: string; readonly version: string; readonly kind: string }[]
  /** Whether an object has anything to do with us. */
  readonly concerns: (object: unknown) => boolean
}

/** Reads all of an installation. Throws what the API server answers to the first call. */
export async function readInstallation(
  { kubeConfig, core, admission }: Clients,
  wanted: Wanted,
): Promise<Installation> {
  const { namespace } = wanted
  const [apps, custom] = [kubeConfig.makeApiClient(AppsV1Api), kubeConfig.makeApiClient(CustomObjectsApi)]
  const { gitVersion } = await kubeConfig.makeApiClient(VersionApi).getCode()
  const [deployment, endpoints, mutating, validating, secret, namespaces, pods, workloads] = await Promise.all([
    found(apps.readNamespacedDeployment({ name: NAME, namespace })),
    found(core.readNamespacedEndpoints({ name: NAME, namespace })),
    found(admission.readMutatingWebhookConfiguration({ name: NAME })),
    found(admission.readValidatingWebhookConfiguration({ name: NAME })),
    core.readNamespacedSecret({ name: SECRET, namespace }).then(pairOf, unreadable),
    core.listNamespace(),
    core.listPodForAllNamespaces({ fieldSelector: 'status.phase!=Succeeded' }),
    Promise.all(wanted.kinds.map((kind) => workloadsOf(custom, kind, wanted.concerns))),
  ])
  return {
    server: gitVersion,
    namespace,
    service:
      deployment === undefined
        ? 'missing'
        : { wanted: deployment.spec?.replicas ?? 1, ready: deployment.status?.readyReplicas ?? 0 },
    endpoints: (endpoints?.subsets ?? []).reduce((sum, { addresses = [] }) => sum + addresses.length, 0),
    configurations: [
      { kind: 'MutatingWebhookConfiguration', webhook: ours(mutating?.webhooks) },
      { kind: 'ValidatingWebhookConfiguration', webhook: ours(validating?.webhooks) },
    ],
    certificate: secret,
    namespaces: namespaces.items.map(({ metadata }) => ({
      name: metadata?.name ?? '',
      labels: metadata?.labels ?? {},
      annotations: metadata?.annotations ?? {},
    })),
    workloads: workloads.flat(),
    failures: pods.items.flatMap(failureOf),
  }
}

const NAME = 'lockkeeper'
const SECRET = 'lockkeeper-tls'

/** Undefined when the object is not there. */
async function found<T>(reading: Promise<T>): Promise<T | undefined> {
  try {
    return await reading
  } catch (error) {
    if (statusOf(error) === 404) return undefined
    throw error
  }
}

function pairOf({ data = {} }: V1Secret): Installation['certificate'] {
  const text = (key: string) => Buffer.from(data[key] ?? '', 'base64').toString('utf8')
  const [ca, cert] = [text('ca.crt'), text('tls.crt')]
  return ca === '' || cert === '' ? 'empty' : { ca, cert }
}

/** Whoever looks need not be allowed to read Secrets. */
function unreadable(error: unknown): Installation['certificate'] {
  if (statusOf(error) === 404) return 'missing'
  if (statusOf(error) === 403) return 'unknown'
  throw error
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
    const page = (await found(
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

function failureOf({ metadata, status }: V1Pod): Installation['failures'] {
  const own = status?.initContainerStatuses?.find(({ name }) => name === CONTAINER_NAME)
  const ended = own?.state?.terminated ?? (own?.state?.waiting === undefined ? undefined : own.lastState?.terminated)
  if (ended === undefined || ended.exitCode === 0) return []
  const { namespace = '', name = '' } = metadata ?? {}
  return [{ namespace, pod: name, message: ended.message ?? `exit ${ended.exitCode}` }]
}
