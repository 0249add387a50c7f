import { describe, expect, test } from 'vitest'
import { plain } from '../../src/admission/plain.ts'
import { CONFIG, INTENT, POLICY } from '../../src/contract.ts'
import { deployment, gone, requestOf, shop, source } from '../tools/admission.ts'
import { release } from '../tools/example-files.ts'
import { type Arrived, arrive } from './recorded/api-server.ts'
import { applyClientSide, setSpec } from './recorded/clients.ts'
import { change, kinds, type Manifest, manifest, ours, statusOf, templateOf } from './recorded/objects.ts'

/** What Kubernetes takes in all; kubectl's copy of the object (last-applied-configuration) holds a text once more. */
const MAX_ANNOTATIONS = 120 * 1024
const v = (version: number, annotations: Record<string, string> = {}) =>
  manifest('Deployment', version, { annotations })
const world = (version: 0 | 1 | 2 | 3, now = 9000) => ({ source: source(release(version)), now })
const two = arrive(v(2), undefined, world(2, 2000)).object

/** What clients can print and keep: short lines without control characters, below every limit of the API. */
function expectReadable({ verdict, warnings }: Arrived) {
  for (const line of warnings) {
    expect([...line].length).toBeLessThanOrEqual(120)
    expect(line).not.toMatch(unprintable)
  }
  expect(warnings.join('').length).toBeLessThan(3500)
  if (verdict.allowed) return
  const lines = verdict.message.split('\n')
  expect(verdict.message.length).toBeLessThan(20_000)
  for (const line of lines) expect(line).not.toMatch(unprintable)
  expect(lines.slice(1).every((line) => /^(schema version|No pod was changed| {2})/.test(line))).toBe(true)
}
const unprintable = /[\p{Cc}\p{Zl}\p{Zp}\u202a-\u202e\u2066-\u2069]|\p{Cs}/u
const messageOf = ({ verdict }: Arrived) => (verdict.allowed ? '' : verdict.message)

const texts: [what: string, text: string][] = [
  ['120 KB', 'x'.repeat(MAX_ANNOTATIONS)],
  ['120 KB of commas', ','.repeat(MAX_ANNOTATIONS)],
  ['120 KB of codes', 'a,'.repeat(MAX_ANNOTATIONS / 2)],
  ['control characters', 'a\u0000\u001b[2J\r\n\u0085No pod was changed.\u009b'],
  ['other directions and lines', '\u202eabc\u2066\u2028schema version\u2029'],
  ['halves of characters', '\ud800 \udfff 😀'.repeat(50)],
  ['emoji', '👩‍👩‍👧'.repeat(2000)],
  ['nothing', ''],
  ['a prototype', '__proto__'],
]

describe('annotations that Kubernetes would refuse, but only after us, are refused before they are looked at', () => {
  const many = Object.fromEntries(Array.from({ length: 15_000 }, (_, i) => [`lockkeeper.dev/a${i}`, 'x']))
  const large = { 'example.com/x': 'x'.repeat(256 * 1024) }
  test.each([
    ['many', many],
    ['large', large],
  ])('%s', (_, annotations) => {
    const [onObject, onTemplate] = [deployment(annotations), deployment()]
    onTemplate.spec.template.metadata.annotations = annotations
    const said =
      /^the annotations of Deployment orders have \d+ characters together, and Kubernetes takes at most 262144: /
    for (const object of [onObject, onTemplate]) {
      expect(() => requestOf(object, undefined)).toThrow(said)
      expect(() => requestOf(deployment(), object)).toThrow(said)
    }
  })

  test('as many as Kubernetes takes are looked at', () =>
    expect(requestOf(deployment({ 'example.com/x': 'x'.repeat(255 * 1024) }), undefined).workload).toBeDefined())
})

describe('any text in any annotation of ours', () => {
  test.each(texts)('on a workload ends in an answer that can be read: %s', (_, text) => {
    for (const name of [...Object.values(INTENT), ...Object.values(CONFIG)]) {
      for (const [object, old] of [
        [v(2, { [name]: text }), undefined],
        [applyClientSide(two, v(2), v(3, { [name]: text })), two],
      ] as const) {
        expectReadable(arrive(object, old, world(3)))
      }
    }
  })

  test.each(texts)('on a namespace ends in an answer that can be read: %s', (_, text) => {
    for (const name of [...Object.values(INTENT), ...Object.values(CONFIG), ...Object.values(POLICY)]) {
      const namespace = shop({ [name]: text })
      expectReadable(arrive(v(2), undefined, { ...world(2), namespace }))
      expectReadable(arrive(setSpec(two, { replicas: 3 }), two, { source: gone, namespace }))
    }
  })

  test.each(texts)('that nobody knows the key of is named in a warning: %s', (_, text) => {
    const unknown = arrive(v(2, { 'lockkeeper.dev/no-such-key': text }), undefined, world(2))
    expect(unknown.warnings.join('\n')).toContain('lockkeeper.dev/no-such-key is not known')
    expectReadable(unknown)
  })

  test.each(texts)('in the names around it: %s', (_, text) => {
    const owned = change(v(2), (copy) => {
      copy.metadata.ownerReferences = [{ controller: true, kind: text, name: text }]
    })
    const renamed = change(v(3), (copy) => Object.assign(copy.metadata, { name: text }))
    const split = change(manifest('StatefulSet', 2, { on: 'template' }), (copy) => {
      copy.metadata.annotations = { 'lockkeeper.dev/schema-version': text }
    })
    const referring = change(manifest('Rollout', 2), (copy) => {
      copy.spec = { workloadRef: { kind: text, name: text } }
    })
    for (const object of [owned, renamed, split, referring]) expectReadable(arrive(object, undefined, world(2)))
  })

  test.each(texts)('in the files: %s', (_, text) => {
    const files = {
      ...release(2),
      '3_x.up.sql': `-- lockkeeper: irreversible ${text}\nSELECT 1;`,
      [`${text}.sql`]: text,
    }
    for (const namespace of [shop(), shop({ 'lockkeeper.dev/allow-irreversible': 'true' })]) {
      expectReadable(arrive(applyClientSide(two, v(2), v(3)), two, { source: source(files), namespace }))
    }
    expectReadable(arrive(v(2), undefined, { source: { kind: 'failed', configMap: 'a', reason: text } }))
  })
})

describe('more than a person can read', () => {
  test('thousands of findings are counted by code behind the first twenty', () => {
    const files = Object.fromEntries(Array.from({ length: 5000 }, (_, i) => [`${i + 1}_step.up.sql`, 'SELECT 1;']))
    const result = arrive(v(5000), undefined, { source: source({ ...files, 'notes.sql': 'SELECT 1;' }) })
    expectReadable(result)
    const lines = messageOf(result).split('\n')
    expect(lines).toHaveLength(2 + 2 * 20 + 2)
    expect(lines.at(-2)).toBe('  and 4981 more: 4981 rollback-missing (lockkeeper lint lists those of the files)')
    expect(messageOf(result).length).toBeLessThan(5000)
    expect(result.verdict.findings).toHaveLength(5001)
  })

  test('thousands of warnings leave room for the plan, and say how many there are', () => {
    const steps = (n: number, text: string) =>
      Object.fromEntries(
        Array.from({ length: n }, (_, i) => i + 1).flatMap((i) => [
          [`${i}_step.up.sql`, text],
          [`${i}_step.down.sql`, 'SELECT 1;'],
        ]),
      )
    const before = arrive(v(1000), undefined, { source: source(steps(1000, 'SELECT 1;')) }).object
    const result = arrive(applyClientSide(before, v(1000), v(1100)), before, {
      source: source(steps(1100, 'SELECT 2;')),
    })
    expectReadable(result)
    expect(result.warnings[0]).toBe('shop/Deployment/orders: schema 1000 to 1100, 100 migrations')
    expect(result.warnings.filter((line) => line.startsWith('migration-changed')).length).toBeGreaterThan(3)
    // Two lines for each of the last 200 versions, whose checksums a status holds.
    expect(result.warnings.at(-1)).toMatch(/^and 3\d\d more lines: lockkeeper review -o json shows all$/)
  })

  test('ten thousand unknown keys are twenty and a number', () => {
    const keys = Object.fromEntries(Array.from({ length: 10_000 }, (_, i) => [`lockkeeper.dev/key-${i}`, '']))
    const result = arrive(v(2, keys), undefined, world(2))
    expect(result.verdict.findings).toHaveLength(21)
    expect(result.verdict.findings.at(-1)?.message).toBe('9980 more keys are not known')
    expectReadable(result)
  })

  test('a pod of a hundred containers, fifty of them before the first, is equipped', () => {
    const named = (prefix: string) => Array.from({ length: 100 }, (_, i) => ({ name: `${prefix}-${i}`, image: 'a' }))
    const pod = { containers: named('app'), initContainers: named('init'), volumes: named('volume') }
    for (const kind of kinds) {
      const object = manifest(kind, 2, { pod })
      const result = arrive(object, undefined, world(2))
      expect(result.verdict.allowed).toBe(true)
      expect(result.patch.length).toBeLessThanOrEqual(3)
      const after = manifest(kind, 2, { pod, annotations: { 'config.lockkeeper.dev/after-container': 'init-49' } })
      const names = templateOf(arrive(after, undefined, world(2)).object).spec.initContainers.map(
        ({ name }: { name: string }) => name,
      )
      expect(names.indexOf('lockkeeper-migrate')).toBe(50)
    }
  })

  test('names at their longest leave what is said about them readable', () => {
    const name = 'n'.repeat(253)
    const file = 'f'.repeat(253 - '3_.down.sql'.length)
    const files = { ...release(2), [`3_${file}.up.sql`]: 'SELECT 1;', [`3_${file}.down.sql`]: 'SELECT 1;' }
    const long = (version: number) => change(v(version), (copy) => Object.assign(copy.metadata, { name }))
    const first = arrive(long(2), undefined, world(2, 2000))
    const next = arrive(applyClientSide(first.object, long(2), long(3)), first.object, { source: source(files) })
    for (const result of [first, next]) expectReadable(result)
    expect(first.warnings[0]).toMatch(
      /^shop\/Deployment\/n+…n+: schema as it is to 2, 2 migrations unless applied already$/,
    )
    expect(next.warnings[1]).toMatch(/^ {2}up 3 f+…$/)
    const { [`3_${file}.down.sql`]: _, ...oneWay } = files
    const refused = arrive(applyClientSide(first.object, long(2), long(3)), first.object, { source: source(oneWay) })
    expectReadable(refused)
    expect(messageOf(refused)).toContain(`3_${file}.up.sql has no down script\n`)
    expect(messageOf(refused)).toContain(`schema version 3 of shop/${name} cannot be rolled back:`)
  })
})

describe('a status that somebody wrote over', () => {
  const statuses: [what: string, text: string][] = [
    ['nothing', ''],
    ['no JSON', '{'],
    ['null', 'null'],
    ['a number', '5'],
    ['a list', '[]'],
    ['other types', '{"target":2,"digest":null,"token":"x","intent":[]}'],
    ['no version', '{"target":"latest","digest":"-","token":1,"intent":"a"}'],
    ['a token beyond all clocks', `{"target":"2","digest":"-","token":${Number.MAX_SAFE_INTEGER},"intent":"a"}`],
    ['a negative token', '{"target":"2","digest":"-","token":-1,"intent":"a"}'],
    ['entries that are none', '{"target":"2","digest":"-","token":1,"intent":"a","floor":7,"entries":{"x":{},"2":5}}'],
    ['a prototype', '{"__proto__":{"target":"2"},"constructor":1}'],
    ['120 KB', `"${'x'.repeat(MAX_ANNOTATIONS)}"`],
  ]
  const written = (object: Manifest, text: string) =>
    change(object, (copy) => {
      templateOf(copy).metadata.annotations['lockkeeper.dev/status'] = text
    })

  test.each(statuses)('on its way in is put back: %s', (_, text) => {
    expect(arrive(written(two, text), two, { source: gone, now: 5 }).object).toEqual(two)
  })

  test.each(statuses)('while we were away is built anew, and can be released from: %s', (_, text) => {
    const stored = written(two, text)
    const rebuilt = arrive(setSpec(stored, { replicas: 3 }), stored, world(2))
    expect([rebuilt.verdict.allowed, statusOf(rebuilt.object).token]).toEqual([true, 9000])
    const next = arrive(applyClientSide(stored, v(2), v(3)), stored, world(3))
    expect([next.verdict.allowed, statusOf(next.object).target]).toEqual([true, '3'])
    expect(next.warnings.join('\n')).not.toContain('migration-changed')
    expect(arrive(next.object, next.object, { source: gone }).patch).toEqual([])
  })

  test('and a container that somebody emptied', () => {
    const stored = change(two, (copy) => {
      const container = ours(copy)
      for (const key of Object.keys(container)) if (key !== 'name') delete container[key]
    })
    for (const [object, given, target] of [
      [setSpec(stored, { replicas: 3 }), world(2), '2'],
      [setSpec(stored, { replicas: 3 }), { source: gone }, '2'],
      [applyClientSide(stored, v(2), v(3)), world(3), '3'],
    ] as const) {
      const result = arrive(object, stored, given)
      expect([result.verdict.allowed, ours(result.object).image]).toEqual([true, 'lockkeeper/runner:1'])
      expect(statusOf(result.object).target).toBe(target)
    }
  })
})

test('two Deployments that bring different files to one database both pass: a review sees one object, and no database', () => {
  const other = change(v(2), (copy) => Object.assign(copy.metadata, { name: 'billing' }))
  const others = source({
    '1_x.up.sql': 'SELECT 1;',
    '1_x.down.sql': 'SELECT 1;',
    '2_y.up.sql': 'SELECT 1;',
    '2_y.down.sql': 'SELECT 1;',
  })
  for (const result of [arrive(v(2), undefined, world(2)), arrive(other, undefined, { source: others })]) {
    expect(result.verdict).toMatchObject({ allowed: true, findings: [] })
  }
})

describe('plain text', () => {
  test.each([
    ['a\nb\u001b[31mc', 20, 'a b [31mc'],
    ['abcdef', 6, 'abcdef'],
    ['abcdefg', 6, 'abcde…'],
    ['😀😀😀😀', 4, '😀😀😀😀'],
    ['😀😀😀😀😀', 4, '😀😀😀…'],
    ['\ud800x', 4, '\ufffdx'],
    ['  indented', 20, '  indented'],
    ['ZWJ 👩‍👧', 20, 'ZWJ 👩‍👧'],
    ['', 5, ''],
  ])('of %j in %i characters is %j', (text, max, expected) => {
    expect(plain(text, max)).toBe(expected)
  })
})
