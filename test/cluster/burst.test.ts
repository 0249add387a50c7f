import { afterAll, beforeAll, expect, test } from 'vitest'
import { percentile } from '../bench/figures.ts'
import { type Answer, type Ask, withApi } from './tools/api.ts'
import { shapes } from './tools/every-kind.ts'
import { install, uninstall } from './tools/install.ts'
import { release } from './tools/orders.ts'
import { get, kubectl, mustApply, mustKubectl } from './tools/shell.ts'

const WORKLOADS = 500
const BURST = 200
/** So many are made at once: the cluster has the processors that the test has. */
const IN_FLIGHT = 4
const namespaces = Array.from({ length: 5 }, (_, i) => `burst-${process.pid}-${i}`)

beforeAll(async () => {
  await install('helm')
}, 300_000)
afterAll(async () => {
  await kubectl('delete', 'namespace', ...namespaces)
  await uninstall('helm')
}, 240_000)

test(`${BURST} applies at once, over ${WORKLOADS} workloads, all pass`, async () => {
  for (const name of namespaces) {
    const labels = { 'lockkeeper.dev/admission': 'enabled' }
    await mustApply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels } })
    const metadata = { name: 'orders-migrations', namespace: name }
    await mustApply({ apiVersion: 'v1', kind: 'ConfigMap', metadata, data: release(3) })
  }
  await withApi(async (ask) => {
    const all = Array.from({ length: WORKLOADS }, (_, i) => i)
    const made = await inTurn(all, (i) => applied(ask, i, '2', 'orders:2'))
    expect(made.filter(({ code }) => code !== 201).map(({ body }) => body.message)).toEqual([])
    const before = await memory()

    const some = all.filter((i) => i % 5 < 2)
    expect(some).toHaveLength(BURST)
    // Nobody asks us about those; then a new release of each: its ConfigMap is read, and its parts are built anew.
    const foreign = await burst(some, (i) => applied(ask, i, '2', 'orders:2', { 'example.com/note': 'x' }))
    const answers = await burst(some, (i) => applied(ask, i, '3', 'orders:3'))
    const failed = [...foreign, ...answers].filter(({ code }) => code !== 200)
    console.log(
      [
        `burst: ${BURST} applies at once over ${WORKLOADS} workloads, ${failed.length} failed`,
        `burst, as the client sees an apply: ${told(answers)}`,
        `burst, the same without a review: ${told(foreign)}`,
        `burst, memory of our pods: ${before.join(' and ')} MB before, ${(await memory()).join(' and ')} MB after`,
      ].join('\n'),
    )
    expect(failed.map(({ body }) => body.message)).toEqual([])
    expect(answers.map(({ body }) => targetIn(body))).toEqual(some.map(() => '3'))
  })
})

interface Timed extends Answer {
  readonly ms: number
}

const burst = (some: readonly number[], each: (i: number) => Promise<Timed>) => Promise.all(some.map(each))

function told(answers: readonly Timed[]): string {
  const times = answers.map(({ ms }) => ms)
  const [p50, p95, p99, most] = [50, 95, 99, 100].map((percent) => Math.round(percentile(times, percent)))
  return `p50 ${p50} ms, p95 ${p95} ms, p99 ${p99} ms, longest ${most} ms`
}

/** Server-side apply of one of the workloads, of which no pod ever runs. */
async function applied(ask: Ask, i: number, version: string, image: string, more: object = {}): Promise<Timed> {
  const namespace = namespaces[i % namespaces.length] ?? ''
  const annotations = {
    'lockkeeper.dev/schema-version': version,
    'lockkeeper.dev/migrations': 'configmap/orders-migrations',
    'lockkeeper.dev/database': 'secret/orders-db#uri',
    ...more,
  }
  const { Deployment } = shapes
  const object = structuredClone(Deployment.object({ name: `orders-${i}`, namespace, annotations }, {}))
  Object.assign(object.spec.template.spec.containers[0] ?? {}, { image })
  const path = `${Deployment.path(namespace)}/orders-${i}?fieldManager=burst&force=true`
  const began = performance.now()
  const answer = await ask('PATCH', path, object, 'application/apply-patch+yaml')
  return { ...answer, ms: performance.now() - began }
}

const targetIn = ({ spec }: Answer['body']) =>
  spec.template.spec.initContainers[0].env.find(({ name }: { name: string }) => name === 'LOCKKEEPER_TARGET').value

async function inTurn<T, R>(all: readonly T[], each: (one: T) => Promise<R>): Promise<R[]> {
  const results: R[] = []
  const rest = [...all]
  const worker = async () => {
    for (let next = rest.shift(); next !== undefined; next = rest.shift()) results.push(await each(next))
  }
  await Promise.all(Array.from({ length: IN_FLIGHT }, worker))
  return results
}

/** Of each of our pods, MB that are resident. */
async function memory(): Promise<number[]> {
  const { items } = await get('-n', 'lockkeeper', 'pods', '-l', 'app.kubernetes.io/name=lockkeeper')
  return Promise.all(
    items.map(async ({ metadata }: { metadata: { name: string } }) => {
      const path = `/api/v1/namespaces/lockkeeper/pods/${metadata.name}:9090/proxy/metrics`
      const found = /^process_resident_memory_bytes (\S+)/m.exec(await mustKubectl('get', '--raw', path))?.[1]
      return Math.round(Number(found) / 2 ** 20)
    }),
  )
}
