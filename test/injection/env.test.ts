import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { readConfig } from '../../sidecar/config.ts'
import { applicationEnv } from '../../src/injection/application-env.ts'
import type { EnvEntry, JsonObject, Workload } from '../../src/injection/workload.ts'
import { admit, deployment, ours, source } from '../tools/admission.ts'
import { release } from '../tools/example-files.ts'

interface Variables {
  readonly env?: readonly EnvEntry[]
  readonly envFrom?: readonly JsonObject[]
}
const workload = (variables: Variables) =>
  ({
    spec: { template: { spec: { containers: [{ name: 'other' }, { name: 'app', ...variables }] } } },
  }) as unknown as Workload
const copied = (variables: Variables, name = 'URL') => applicationEnv(workload(variables), 'app', name)

/** ConfigMaps and Secrets by name, as a kubelet finds them. */
type Objects = Readonly<Record<string, Readonly<Record<string, string>>>>

/**
 * The environment that the kubelet gives a container (kubelet_pods.go, makeEnvironmentVariables, and
 * third_party/forked/golang/expansion): written after its rules, not after ours.
 */
function kubelet({ env = [], envFrom = [] }: Variables, objects: Objects, services: Readonly<Record<string, string>>) {
  const found = new Map<string, string>()
  for (const { prefix = '', configMapRef, secretRef } of envFrom as (JsonObject & { prefix?: string })[]) {
    const { name } = (configMapRef ?? secretRef) as { name: string }
    for (const [key, value] of Object.entries(objects[name] ?? {})) found.set(`${prefix}${key}`, value)
  }
  for (const { name, value, valueFrom } of env) {
    if (value !== undefined && value !== '') found.set(name, expand(value, found, services))
    else if (valueFrom?.secretKeyRef !== undefined) {
      const { name: object, key } = valueFrom.secretKeyRef as { name: string; key: string }
      found.set(name, objects[object]?.[key] ?? '')
    } else found.set(name, '')
  }
  return { ...services, ...Object.fromEntries(found) } as Record<string, string>
}

function expand(text: string, found: ReadonlyMap<string, string>, services: Readonly<Record<string, string>>): string {
  let result = ''
  for (let at = 0; at < text.length; at++) {
    const end = text.indexOf(')', at)
    if (text[at] !== '$' || at + 1 === text.length) result += text[at]
    else if (text[at + 1] === '$') {
      result += '$'
      at++
    } else if (text[at + 1] === '(' && end > 0) {
      const name = text.slice(at + 2, end)
      result += found.get(name) ?? services[name] ?? `$(${name})`
      at = end
    } else result += text[at]
  }
  return result
}

describe('env/CONTAINER:NAME', () => {
  const secret = (name: string, more = {}) => ({ secretRef: { name }, ...more })
  const fromSecret = { secretKeyRef: { name: 'db', key: 'uri' } }

  test.each<[string, Variables, ReturnType<typeof copied>]>([
    [
      'a value is copied under our name',
      { env: [{ name: 'URL', value: 'postgresql://h/d' }] },
      { env: [{ name: 'LOCKKEEPER_DATABASE_URL', value: 'postgresql://h/d' }], envFrom: [] },
    ],
    [
      'a valueFrom is copied as a reference: the value is never seen',
      { env: [{ name: 'URL', valueFrom: fromSecret }], envFrom: [secret('all')] },
      { env: [{ name: 'LOCKKEEPER_DATABASE_URL', valueFrom: fromSecret }], envFrom: [] },
    ],
    [
      'the last of two entries counts',
      {
        env: [
          { name: 'URL', value: 'one' },
          { name: 'URL', value: 'two' },
        ],
      },
      { env: [{ name: 'LOCKKEEPER_DATABASE_URL', value: 'two' }], envFrom: [] },
    ],
    [
      '$(OTHER) brings OTHER and what that names, in their order; an entry behind does not count',
      {
        env: [
          { name: 'PASS', valueFrom: fromSecret },
          { name: 'UNUSED', value: 'x' },
          { name: 'USER', value: 'app' },
          { name: 'LOGIN', value: '$(USER):$(PASS)' },
          { name: 'URL', value: 'postgresql://$(LOGIN)@$(HOST)/d' },
          { name: 'HOST', value: 'too late' },
        ],
      },
      {
        env: [
          { name: 'PASS', valueFrom: fromSecret },
          { name: 'USER', value: 'app' },
          { name: 'LOGIN', value: '$(USER):$(PASS)' },
          { name: 'LOCKKEEPER_DATABASE_URL', value: 'postgresql://$(LOGIN)@$(HOST)/d' },
        ],
        envFrom: [],
      },
    ],
    [
      '$$(OTHER) is no reference',
      {
        env: [
          { name: 'OTHER', value: 'x' },
          { name: 'URL', value: 'a$$(OTHER)b' },
        ],
      },
      { env: [{ name: 'LOCKKEEPER_DATABASE_URL', value: 'a$$(OTHER)b' }], envFrom: [] },
    ],
    [
      'a name that only envFrom can have brings those entries that can have it, under a prefix of ours',
      { envFrom: [secret('a'), secret('b', { prefix: 'UR' }), secret('c', { prefix: 'DB_' })] },
      {
        env: [{ name: 'LOCKKEEPER_DATABASE_URL', value: '$(LOCKKEEPER_APP_URL)' }],
        envFrom: [secret('a', { prefix: 'LOCKKEEPER_APP_' }), secret('b', { prefix: 'LOCKKEEPER_APP_UR' })],
      },
    ],
    [
      '$(OTHER) that only envFrom can have is looked for there',
      {
        env: [
          { name: 'USER', value: 'app' },
          { name: 'URL', value: 'postgresql://$(USER):$(PASS)@h/d' },
        ],
        envFrom: [{ configMapRef: { name: 'a', optional: true } }],
      },
      {
        env: [
          { name: 'USER', value: 'app' },
          { name: 'LOCKKEEPER_DATABASE_URL', value: 'postgresql://$(USER):$(LOCKKEEPER_APP_PASS)@h/d' },
        ],
        envFrom: [{ configMapRef: { name: 'a', optional: true }, prefix: 'LOCKKEEPER_APP_' }],
      },
    ],
    ['a name that nothing can have is none', { env: [], envFrom: [secret('c', { prefix: 'DB_' })] }, undefined],
    ['no environment is none', {}, undefined],
  ])('%s', (_, variables, expected) => expect(copied(variables)).toEqual(expected))

  test('of a container that the pod has not is none', () => {
    expect(applicationEnv(workload({ env: [{ name: 'URL', value: 'x' }] }), 'nobody', 'URL')).toBeUndefined()
  })

  const names = ['A', 'B', 'C', 'DB_A', 'URL']
  const piece = fc.oneof(
    fc.constantFrom(...names, 'SVC_SERVICE_HOST').map((name) => `$(${name})`),
    fc.constantFrom('x', '-', '$$', '$', '$$(A)', '$('),
  )
  const value = fc.array(piece, { minLength: 1, maxLength: 4 }).map((pieces) => pieces.join(''))
  const entry: fc.Arbitrary<EnvEntry> = fc.oneof(
    fc.record({ name: fc.constantFrom(...names), value }),
    fc.record({ name: fc.constantFrom(...names), valueFrom: fc.constant({ secretKeyRef: { name: 's1', key: 'A' } }) }),
  )
  const sources: fc.Arbitrary<JsonObject> = fc.oneof(
    ...['s1', 's2'].flatMap((name) => [
      fc.constant({ secretRef: { name } }),
      fc.constant({ configMapRef: { name }, prefix: 'DB_' }),
    ]),
  )
  const keys = fc.dictionary(fc.constantFrom('A', 'B', 'C', 'URL'), fc.stringMatching(/^[a-z]{1,3}$/))

  /** What the kubelet leaves of a name that no `envFrom` has, and the runner completes. */
  const left = /\$\(LOCKKEEPER_APP_([^)]*)\)/g
  const namesLeft = (text: string) => [...text.matchAll(left)].map(([, name]) => name ?? '')

  test('is what the application itself has, for any env, envFrom, Secrets and Services', () => {
    const seen = { fromSources: 0, fromEnv: 0, lost: 0 }
    fc.assert(
      fc.property(
        fc.array(entry, { maxLength: 6 }),
        fc.array(sources, { maxLength: 3 }),
        keys,
        keys,
        (env, envFrom, s1, s2) => {
          const services: Record<string, string> = { SVC_SERVICE_HOST: '10.0.0.1' }
          const theirs = kubelet({ env, envFrom }, { s1, s2 }, services).URL
          const taken = copied({ env, envFrom })
          const hasUrl = env.some(({ name }) => name === 'URL')
          if (taken === undefined) {
            expect(theirs).toBeUndefined()
            return
          }
          const ours = kubelet(taken, { s1, s2 }, services)
          const text = ours.LOCKKEEPER_DATABASE_URL ?? ''
          const missing = namesLeft(text).find((name) => services[name] === undefined)
          if (missing !== undefined) {
            // The application sees it as it is written; the runner refuses it.
            seen.lost++
            if (hasUrl) expect(theirs).toContain(`$(${missing})`)
            else expect(theirs).toBeUndefined()
            return
          }
          seen[hasUrl ? 'fromEnv' : 'fromSources']++
          expect(text.replace(left, (_, name: string) => services[name] ?? '')).toBe(theirs)
        },
      ),
      { numRuns: 5000 },
    )
    expect(Math.min(seen.fromSources, seen.fromEnv, seen.lost)).toBeGreaterThan(20)
  })

  test('puts nothing of the application into the runner under a name that means something there', () => {
    const taken = copied({
      env: [{ name: 'URL', value: 'postgresql://$(PASS)@h/d' }],
      envFrom: [secret('all'), secret('more', { prefix: 'X_' })],
    })
    const all = { NODE_OPTIONS: '--require=/x', PGHOST: 'elsewhere', LOCKKEEPER_BREAK_GLASS: '9', PASS: 'p' }
    const names = Object.keys(kubelet(taken ?? {}, { all, more: all }, {}))
    expect(names.filter((name) => !name.startsWith('LOCKKEEPER_APP_'))).toEqual(['LOCKKEEPER_DATABASE_URL'])
  })
})

describe('the container', () => {
  test('gets envFrom beside its own environment, and a workload without any of it is refused', () => {
    const object = deployment({ 'lockkeeper.dev/database': 'env/orders:DATABASE_URL' })
    object.spec.template.spec.containers[0].envFrom = [{ secretRef: { name: 'orders-db' } }]
    const world = { source: source(release(2)) }
    const { verdict, object: built } = admit(object, undefined, world)
    expect(verdict.allowed).toBe(true)
    expect(ours(built).envFrom).toEqual([{ secretRef: { name: 'orders-db' }, prefix: 'LOCKKEEPER_APP_' }])
    expect(ours(built).env[0]).toEqual({ name: 'LOCKKEEPER_DATABASE_URL', value: '$(LOCKKEEPER_APP_DATABASE_URL)' })
    const without = deployment({ 'lockkeeper.dev/database': 'env/orders:DATABASE_URL' })
    expect(ours(admit(without, undefined, world).object)).not.toHaveProperty('envFrom')
    const refused = admit(without, undefined, world).verdict
    expect('message' in refused && refused.message).toMatch(
      /DATABASE_URL of container orders, which has it neither in env nor in envFrom\n +fix: name a variable of that container/,
    )
  })
})

describe('the runner', () => {
  const run = (url: string, more: Record<string, string> = {}) =>
    readConfig({
      LOCKKEEPER_TARGET: '1',
      LOCKKEEPER_TOKEN: '1',
      LOCKKEEPER_CLUSTER: 'c',
      LOCKKEEPER_WORKLOAD: 'w',
      LOCKKEEPER_DATABASE_URL: url,
      ...more,
    }).database

  test('completes what the kubelet left by the variables of Services', () => {
    const service = { DB_SERVICE_HOST: '10.0.0.7', DB_SERVICE_PORT: '5433' }
    const url = 'postgresql://u@$(LOCKKEEPER_APP_DB_SERVICE_HOST):$(LOCKKEEPER_APP_DB_SERVICE_PORT)/d'
    expect(run(url, service)).toMatchObject({ hosts: [{ host: '10.0.0.7', port: 5433 }], database: 'd' })
  })

  test('says which variable nobody has, and shows nothing of the URL', () => {
    const message =
      /lockkeeper\.dev\/database needs PASS, which the container it names has neither in env nor in envFrom/
    expect(() => run('postgresql://u:$(LOCKKEEPER_APP_PASS)@hunter2/d')).toThrow(message)
    expect(() => run('postgresql://u:$(LOCKKEEPER_APP_PASS)@hunter2/d')).not.toThrow(/hunter2/)
  })
})
