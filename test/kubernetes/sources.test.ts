import { ApiException, type V1ConfigMap } from '@kubernetes/client-node'
import { describe, expect, test } from 'vitest'
import type { SourceOutcome } from '../../src/admission/facts.ts'
import { readFolder } from '../../src/engine/read-folder.ts'
import { Sources } from '../../src/kubernetes/sources.ts'
import { catalogueOf } from '../../src/migration/catalogue.ts'
import { writeCatalogue } from '../../src/migration/catalogue-file.ts'
import { digestOf } from '../../src/migration/digest.ts'
import type { Catalogue } from '../../src/migration/migration.ts'
import { prepareSource, versionOf } from '../../src/migration/prepare-source.ts'
import type { SqlFacts } from '../../src/migration/sql-facts.ts'
import { exampleSets } from '../tools/example-sets.ts'
import { withFolder } from '../tools/program.ts'

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

const nothingToSay = async () => ({ floors: {}, findings: [] })

type Read = (name: string, namespace: string, part: 'metadata' | 'all') => Promise<V1ConfigMap>
type Judge = Parameters<typeof prepareSource>[2]

/** Sources that are read here and now. */
const sourcesOver = (read: Read, judge: Judge = nothingToSay, room?: number) =>
  new Sources(
    {
      version: async (name, namespace) => versionOf(await read(name, namespace, 'metadata')),
      bytes: async (name, namespace) => new TextEncoder().encode(JSON.stringify(await read(name, namespace, 'all'))),
    },
    async (_, load, question) => prepareSource((await load(Number.POSITIVE_INFINITY)) ?? [], question, judge),
    room,
  )

test('the version of a ConfigMap is asked for live every time, and each version is read and parsed once', async () => {
  const reads: string[] = []
  let current = map(files)
  const sources = sourcesOver(async (_name, _namespace, part) => {
    reads.push(part)
    const { metadata } = current
    return part === 'all' || metadata === undefined ? current : { metadata }
  }, nothingToSay)
  const [one, two] = [await sources.read(request), await sources.read(request)]
  expect(reads).toEqual(['metadata', 'all', 'metadata'])
  if (one.kind !== 'read' || two.kind !== 'read') throw new Error('not read')
  expect(one.catalogue).toBe(two.catalogue)
  expect(one.items).toEqual([{ configMap: 'm', keys: ['1_a.down.sql', '1_a.up.sql'] }])
  current = map({ ...files, '2_b.up.sql': 'SELECT 2;' }, '2')
  const three = await sources.read(request)
  expect(three.kind === 'read' && three.catalogue.entries).toHaveLength(2)
})

test('binaryData counts, and immutable is known only when all are', async () => {
  const binaryData = { '2_b.up.sql': Buffer.from('SELECT 2;').toString('base64') }
  const sources = sourcesOver(
    async (name) =>
      name === 'm' ? map(files, '1', { immutable: true }) : map({}, '1', { metadata: { name, uid: name }, binaryData }),
    nothingToSay,
  )
  const both = await sources.read({ ...request, configMaps: ['m', 'n'] })
  expect(both).toMatchObject({ kind: 'read', immutable: false })
  expect(both.kind === 'read' && both.catalogue.entries.map(({ version }) => version)).toEqual(['1', '2'])
})

const of = (maps: Record<string, V1ConfigMap>) =>
  sourcesOver(async (name) => {
    const found = maps[name]
    if (found === undefined) throw new ApiException(404, 'no', '', {})
    return { ...found, metadata: { name, uid: name, resourceVersion: '1' } }
  }, nothingToSay)
const readOf = (outcome: SourceOutcome) => {
  if (outcome.kind !== 'read') throw new Error(`not read: ${JSON.stringify(outcome)}`)
  return outcome
}
/** The digest that the runner finds in a folder of these files, as the webhook knows it. */
const digestInPod = (files: Readonly<Record<string, string>>) =>
  withFolder(files, async (folder) => {
    const set = await readFolder(folder, undefined, 'lockkeeper')
    return set === undefined ? '-' : digestOf(catalogueOf(set), '99')
  })
const digest = (catalogue: Catalogue) => digestOf(catalogue, '99')

describe('several ConfigMaps', () => {
  test('are one folder, in the order in which they are named', async () => {
    const sources = of({ a: { data: files }, b: { data: { '2_b.up.sql': 'SELECT 2;', '2_b.down.sql': 'SELECT 2;' } } })
    const { catalogue, items } = readOf(await sources.read({ ...request, configMaps: ['b', 'a'] }))
    expect(catalogue.entries.map(({ version }) => version)).toEqual(['1', '2'])
    expect(catalogue.findings).toEqual([])
    expect(items).toEqual([
      { configMap: 'b', keys: ['2_b.down.sql', '2_b.up.sql'] },
      { configMap: 'a', keys: ['1_a.down.sql', '1_a.up.sql'] },
    ])
  })

  test('that have a file of one name are a finding that names both; the pod mounts that of the first', async () => {
    const sources = of({ a: { data: files }, b: { data: { ...files, '1_a.up.sql': 'SELECT 99;' } } })
    const { catalogue, items } = readOf(await sources.read({ ...request, configMaps: ['a', 'b'] }))
    expect(catalogue.findings.map(({ code, severity, message, fix }) => [code, severity, message, fix])).toEqual(
      Object.keys(files).map((name) => [
        'version-duplicate',
        'error',
        `${name} is in ConfigMap a and in ConfigMap b`,
        'keep it in one of them',
      ]),
    )
    expect(items.map(({ keys }) => keys)).toEqual([['1_a.down.sql', '1_a.up.sql'], []])
    expect(digest(catalogue)).toBe(await digestInPod(files))
  })

  test('that have one version under two names are a finding too', async () => {
    const sources = of({ a: { data: files }, b: { data: { '01_b.up.sql': 'SELECT 2;' } } })
    const { catalogue } = readOf(await sources.read({ ...request, configMaps: ['a', 'b'] }))
    expect(catalogue.entries.flatMap(({ findings }) => findings)).toMatchObject([
      { code: 'version-duplicate', message: '1_a.up.sql and 01_b.up.sql are both version 1' },
    ])
  })

  test('of which some are missing name the first of them', async () => {
    const outcome = await of({ b: { data: files } }).read({ ...request, configMaps: ['b', 'c', 'a'] })
    expect(outcome).toEqual({ kind: 'missing', configMap: 'c' })
  })
})

describe('a key that stands for a name which a ConfigMap cannot hold', () => {
  test('is read as the DBDeploy file: same format, versions and digest in the webhook, in the pod, and for the real name', async () => {
    const spaced = exampleSets.dbdeploy
    const keys = Object.fromEntries(Object.entries(spaced).map(([name, text]) => [name.replaceAll(' ', '_'), text]))
    expect(Object.keys(spaced)).toContain('2 create orders.sql')
    expect(Object.keys(keys).every((key) => /^[-._a-zA-Z0-9]+$/.test(key))).toBe(true)
    const { catalogue } = readOf(await of({ m: { data: keys } }).read(request))
    expect(catalogue).toMatchObject({ format: 'dbdeploy', findings: [] })
    expect(catalogue.entries.map(({ version, findings }) => [version, findings])).toEqual(
      ['1', '2', '3', '4', '5'].map((version) => [version, []]),
    )
    expect(digest(catalogue)).toBe(await digestInPod(keys))
    expect(digest(catalogue)).toBe(await digestInPod(spaced))
  })
})

describe('binaryData', () => {
  const base64 = (data: Record<string, string | Buffer>) =>
    Object.fromEntries(Object.entries(data).map(([key, content]) => [key, Buffer.from(content).toString('base64')]))

  test('is the bytes that the pod mounts', async () => {
    const text = { ...files, '1_a.up.sql': "\uFEFFINSERT INTO t VALUES ('grün');\r\n" }
    const { catalogue } = readOf(await of({ m: { binaryData: base64(text) } }).read(request))
    expect(catalogue.entries.flatMap(({ findings }) => findings)).toEqual([])
    expect(digest(catalogue)).toBe(await digestInPod(text))
  })

  test.each<[string, Buffer, string]>([
    ['Latin-1', Buffer.from("SELECT 1;\nSELECT 'gr\u00fcn';", 'latin1'), '1_a.up.sql is not UTF-8 (line 2)'],
    ['UTF-16', Buffer.from('SELECT 1;', 'utf16le'), '1_a.up.sql holds a NUL byte, which SQL text cannot (line 1)'],
  ])('that kubectl made of a file in %s is a finding with its line', async (_, content, message) => {
    const { catalogue } = readOf(await of({ m: { binaryData: base64({ '1_a.up.sql': content }) } }).read(request))
    const findings = [...catalogue.findings, ...catalogue.entries.flatMap((entry) => entry.findings)]
    expect(findings).toContainEqual(expect.objectContaining({ code: 'source-unreadable', severity: 'error', message }))
  })
})

describe('a catalogue in a ConfigMap', () => {
  const wanted = { ...request, catalogue: true }
  const text = async () => {
    const { catalogue } = readOf(await of({ m: { data: files } }).read(request))
    return writeCatalogue(catalogue)
  }

  test('is what its files are, and nothing of it is mounted', async () => {
    const outcome = readOf(await of({ m: { data: { 'catalogue.json': await text() }, immutable: true } }).read(wanted))
    expect(digest(outcome.catalogue)).toBe(await digestInPod(files))
    expect(outcome).toMatchObject({ items: [], immutable: true })
  })

  test.each<[string, Record<string, string>, string]>([
    ['without the key', files, 'it has no key catalogue.json'],
    ['that is no JSON', { 'catalogue.json': 'no' }, 'catalogue.json: it is no JSON'],
    [
      'of another format',
      { 'catalogue.json': '{"version":9}' },
      'catalogue.json: version is not 1, the one that this release reads',
    ],
  ])('%s is unreadable, with what is wrong and how to write it', async (_, data, reason) => {
    expect(await of({ m: { data } }).read(wanted)).toEqual({
      kind: 'failed',
      configMap: 'm',
      reason,
      fix: "write it with this release's program: lockkeeper catalogue --name m | kubectl apply -f -",
    })
  })

  test('and files under the same name and version of the ConfigMap are not taken for each other', async () => {
    const sources = of({ m: { data: { ...files, 'catalogue.json': '{}' } } })
    expect((await sources.read(request)).kind).toBe('read')
    expect((await sources.read(wanted)).kind).toBe('failed')
    expect((await sources.read(request)).kind).toBe('read')
  })
})

test('a missing one and an API server that refuses are told apart, without the body of its answer', async () => {
  const failing = (code: number) =>
    sourcesOver(() => Promise.reject(new ApiException(code, 'no', 'secret body', {})), nothingToSay)
  expect(await failing(404).read(request)).toEqual({ kind: 'missing', configMap: 'm' })
  expect(await failing(403).read(request)).toEqual({
    kind: 'failed',
    configMap: 'm',
    reason: 'the API server answered 403',
    fix: expect.stringContaining('-n shop create rolebinding lockkeeper-configmaps'),
  })
})

describe('the SQL in ConfigMaps', () => {
  const facts: SqlFacts = {
    floors: { 1: '0' },
    findings: [{ code: 'index-blocks-writes', severity: 'warning', version: '1', message: 'm', fix: 'f' }],
  }

  test('is judged once for each version of them and each release, and is in the catalogue', async () => {
    const asked: (string | undefined)[] = []
    const sources = sourcesOver(
      async () => map(files),
      async (_, since) => {
        asked.push(since)
        return facts
      },
    )
    const [one] = await Promise.all([sources.read(request), sources.read(request)])
    await sources.read({ ...request, since: '1' })
    await sources.read(request)
    expect(asked).toEqual([undefined, '1'])
    expect(readOf(one).catalogue.entries[0]).toMatchObject({ floor: '0', findings: facts.findings })
  })

  test('comes with the proof of the catalogue beside them, whose other content does not count', async () => {
    const catalogue = writeCatalogue({ format: 'goose', entries: [], findings: [], proof: 'lockkeeper-proof 1\n' })
    const sources = of({ m: map(files), p: map({ 'catalogue.json': catalogue }) })
    const read = readOf(await sources.read({ ...request, proofs: 'p' }))
    expect(read.catalogue).toMatchObject({ format: 'golang-migrate', proof: 'lockkeeper-proof 1\n' })
    expect(read.items.map(({ configMap }) => configMap)).toEqual(['m'])
    expect(await sources.read({ ...request, proofs: 'gone' })).toEqual({ kind: 'missing', configMap: 'gone' })
    expect(await of({ m: map(files), p: map({}) }).read({ ...request, proofs: 'p' })).toMatchObject({
      kind: 'failed',
      configMap: 'p',
      reason: 'it has no key catalogue.json',
    })
  })
})

test('what was too much is tried again after a while, and each namespace keeps what it read', async () => {
  let read = 0
  const sources = new Sources({ version: async () => 'u@1', bytes: async () => new Uint8Array() }, async () => {
    read++
    return { versions: [], immutable: false, passing: true, read: { flaw: 'too much', fix: 'less' } }
  })
  const wanted = { kind: 'failed', configMap: 'm', reason: 'too much', fix: 'less' }
  expect(await sources.read(request)).toEqual(wanted)
  expect(await sources.read(request)).toEqual(wanted)
  expect(read).toBe(1)
  await sources.read({ ...request, namespace: 'other' })
  expect(read).toBe(2)
})

test('many versions of a large catalogue are kept as far as there is room, not by their number', async () => {
  let version = 0
  let read = 0
  const sources = sourcesOver(
    async (_, __, part) => {
      if (part === 'all') read++
      return map(files, String(version))
    },
    nothingToSay,
    20_000,
  )
  for (version = 0; version < 10; version++) await sources.read(request)
  expect(read).toBe(10)
  version = 9
  await sources.read(request)
  expect(read).toBe(10)
  version = 0
  await sources.read(request)
  expect(read).toBe(11)
})
