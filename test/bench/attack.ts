import { type RequestOptions, request } from 'node:https'
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls'
import { isMainThread, Worker, workerData } from 'node:worker_threads'
import { gzipSync } from 'node:zlib'
import { deployment } from '../tools/admission.ts'
import { PORT, type Running, withWebhook } from './webhook-process.ts'

/** The container's limit in the chart, MB. */
const MEMORY = 384
const FOR_MS = 8_000
const PER_SECOND = 20

interface Attack {
  readonly name: string
  /** ConfigMap of the hostile namespace: what it holds. */
  readonly holds?: Readonly<Record<string, string>>
  /** One wave of it; what it opens is closed when all is over. */
  wave(open: TLSSocket[]): Promise<unknown>
}

/** Attackers come from other addresses than the API server, as in a cluster; loopback has many. */
const HOSTILE = '127.0.0.2'
const many = <T>(n: number, make: (i: number) => T): T[] => Array.from({ length: n }, (_, i) => make(i))
const filesOf = (n: number, up: (i: number) => string, down = 'SELECT 1') =>
  Object.fromEntries(
    many(n, (i) => i + 1).flatMap((i) => [
      [`${i}.up.sql`.replace('.', '_a.'), up(i)],
      [`${i}.down.sql`.replace('.', '_a.'), down],
    ]),
  )
const minimal = JSON.stringify({
  version: 1,
  format: 'golang-migrate',
  entries: many(8_000, (i) => ({ version: String(i + 1), name: '', upFile: '', up: 'a'.repeat(64) })),
})

/** A dry run of a workload in the hostile namespace, which reads its ConfigMap. */
const dryRun = (annotations: Record<string, string> = {}): Buffer => {
  const object = deployment({
    'lockkeeper.dev/schema-version': '1',
    'lockkeeper.dev/migrations': 'configmap/m',
    ...annotations,
  })
  object.metadata.namespace = 'hostile'
  return bodyOf(object, 'hostile')
}
const bodyOf = (object: unknown, namespace: string): Buffer =>
  Buffer.from(
    JSON.stringify({
      apiVersion: 'admission.k8s.io/v1',
      kind: 'AdmissionReview',
      request: {
        ...{ uid: 'u', operation: 'CREATE', dryRun: true, namespace, name: 'orders', object, oldObject: null },
        kind: { group: 'apps', version: 'v1', kind: 'Deployment' },
      },
    }),
  )
const asksOften = (annotations?: Record<string, string>) => () =>
  Promise.all(many(10, () => ask(dryRun(annotations), { localAddress: HOSTILE })))

const headers = (length: number) =>
  `POST /mutate HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${length}\r\n\r\n`
const opens = (count: number, said: () => string | Buffer) => async (open: TLSSocket[]) => {
  for (let i = 0; i < count; i++) {
    const where = { host: '127.0.0.1', port: PORT, localAddress: HOSTILE }
    const socket = connect({ ...where, rejectUnauthorized: false } as ConnectionOptions)
    socket.on('error', () => undefined).once('secureConnect', () => socket.write(said()))
    open.push(socket)
  }
  await new Promise((resolve) => setTimeout(resolve, 1_000))
}

const attacks: readonly Attack[] = [
  {
    name: 'catalogues of 8,000 minimal entries, each another version',
    holds: { 'catalogue.json': minimal },
    wave: asksOften({ 'lockkeeper.dev/migrations': 'image/x:/m', 'lockkeeper.dev/catalogue': 'configmap/m' }),
  },
  { name: 'a ConfigMap of 18,000 keys', holds: filesOf(9_000, () => ''), wave: asksOften() },
  {
    name: 'a script of 20,000 statements',
    holds: filesOf(1, () => many(20_000, (i) => `DROP TABLE t${i};`).join('\n')),
    wave: asksOften(),
  },
  {
    name: 'a statement of 1 MB',
    holds: filesOf(1, () => `SELECT ${many(160_000, (i) => i % 10).join(' + ')}`),
    wave: asksOften(),
  },
  {
    name: 'statements of 131,000 characters, whose trees are the largest',
    holds: filesOf(5, () => `SELECT *${',*'.repeat(65_490)}`),
    wave: asksOften(),
  },
  {
    name: 'statements too deep for the parser',
    holds: filesOf(1, () => many(60, () => `SELECT 1${'+1'.repeat(60_000)};`).join('\n')),
    wave: asksOften(),
  },
  { name: '200 connections with full headers and one byte', wave: opens(200, () => `${headers(1000)}{`) },
  { name: '30 bodies of 600 KB that are announced and do not come', wave: opens(30, () => headers(600_000)) },
  {
    name: '150 bodies of 6.5 KB that gzip makes 6.6 MB',
    wave: () => {
      const body = gzipSync(Buffer.alloc(6_600_000, 0x20))
      return Promise.all(many(150, () => ask(body, { localAddress: HOSTILE, headers: { 'Content-Encoding': 'gzip' } })))
    },
  },
  { name: '500 idle TLS connections a second', wave: opens(500, () => '') },
  {
    name: '20 bodies of 5 MB that stop short of their end',
    wave: opens(20, () => Buffer.concat([Buffer.from(headers(6_000_000)), Buffer.alloc(5_000_000, 0x20)])),
  },
  {
    name: 'forged reviews of 6 MB',
    wave: () => {
      const object = deployment()
      object.spec.template.spec.containers[0].env = many(60_000, (i) => ({ name: `V${i}`, value: 'x'.repeat(70) }))
      const body = bodyOf(object, 'hostile')
      return Promise.all(many(4, () => ask(body, { localAddress: HOSTILE })))
    },
  },
]

/** Attacks on the built service, in the flags of its image, while another namespace asks for reviews. */
export async function benchAttack(): Promise<string[]> {
  const lines: string[] = []
  for (const attack of attacks) {
    const hostile = (namespace: string) => (namespace === 'hostile' ? attack.holds : undefined)
    const { slowest, failed, asked, peak, alive } = await withWebhook(
      'rebuilt',
      (webhook) => under(attack, webhook),
      hostile,
    )
    const good = slowest < 1_000 && failed === 0 && alive && peak < MEMORY
    lines.push(
      `  ${good ? 'held' : 'FAILED'}: ${attack.name}: ${asked} reviews of another namespace, slowest ${Math.round(slowest)} ms, ${failed} failed, ${alive ? 'no restart' : 'it ended'}, peak ${Math.round(peak)} MB of ${MEMORY}`,
    )
  }
  return ['webhook under attack:', ...lines]
}

/** The attackers have a thread of their own, and so have those who ask: neither delays the other's clock. */
async function under(attack: Attack, webhook: Running) {
  const attacker = new Worker(new URL(import.meta.url), { workerData: { attack: attack.name } })
  const plan = { subject: 'rebuilt', warmUp: 5, inFlight: 100, perSecond: PER_SECOND } as const
  const { latencies, failed, skipped } = await webhook.load({ ...plan, reviews: (FOR_MS / 1000) * PER_SECOND })
  await attacker.terminate()
  return {
    asked: latencies.length,
    slowest: Math.max(...latencies),
    failed: failed + skipped,
    peak: webhook.peak(),
    alive: webhook.alive(),
  }
}

function ask(body: Buffer, options: RequestOptions): Promise<{ ms: number; status: number }> {
  const began = performance.now()
  return new Promise((resolve) => {
    const done = (status: number) => resolve({ ms: performance.now() - began, status })
    const own = { 'Content-Type': 'application/json', 'Content-Length': body.length, ...options.headers }
    const where = { host: '127.0.0.1', port: PORT, path: '/mutate?timeout=5s', method: 'POST', agent: false as const }
    const sent = request(
      { ...where, rejectUnauthorized: false, timeout: 10_000, ...options, headers: own },
      (response) => {
        response.resume().once('end', () => done(response.statusCode ?? 0))
      },
    )
    sent.once('error', () => done(0)).once('timeout', () => sent.destroy())
    sent.end(body)
  })
}

const { attack: wanted } = (workerData ?? {}) as { readonly attack?: string }
const own = attacks.find(({ name }) => name === wanted)
if (!isMainThread && own !== undefined) {
  const open: TLSSocket[] = []
  for (;;) await own.wave(open)
}
