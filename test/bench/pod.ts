import { setTimeout as sleep } from 'node:timers/promises'
import { CoreV1Api, KubeConfig, type V1Pod } from '@kubernetes/client-node'
import { install, uninstall } from '../cluster/tools/install.ts'
import { release, type Shop, startDatabase, stopDatabase, withShop } from '../cluster/tools/orders.ts'
import { get, mustApply } from '../cluster/tools/shell.ts'
import { percentile, spread } from './figures.ts'

const ROUNDS = 15
const peer = process.env.LOCKKEEPER_BENCH_MIGRATE_IMAGE ?? ''

/** What stands before the application in its pod. */
type Kind = 'alone' | 'lockkeeper' | 'golang-migrate'

/** As a user sees it: from the pod's creation to the first moment of its application, on a schema that is current. */
export async function benchPod(): Promise<string[]> {
  if ((process.env.LOCKKEEPER_TEST_KUBECONFIG ?? '') === '')
    return ['pod created to application started: not measured, since LOCKKEEPER_TEST_KUBECONFIG names no cluster']
  await startDatabase()
  await install('helm')
  try {
    let lines: string[] = []
    await withShop({}, async (shop) => {
      lines = await measured(shop)
    })
    return lines
  } finally {
    await uninstall('helm')
    await stopDatabase()
  }
}

async function measured(shop: Shop): Promise<string[]> {
  await shop.files(release(2))
  await shop.deploy(2, { replicas: 1 })
  await shop.rolledOut()
  const { items } = await get('-n', shop.namespace, 'pods', '-l', 'app=orders')
  const equipped = items[0] as V1Pod
  const kinds: Kind[] = peer === '' ? ['alone', 'lockkeeper'] : ['alone', 'lockkeeper', 'golang-migrate']
  if (peer !== '') await preparePeer(shop)
  const config = new KubeConfig()
  config.loadFromFile(process.env.LOCKKEEPER_TEST_KUBECONFIG ?? '')
  const api = config.makeApiClient(CoreV1Api)
  const times = new Map(kinds.map((kind) => [kind, [] as number[]]))
  for (let round = 0; round < ROUNDS; round++) {
    for (let i = 0; i < kinds.length; i++) {
      const kind = kinds[(i + round) % kinds.length] ?? 'alone'
      times.get(kind)?.push(await startOf(api, shop.namespace, podOf(kind, equipped, `${kind}-${round}`)))
    }
  }
  const ours = times.get('lockkeeper') ?? []
  const ratio = (kind: Kind) => {
    const theirs = times.get(kind) ?? []
    return percentile(
      ours.map((ms, i) => ms / (theirs[i] ?? Number.NaN)),
      50,
    ).toFixed(2)
  }
  return [
    ...kinds.map(
      (kind) => `pod created to application started, ${labels[kind]}: ${spread(times.get(kind) ?? [], 'ms')}`,
    ),
    `  ours beside them, round by round: ${kinds
      .filter((kind) => kind !== 'lockkeeper')
      .map((kind) => `${ratio(kind)} of ${labels[kind]}`)
      .join(', ')}`,
    ...(peer === ''
      ? ['  golang-migrate: not measured, since LOCKKEEPER_BENCH_MIGRATE_IMAGE names no image that holds it']
      : []),
  ]
}

const labels: Readonly<Record<Kind, string>> = {
  alone: 'without an init container',
  lockkeeper: 'with our runner',
  'golang-migrate': 'with golang-migrate in an init container',
}

/** The application says when it starts; everything runs on one machine, so on one clock. */
const application = {
  name: 'application',
  command: ['sh', '-c', 'date +%s%3N; exec sleep 600'],
  imagePullPolicy: 'IfNotPresent',
}

function podOf(kind: Kind, { spec, metadata }: V1Pod, name: string): V1Pod {
  const image = spec?.containers[0]?.image ?? ''
  const [ours] = spec?.initContainers ?? []
  const volumes = (spec?.volumes ?? []).filter(({ name: volume }) => volume === 'lockkeeper')
  const before = {
    alone: {},
    lockkeeper: {
      initContainers: ours === undefined ? [] : [{ ...ours, volumeMounts: ours.volumeMounts?.filter(isOurs) ?? [] }],
      volumes,
    },
    'golang-migrate': {
      initContainers: [migrate],
      volumes: [{ name: 'files', configMap: { name: 'orders-migrations' } }],
    },
  }[kind]
  return {
    metadata: { name, annotations: metadata?.annotations ?? {} },
    spec: {
      containers: [{ ...application, image }],
      terminationGracePeriodSeconds: 0,
      automountServiceAccountToken: false,
      ...before,
    },
  }
}

const isOurs = ({ name }: { name: string }) => name === 'lockkeeper'

const migrate = {
  name: 'migrate',
  image: peer,
  imagePullPolicy: 'IfNotPresent',
  command: ['migrate', '-path', '/files', '-database', '$(DATABASE_URL)', 'up'],
  env: [{ name: 'DATABASE_URL', valueFrom: { secretKeyRef: { name: 'peer-db', key: 'uri' } } }],
  volumeMounts: [{ name: 'files', mountPath: '/files' }],
}

/** The peer's own database, so that its pods too find a schema that is current. */
async function preparePeer(shop: Shop): Promise<void> {
  const name = `${shop.database}_peer`
  await shop.sql(`create database ${name}`)
  await mustApply({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'peer-db', namespace: shop.namespace },
    stringData: {
      uri: `postgresql://postgres:example@postgres.${shop.databaseNamespace}:5432/${name}?sslmode=disable`,
    },
  })
  const config = new KubeConfig()
  config.loadFromFile(process.env.LOCKKEEPER_TEST_KUBECONFIG ?? '')
  await startOf(
    config.makeApiClient(CoreV1Api),
    shop.namespace,
    podOf(
      'golang-migrate',
      { spec: { containers: [{ name: 'first', image: process.env.LOCKKEEPER_TEST_IMAGE_EXAMPLE ?? '' }] } },
      'peer-first',
    ),
  )
}

/** Milliseconds from the answer to the pod's creation until its application says that it runs. */
async function startOf(api: CoreV1Api, namespace: string, body: V1Pod): Promise<number> {
  const name = body.metadata?.name ?? ''
  await api.createNamespacedPod({ namespace, body })
  const created = Date.now()
  try {
    for (;;) {
      await sleep(100)
      const { status } = await api.readNamespacedPod({ namespace, name })
      if (status?.phase === 'Failed' || Date.now() - created > 60_000)
        throw new Error(`${name}: ${JSON.stringify(status)}`)
      if (status?.phase !== 'Running') continue
      const said = await api.readNamespacedPodLog({ namespace, name, container: application.name })
      if (/^\d+/.test(said)) return Number(said.split('\n')[0]) - created
    }
  } finally {
    await api.deleteNamespacedPod({ namespace, name })
  }
}
