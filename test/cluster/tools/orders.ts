import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { images } from './install.ts'
import { apply, get, kubectl, must, mustApply, mustKubectl, type Result, waitFor } from './shell.ts'

const root = join(import.meta.dirname, '../../..')
const folder = join(root, 'manifests/examples/orders/chart/migrations')
export type Files = Readonly<Record<string, string>>

/** The example's migrations up to a release. */
export const release = (version: number): Files =>
  Object.fromEntries(
    readdirSync(folder)
      .filter((name) => Number(name.split('_')[0]) <= version)
      .map((name) => [name, readFileSync(join(folder, name), 'utf8')]),
  )

const database = 'lockkeeper-test-database'

/** One PostgreSQL for all tests: volume claims are scarce. */
export async function startDatabase(): Promise<void> {
  const manifest = readFileSync(join(root, 'manifests/examples/orders/yaml/database.yaml'), 'utf8').replaceAll(
    'namespace: shop',
    `namespace: ${database}`,
  )
  await stopDatabase()
  await mustKubectl('create', 'namespace', database)
  await must('kubectl', ['apply', '-f', '-'], { input: manifest })
  await mustKubectl('-n', database, 'rollout', 'status', 'statefulset/postgres', '--timeout=180s')
  await waitFor('the database to answer', async () => (await sqlIn('postgres', 'select 1')).length === 1)
}

export async function stopDatabase(): Promise<void> {
  await kubectl('delete', 'namespace', database, '--ignore-not-found')
}

/** Rows of a query as text columns. */
async function sqlIn(name: string, text: string): Promise<string[][]> {
  const pod = [
    '-n',
    database,
    'exec',
    'postgres-0',
    '--',
    'env',
    'PGPASSWORD=example',
    'psql',
    '-h',
    '127.0.0.1',
    '-U',
    'postgres',
    '-d',
    name,
    '-Atq',
    '-F',
    '\t',
    '-c',
    text,
  ]
  const output = await must('kubectl', pod, {})
  return output
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => line.split('\t'))
}

/** A namespace of its own with a database of its own. */
export interface Shop {
  readonly namespace: string
  readonly database: string
  readonly databaseNamespace: string
  sql(text: string): Promise<string[][]>
  /** Puts a release's files into the ConfigMap. */
  files(files: Files, name?: string): Promise<void>
  /** Applies the Deployment of a release. */
  deploy(version: number, options?: DeployOptions): Promise<Result>
  object(version: number, options?: DeployOptions): Record<string, unknown>
  /** UIDs of a Deployment's pods that are to stay. */
  pods(name?: string): Promise<string[]>
  /** Evicts a Deployment's pods, as `kubectl drain` does. */
  evict(name: string): Promise<void>
  /** Waits until a rollout is through. */
  rolledOut(name?: string): Promise<void>
  /** The lines that the runners of running and ended pods wrote. */
  events(name?: string): Promise<RunnerEvent[]>
  versions(set?: string): Promise<string[]>
}

export interface RunnerEvent {
  readonly pod: string
  readonly event: string
  readonly level: string
  readonly version?: string
  readonly message?: string
}

export interface DeployOptions {
  readonly name?: string
  readonly replicas?: number
  readonly annotations?: Readonly<Record<string, string>>
  readonly strategy?: 'RollingUpdate' | 'Recreate'
  /** Release of the code, when it is not that of the schema. */
  readonly code?: number
}

interface Pod {
  readonly metadata: { readonly name: string; readonly uid: string; readonly deletionTimestamp?: string }
}

let shops = 0

export async function withShop(
  namespaceAnnotations: Readonly<Record<string, string>>,
  use: (shop: Shop) => Promise<void>,
  label = 'enabled',
): Promise<void> {
  const shop = await openShop(namespaceAnnotations, label)
  try {
    await use(shop)
  } finally {
    await closeShop(shop)
  }
}

/** For tables of tests that share a shop; `withShop` closes its own. */
export async function openShop(annotations: Readonly<Record<string, string>>, label = 'enabled'): Promise<Shop> {
  shops += 1
  const namespace = `shop-${process.pid}-${shops}`
  const name = `shop_${process.pid}_${shops}`
  await sqlIn('postgres', `create database ${name}`)
  const labels = {
    ...(label !== '' && { 'lockkeeper.dev/admission': label }),
    'pod-security.kubernetes.io/enforce': 'baseline',
  }
  await mustApply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace, labels, annotations } })
  await mustApply({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'orders-db', namespace },
    stringData: { uri: `postgresql://postgres:example@postgres.${database}:5432/${name}` },
  })
  return shopIn(namespace, name)
}

export async function closeShop({ namespace }: Pick<Shop, 'namespace'>): Promise<void> {
  await kubectl('delete', 'namespace', namespace, '--wait=false')
}

function shopIn(namespace: string, name: string): Shop {
  const sql = (text: string) => sqlIn(name, text)
  const object = (version: number, options: DeployOptions = {}) => ordersDeployment(namespace, version, options)
  return {
    namespace,
    database: name,
    databaseNamespace: database,
    sql,
    object,
    files: async (files, configMap = 'orders-migrations') => {
      const map = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: configMap, namespace }, data: files }
      await must('kubectl', ['create', '-f', '-', '--save-config', '--dry-run=client', '-o', 'json'], {
        input: JSON.stringify(map),
      })
      await mustApply(map)
    },
    deploy: (version, options) => apply(object(version, options)),
    pods: async (deployment = 'orders') => {
      const { items }: { items: Pod[] } = await get('-n', namespace, 'pods', '-l', `app=${deployment}`)
      const staying = items.filter(({ metadata }) => metadata.deletionTimestamp === undefined)
      return staying.map(({ metadata }) => metadata.uid).sort()
    },
    evict: async (deployment) => {
      const { items }: { items: Pod[] } = await get('-n', namespace, 'pods', '-l', `app=${deployment}`)
      for (const { metadata } of items) {
        const path = `/api/v1/namespaces/${namespace}/pods/${metadata.name}/eviction`
        const { name } = metadata
        await must('kubectl', ['create', '--raw', path, '-f', '-'], {
          input: JSON.stringify({ apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name, namespace } }),
        })
      }
    },
    rolledOut: async (deployment = 'orders') => {
      await mustKubectl('-n', namespace, 'rollout', 'status', `deployment/${deployment}`, '--timeout=150s')
    },
    events: async (deployment = 'orders') => {
      const { items } = await get('-n', namespace, 'pods', '-l', `app=${deployment}`)
      const logs = await Promise.all(
        items.map(async ({ metadata }: { metadata: { name: string } }) => {
          const { stdout } = await kubectl('-n', namespace, 'logs', metadata.name, '-c', 'lockkeeper-migrate')
          return stdout
            .split('\n')
            .filter((line) => line.startsWith('{'))
            .map((line) => ({ pod: metadata.name, ...JSON.parse(line) }))
        }),
      )
      return logs.flat()
    },
    versions: async (set = 'default') =>
      (await sql(`select version from lockkeeper.migration where "set" = '${set}' order by version`)).map(
        ([version]) => version ?? '',
      ),
  }
}

function ordersDeployment(namespace: string, version: number, options: DeployOptions): Record<string, unknown> {
  const { name = 'orders', replicas = 2, annotations = {}, strategy = 'RollingUpdate', code = version } = options
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: {
      name,
      namespace,
      annotations: {
        'lockkeeper.dev/schema-version': String(version),
        'lockkeeper.dev/migrations': 'configmap/orders-migrations',
        'lockkeeper.dev/database': 'secret/orders-db#uri',
        ...annotations,
      },
    },
    spec: {
      replicas,
      selector: { matchLabels: { app: name } },
      strategy:
        strategy === 'Recreate'
          ? { type: strategy }
          : { type: strategy, rollingUpdate: { maxUnavailable: 0, maxSurge: '100%' } },
      template: {
        metadata: { labels: { app: name } },
        spec: {
          terminationGracePeriodSeconds: 10,
          containers: [
            {
              name: 'orders',
              image: images().example,
              imagePullPolicy: 'IfNotPresent',
              env: [
                { name: 'ORDERS_VERSION', value: String(code) },
                { name: 'DATABASE_URL', valueFrom: { secretKeyRef: { name: 'orders-db', key: 'uri' } } },
              ],
              ports: [{ containerPort: 8080 }],
              readinessProbe: { httpGet: { path: '/readyz', port: 8080 }, periodSeconds: 1 },
              lifecycle: { preStop: { sleep: { seconds: 3 } } },
            },
          ],
        },
      },
    },
  }
}
