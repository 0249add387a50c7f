import request from 'supertest'
import { describe, expect, test } from 'vitest'
import type { SecretKeys, SourceOutcome, SourceRequest } from '../../src/admission/facts.ts'
import { createApp } from '../../src/webhook/app.ts'
import { createMetrics } from '../../src/webhook/metrics.ts'
import type { Ports } from '../../src/webhook/ports.ts'
import { deployment, gone, shop, source } from '../tools/admission.ts'
import { release } from '../tools/example-files.ts'

interface World {
  readonly source?: (request: SourceRequest) => Promise<SourceOutcome>
  readonly secret?: SecretKeys
  readonly unready?: string
  readonly namespace?: () => Promise<undefined>
}

function world({ source: read = async () => source(release(2)), secret = 'unknown', unready, namespace }: World = {}) {
  const lines: Record<string, unknown>[] = []
  const sources: SourceRequest[] = []
  const ports: Ports = {
    namespace: namespace ?? (async () => shop()),
    source: (wanted) => {
      sources.push(wanted)
      return read(wanted)
    },
    secretKeys: async (namespace, name) => (namespace === 'shop' && name === 'orders-db' ? secret : 'unknown'),
    cluster: 'c',
    runnerImage: 'runner:1',
    imagePullPolicy: 'IfNotPresent',
    now: () => 1000,
    unready: () => unready,
    log: (_level, fields) => lines.push(fields),
    metrics: createMetrics(),
  }
  return { app: createApp(ports), lines, sources, ports }
}

const review = (
  object: unknown = deployment(),
  kind = { group: 'apps', version: 'v1', kind: 'Deployment' },
  more = {},
) => ({
  apiVersion: 'admission.k8s.io/v1',
  kind: 'AdmissionReview',
  request: {
    uid: 'abc',
    operation: 'CREATE',
    kind,
    namespace: 'shop',
    name: 'orders',
    userInfo: { username: 'ann' },
    object,
    oldObject: null,
    ...more,
  },
})

describe('/mutate', () => {
  test('answers with a patch in base64 and echoes the uid', async () => {
    const { app, sources } = world()
    const { status, body } = await request(app).post('/mutate?timeout=5s').send(review())
    expect(status).toBe(200)
    expect(body.response).toMatchObject({ uid: 'abc', allowed: true, patchType: 'JSONPatch' })
    const patch = JSON.parse(Buffer.from(body.response.patch, 'base64').toString())
    expect(patch.map(({ path }: { path: string }) => path)).toEqual([
      '/spec/template/metadata/annotations',
      '/spec/template/spec/initContainers',
      '/spec/template/spec/volumes',
    ])
    expect(sources).toEqual([
      {
        namespace: 'shop',
        configMaps: ['orders-migrations'],
        format: undefined,
        historySchema: 'lockkeeper',
        placeholders: {},
      },
    ])
  })

  test('of a kind we do not know, or of a Deployment without a pod template, changes nothing', async () => {
    const { app, sources } = world()
    for (const body of [
      review({}, { group: '', version: 'v1', kind: 'Widget' }),
      review({ metadata: {} }),
      review(null),
    ]) {
      const answer = await request(app).post('/mutate').send(body)
      expect(answer.body.response).toEqual({ uid: 'abc', allowed: true })
    }
    expect(sources).toEqual([])
  })
})

describe('/validate', () => {
  test('denies with 403 Forbidden and every finding', async () => {
    const { app } = world({ source: async () => gone })
    const { body } = await request(app).post('/validate').send(review())
    expect(body.response).toMatchObject({ uid: 'abc', allowed: false, status: { code: 403, reason: 'Forbidden' } })
    expect(body.response.status.message).toContain('source-missing')
    expect(body.response.status.message).toContain('not-injected')
  })

  test('says when the Secret of the database is not there, where it may look', async () => {
    const warned = async (secret: SecretKeys) =>
      ((await request(world({ secret }).app).post('/validate').send(review())).body.response.warnings ?? []).join('\n')
    expect(await warned('missing')).toContain('database-missing: Secret orders-db does not exist yet')
    expect(await warned(['url'])).toContain('database-missing: Secret orders-db has no key uri')
    expect(await warned(['uri'])).not.toContain('database-missing')
    expect(await warned('unknown')).not.toContain('database-missing')
  })

  test('of a source that does not answer in time is a finding, not a timeout', async () => {
    const { app } = world({ source: () => new Promise(() => undefined) })
    const { body } = await request(app).post('/validate?timeout=1s').send(review())
    expect(body.response.status.message).toContain('was not read within 500 ms')
  })

  const large = () => {
    const object = deployment()
    object.spec.template.spec.containers[0].env = [{ name: 'NOTE', value: 'x'.repeat(700_000) }]
    return object
  }

  test('of a review that waited for room has less time to read its source', async () => {
    const { app } = world({ source: () => new Promise(() => undefined) })
    const body = review(large())
    const answers = await Promise.all([1, 2].map(() => request(app).post('/validate?timeout=2s').send(body)))
    const times = answers.map(({ body }) => Number(/within (\d+) ms/.exec(body.response.status.message)?.[1]))
    expect(Math.min(...times)).toBeLessThan(Math.max(...times))
  })

  test('of a review that waited for most of its time still has a moment for it', async () => {
    const { app } = world({ source: () => new Promise(() => undefined) })
    const body = review(large())
    const answers = await Promise.all([1, 2, 3].map(() => request(app).post('/validate?timeout=1s').send(body)))
    for (const { body } of answers) expect(body.response.status.message).toContain('was not read within 500 ms')
  })
})

describe('bad requests', () => {
  test.each<[string, number, string, string | Buffer]>([
    ['that is no JSON', 400, 'application/json', '{'],
    ['that is empty', 400, 'application/json', ''],
    ['that is null', 400, 'application/json', 'null'],
    [
      'of another version',
      400,
      'application/json',
      JSON.stringify({ ...review(), apiVersion: 'admission.k8s.io/v1beta1' }),
    ],
    [
      'without a request',
      400,
      'application/json',
      JSON.stringify({ apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview' }),
    ],
    ['of another content type', 415, 'text/plain', 'hello'],
    ['that is too large', 413, 'application/json', JSON.stringify({ x: 'x'.repeat(8 * 1024 * 1024) })],
  ])('a review %s is answered with %i', async (_, status, type, body) => {
    const { app } = world()
    const answer = await request(app).post('/mutate').set('Content-Type', type).send(body)
    expect(answer.status).toBe(status)
    expect(answer.text.length).toBeGreaterThan(5)
    expect(answer.text).not.toContain('    at ')
  })

  test.each([
    ['that is no JSON', '{'],
    ['that is no review', 'null'],
    ['that is too large', JSON.stringify({ x: 'x'.repeat(8 * 1024 * 1024) })],
  ])('one %s counts as an error', async (_, body) => {
    const { app, ports } = world()
    await request(app).post('/mutate').set('Content-Type', 'application/json').send(body)
    expect(await ports.metrics.registry.metrics()).toContain(
      'lockkeeper_admission_requests_total{hook="mutate",operation="unknown",result="error"} 1',
    )
  })

  test('an unknown path is 404', async () => {
    expect((await request(world().app).get('/nothing')).status).toBe(404)
  })

  test('an error of ours is 500, logged, and says nothing of the object', async () => {
    const { app, lines } = world({ namespace: () => Promise.reject(new Error('API server secret-thing')) })
    const answer = await request(app).post('/mutate').send(review())
    expect([answer.status, answer.text]).toEqual([500, 'an error of Lockkeeper; see its log'])
    expect(JSON.stringify(lines)).toContain('secret-thing')
  })
})

test('one log line per review names who did what to what, and never the object', async () => {
  const { app, lines } = world()
  const object = deployment()
  object.spec.template.spec.containers[0].env.push({ name: 'TOKEN', value: 'hunter2' })
  await request(app).post('/validate').send(review(object))
  expect(lines).toHaveLength(1)
  expect(lines[0]).toMatchObject({
    hook: 'validate',
    uid: 'abc',
    namespace: 'shop',
    name: 'orders',
    operation: 'CREATE',
    user: 'ann',
    dryRun: false,
    allowed: false,
    codes: ['not-injected'],
  })
  expect(JSON.stringify(lines)).not.toContain('hunter2')
})

test('health and readiness are told apart', async () => {
  const { app } = world({ unready: 'draining' })
  expect((await request(app).get('/healthz')).status).toBe(200)
  const ready = await request(app).get('/readyz')
  expect([ready.status, ready.text]).toEqual([503, 'draining'])
  expect((await request(world().app).get('/readyz')).status).toBe(200)
})

test('metrics count reviews, findings and the certificate’s end', async () => {
  const { app, ports } = world({ source: async () => gone })
  await request(app).post('/validate').send(review())
  ports.metrics.certificateExpires(new Date(5000))
  const text = await ports.metrics.registry.metrics()
  expect(text).toContain('lockkeeper_admission_requests_total{hook="validate",operation="CREATE",result="denied"} 1')
  expect(text).toContain('lockkeeper_admission_findings_total{code="source-missing"} 1')
  expect(text).toContain('lockkeeper_admission_duration_seconds_count{hook="validate"} 1')
  expect(text).toContain('lockkeeper_certificate_expiry_timestamp_seconds 5')
})
