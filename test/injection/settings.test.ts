import { describe, expect, test } from 'vitest'
import { readSettings } from '../../src/injection/settings.ts'

const base = {
  'lockkeeper.dev/schema-version': '042',
  'lockkeeper.dev/migrations': 'orders-migrations',
  'lockkeeper.dev/database': 'secret/orders-db',
}
const read = (own: Record<string, string>, namespace: Record<string, string> = {}) =>
  readSettings({ ...base, ...own }, namespace)

describe('settings', () => {
  test('of the three annotations have the documented defaults', () => {
    expect(read({}).settings).toMatchObject({
      target: '42',
      configMaps: ['orders-migrations'],
      database: { kind: 'secret', name: 'orders-db', key: undefined },
      set: 'default',
      onRollback: 'auto',
      mode: 'migrate',
      policy: { rollbackPolicy: 'require', explicit: false, allowBreakGlass: false },
    })
    expect(read({}).findings).toEqual([])
  })

  test('of the namespace are defaults, except on-rollback, where the namespace wins', () => {
    const namespace = {
      'lockkeeper.dev/set': 'a',
      'lockkeeper.dev/on-rollback': 'always',
      'config.lockkeeper.dev/deadline': '1m',
    }
    expect(read({ 'lockkeeper.dev/set': 'b', 'lockkeeper.dev/on-rollback': 'keep' }, namespace).settings).toMatchObject(
      {
        set: 'b',
        onRollback: 'always',
        deadlineMs: 60_000,
      },
    )
  })

  const bad: [string, string][] = [
    ['lockkeeper.dev/schema-version', 'latest'],
    ['lockkeeper.dev/schema-version', '1..2'],
    ['lockkeeper.dev/migrations', 'configmap/Orders'],
    ['lockkeeper.dev/migrations', 'a,a'],
    ['lockkeeper.dev/migrations', 'container/orders'],
    ['lockkeeper.dev/catalogue', 'configmap/X'],
    ['config.lockkeeper.dev/image-volume', 'yes'],
    ['lockkeeper.dev/database', 'orders-db'],
    ['lockkeeper.dev/database', 'secret/a#b#c'],
    ['lockkeeper.dev/database', 'env/orders'],
    ['lockkeeper.dev/format', 'liquibase'],
    ['config.lockkeeper.dev/placeholders', 'just a word'],
    ['lockkeeper.dev/format', 'liquibase'],
    ['lockkeeper.dev/mode', 'gate'],
    ['lockkeeper.dev/set', 'a b'],
    ['lockkeeper.dev/on-rollback', 'sometimes'],
    ['lockkeeper.dev/break-glass', '43'],
    ['config.lockkeeper.dev/lock-timeout', '5 seconds'],
    ['config.lockkeeper.dev/deadline', 'never'],
    ['config.lockkeeper.dev/statement-timeout', '1d'],
    ['config.lockkeeper.dev/hold-grace', ''],
    ['config.lockkeeper.dev/out-of-order', 'yes'],
    ['config.lockkeeper.dev/adopt-at', 'x'],
    ['config.lockkeeper.dev/cpu-request', 'much'],
    ['config.lockkeeper.dev/memory-request', '1 GB'],
    ['config.lockkeeper.dev/memory-limit', '-1'],
    ['config.lockkeeper.dev/after-container', 'Not A Name'],
    ['config.lockkeeper.dev/image', 'a b'],
  ]
  test.each(bad)('with %s "%s" are a finding that names the key and a cure', (key, value) => {
    const { settings, findings } = read({ [key]: value })
    expect(settings).toBeUndefined()
    expect(findings).toHaveLength(1)
    expect(findings[0]).toMatchObject({ code: 'annotation-invalid', severity: 'error' })
    expect(findings[0]?.message).toContain(key)
    expect(findings[0]?.fix.length).toBeGreaterThan(8)
  })

  test.each([
    ['lockkeeper.dev/rollback-policy', 'never'],
    ['lockkeeper.dev/allow-irreversible', 'sure'],
    ['lockkeeper.dev/below-floor', 'deny'],
    ['lockkeeper.dev/allow-adopt', 'yes'],
    ['lockkeeper.dev/baseline-version', 'one'],
  ])('with the namespace’s %s "%s" are a finding', (key, value) => {
    expect(read({}, { [key]: value }).findings[0]).toMatchObject({ code: 'annotation-invalid' })
  })

  test('with every mistake at once name all of them', () => {
    const { findings } = readSettings({ 'lockkeeper.dev/schema-version': 'x', 'lockkeeper.dev/on-rollback': 'y' }, {})
    expect(findings.map(({ message }) => message.split(' ')[0])).toEqual([
      'lockkeeper.dev/schema-version',
      'lockkeeper.dev/migrations',
      'lockkeeper.dev/database',
      'lockkeeper.dev/on-rollback',
    ])
  })

  test('with an unknown key warn and name the nearest; a policy on the workload is pointed to the namespace', () => {
    const { settings, findings } = read({
      'lockkeeper.dev/on-rolback': 'keep',
      'lockkeeper.dev/rollback-policy': 'off',
      'example.com/other': 'x',
    })
    expect(settings).toBeDefined()
    expect(findings.map(({ code, message, fix }) => [code, message, fix])).toEqual([
      ['annotation-unknown', 'lockkeeper.dev/on-rolback is not known', 'did you mean lockkeeper.dev/on-rollback?'],
      ['annotation-unknown', 'lockkeeper.dev/rollback-policy counts on the namespace only', 'set it there'],
    ])
  })
})

describe('memory', () => {
  const key = (name: string) => `config.lockkeeper.dev/memory-${name}`

  test.each<[Record<string, string>, string, string]>([
    [{}, '64Mi', '256Mi'],
    [{ [key('limit')]: '48Mi' }, '48Mi', '48Mi'],
    [{ [key('limit')]: '50000k' }, '50000k', '50000k'],
    [{ [key('limit')]: '1Gi' }, '64Mi', '1Gi'],
    [{ [key('limit')]: '67108864' }, '67108864', '67108864'],
    [{ [key('limit')]: '128Mi', [key('request')]: '128Mi' }, '128Mi', '128Mi'],
  ])('is requested below its limit: %j', (annotations, request, limit) => {
    expect(read(annotations).settings).toMatchObject({ memoryRequest: request, memoryLimit: limit })
  })

  test.each<[Record<string, string>, string]>([
    [{ [key('request')]: '512Mi' }, '256Mi'],
    [{ [key('request')]: '100Mi', [key('limit')]: '100M' }, '100M'],
  ])('that is requested above it is refused, which Kubernetes would do less clearly: %j', (annotations, limit) => {
    expect(read(annotations).findings[0]).toMatchObject({
      code: 'annotation-invalid',
      fix: expect.stringContaining(`at most the limit, which is ${limit}`),
    })
  })
})
