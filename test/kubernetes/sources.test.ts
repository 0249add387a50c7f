import { ApiException, type V1ConfigMap } from '@kubernetes/client-node'
import { expect, test } from 'vitest'
import { Sources } from '../../src/kubernetes/sources.ts'

const request = {
  namespace: 'shop',
  configMaps: ['m'],
  format: undefined,
  historySchema: 'lockkeeper',
  placeholders: {},
}
const map = (data: Record<string, string>, resourceVersion = '1', more: Partial<V1ConfigMap> = {}): V1ConfigMap => ({
  metadata: { name: 'm', uid: 'u', resourceVersion },
  data,
  ...more,
})
const files = { '1_a.up.sql': 'SELECT 1;', '1_a.down.sql': 'SELECT 1;' }

test('a ConfigMap is read live every time and parsed once per version', async () => {
  let reads = 0
  let current = map(files)
  const sources = new Sources(async () => {
    reads++
    return current
  })
  const [one, two] = [await sources.read(request), await sources.read(request)]
  expect(reads).toBe(2)
  if (one.kind !== 'read' || two.kind !== 'read') throw new Error('not read')
  expect(one.catalogue).toBe(two.catalogue)
  expect(one.items).toEqual([{ configMap: 'm', keys: ['1_a.down.sql', '1_a.up.sql'] }])
  current = map({ ...files, '2_b.up.sql': 'SELECT 2;' }, '2')
  const three = await sources.read(request)
  expect(three.kind === 'read' && three.catalogue.entries).toHaveLength(2)
})

test('binaryData counts, and immutable is known only when all are', async () => {
  const binaryData = { '2_b.up.sql': Buffer.from('SELECT 2;').toString('base64') }
  const sources = new Sources(async (name) =>
    name === 'm' ? map(files, '1', { immutable: true }) : map({}, '1', { metadata: { name, uid: name }, binaryData }),
  )
  const both = await sources.read({ ...request, configMaps: ['m', 'n'] })
  expect(both).toMatchObject({ kind: 'read', immutable: false })
  expect(both.kind === 'read' && both.catalogue.entries.map(({ version }) => version)).toEqual(['1', '2'])
})

test('a missing one and an API server that refuses are told apart, without the body of its answer', async () => {
  const failing = (code: number) => new Sources(() => Promise.reject(new ApiException(code, 'no', 'secret body', {})))
  expect(await failing(404).read(request)).toEqual({ kind: 'missing', configMap: 'm' })
  expect(await failing(403).read(request)).toEqual({
    kind: 'failed',
    configMap: 'm',
    reason: 'the API server answered 403',
  })
})
