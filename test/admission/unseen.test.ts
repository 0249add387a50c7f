import { generateKeyPairSync } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { catalogueOf } from '../../src/migration/catalogue.ts'
import { readMigrations } from '../../src/migration/read.ts'
import type { ProofEntry } from '../../src/proof/proof.ts'
import { proofText } from '../../src/proof/proof-file.ts'
import { publicKeyLine, signed } from '../../src/proof/signature.ts'
import { gone, shop, source } from '../tools/admission.ts'
import { entriesOf } from '../tools/proof.ts'
import type { Files } from '../tools/runner.ts'
import { type Arrived, arrive, type Circumstances } from './recorded/api-server.ts'
import { applyClientSide, jobFrom, restart } from './recorded/clients.ts'
import { change, kinds, type Manifest, manifest, ours, templateOf } from './recorded/objects.ts'

const key = (name: string) => `lockkeeper.dev/${name}`
const keys = (policy: Record<string, string>) =>
  Object.fromEntries(Object.entries(policy).map(([name, value]) => [key(name), value]))
const v = (version: number, annotations: Record<string, string> = {}) =>
  manifest('Deployment', version, { annotations })
const errors = ({ verdict }: Arrived) =>
  verdict.findings.filter(({ severity }) => severity === 'error').map(({ code }) => code)
const messageOf = ({ verdict }: Arrived) => (verdict.allowed ? '' : verdict.message)
const world = (files: Files, namespace: Record<string, string> = {}, more: Partial<Circumstances> = {}) => ({
  source: source(files),
  namespace: shop(keys(namespace)),
  ...more,
})

describe('scripts without a version', () => {
  const one: Files = { 'V1__a.sql': 'CREATE TABLE a (id int);', 'U1__a.sql': 'DROP TABLE a;' }
  const besides: [what: string, files: Files, target: number, named: string][] = [
    ['a repeatable migration alone', { 'R__x.sql': 'DROP TABLE orders;' }, 0, 'repeatable x'],
    ['a repeatable migration beside versions', { ...one, 'R__x.sql': 'DROP TABLE orders;' }, 1, 'repeatable x'],
    ['a callback', { ...one, 'afterMigrate.sql': 'DROP TABLE orders;' }, 1, 'callback afterMigrate'],
    [
      'a callback with a name',
      { ...one, 'beforeEachMigrate__all.sql': 'DROP TABLE orders;' },
      1,
      'callback beforeEachMigrate all',
    ],
    ['a baseline', { ...one, 'B1__base.sql': 'DROP TABLE orders;' }, 1, 'baseline 1'],
  ]

  test.each(besides)(
    'are said, and refused under proven and by allow-unversioned: "false": %s',
    (_, files, target, named) => {
      const go = (namespace: Record<string, string>) =>
        arrive(v(target, { [key('schema-version')]: String(target) }), undefined, world(files, namespace))
      expect(go({}).verdict.allowed, messageOf(go({}))).toBe(true)
      expect(go({}).warnings.join('\n')).toContain(`rollback-unversioned: ${named} run without a version`)
      expect(errors(go({ 'allow-unversioned': 'false' }))).toEqual(['rollback-unversioned'])
      expect(errors(go({ 'rollback-policy': 'proven' }))).toContain('rollback-unversioned')
      expect(errors(go({ 'rollback-policy': 'proven', 'allow-unversioned': 'true', 'baseline-version': '1' }))).toEqual(
        [],
      )
      expect(go({ 'allow-unversioned': 'true' }).warnings.join()).not.toContain('rollback-unversioned')
      expect(go({ 'rollback-policy': 'off' }).warnings.join()).not.toContain('rollback-unversioned')
    },
  )

  test.each(besides)('are judged by what their SQL does: %s', (_, files, target) => {
    const go = (namespace: Record<string, string>) =>
      arrive(v(target, { [key('schema-version')]: String(target) }), undefined, world(files, namespace))
    expect(go({}).verdict.findings.map(({ code }) => code)).toContain('drop-loses-data')
    expect(errors(go({ 'deny-findings': 'drop-loses-data' }))).toEqual(['drop-loses-data'])
  })

  test('are judged when they change at the same target, and let be when they do not', () => {
    const policy = { 'deny-findings': 'drop-loses-data' }
    const before = { ...one, 'R__x.sql': 'SELECT 1;' }
    const first = arrive(v(1), undefined, world(before, policy, { now: 2000 })).object
    const evil = { ...one, 'R__x.sql': 'DROP TABLE orders;' }
    for (const to of [
      restart(first, 'now'),
      applyClientSide(first, v(1), v(1, { [key('migrations')]: 'configmap/b' })),
    ])
      expect(errors(arrive(to, first, world(evil, policy, { now: 9000 })))).toEqual(['drop-loses-data'])
    const proven = { 'rollback-policy': 'proven' }
    expect(errors(arrive(restart(first, 'now'), first, world(before, proven)))).toEqual([])
  })
})

describe('an owner that anybody may write', () => {
  const owner = { apiVersion: 'v1', kind: 'Nobody', name: 'nowhere', uid: 'x', controller: true }
  const owned = (object: Manifest, kind = 'Nobody') =>
    change(object, (copy) => Object.assign(copy.metadata, { ownerReferences: [{ ...owner, kind }] }))
  const byHand: [what: string, edit: (pod: Record<string, unknown>) => void][] = [
    ['a container', (pod) => Object.assign(pod, { initContainers: [{ name: 'lockkeeper-migrate', image: 'evil:1' }] })],
    [
      'a container that copies',
      (pod) => Object.assign(pod, { initContainers: [{ name: 'lockkeeper-files', image: 'evil:1' }] }),
    ],
    [
      'an application container',
      (pod) => Object.assign(pod, { containers: [{ name: 'lockkeeper-migrate', image: 'evil:1' }] }),
    ],
    ['a volume', (pod) => Object.assign(pod, { volumes: [{ name: 'lockkeeper', emptyDir: {} }] })],
  ]
  test.each(kinds.flatMap((kind) => byHand.map(([what, edit]) => [kind, what, edit] as const)))(
    'lets no %s pass with %s by our name',
    (kind, _, edit) => {
      const object = owned(change(manifest(kind, 2), (copy) => edit(templateOf(copy).spec)))
      expect(errors(arrive(object, undefined, world({})))).toEqual(['owned-by-controller'])
    },
  )

  test('lets no status pass, and vouches for nothing when it is taken away', () => {
    const built = arrive(v(2), undefined, world({ '1_a.up.sql': 'SELECT 1;', '2_b.up.sql': 'SELECT 1;' })).object
    expect(errors(arrive(owned(built), undefined, world({})))).toEqual(['owned-by-controller'])
    const free = arrive(built, owned(built), world({ '1_a.up.sql': 'SELECT 1;', '2_b.up.sql': 'SELECT 1;' }))
    expect(errors(free)).toEqual(['rollback-missing', 'rollback-missing'])
  })

  test('counts on a Job only where the CronJob controller made it: a person makes one that is judged', () => {
    const files = { '1_a.up.sql': 'SELECT 1;', '1_a.down.sql': 'SELECT 1;', '2_b.up.sql': 'DROP TABLE a;' }
    const cronJob = arrive(manifest('CronJob', 2, { on: 'template' }), undefined, world(files)).object
    const job = jobFrom(cronJob, 'by-hand')
    const controller = 'system:serviceaccount:kube-system:cronjob-controller'
    expect(arrive(job, undefined, { source: gone, user: controller })).toMatchObject({ patch: [], warnings: [] })
    expect(errors(arrive(job, undefined, world(files, {}, { user: 'system:serviceaccount:shop:deployer' })))).toEqual([
      'rollback-missing',
    ])
    const forged = change(job, (copy) => Object.assign(ours(copy), { image: 'evil:1', command: ['sh'] }))
    const equipped = arrive(forged, undefined, world({ ...files, '2_b.down.sql': 'SELECT 1;' }, {}, { user: 'eve' }))
    expect(equipped.verdict.allowed).toBe(true)
    expect(ours(equipped.object)).toMatchObject({
      image: 'lockkeeper/runner:1',
      command: ['/usr/local/bin/node', '/app/runner.js'],
    })
  })
})

describe('the image of our container', () => {
  const files = {
    '1_a.up.sql': 'SELECT 1;',
    '1_a.down.sql': 'SELECT 1;',
    '2_b.up.sql': 'SELECT 1;',
    '2_b.down.sql': 'SELECT 1;',
  }
  const image = 'config.lockkeeper.dev/image'
  const go = (own: Record<string, string>, namespace: Record<string, string>) =>
    arrive(v(2, own), undefined, { source: source(files), namespace: shop(namespace) })
  test.each([
    ['the workload', { [image]: 'mine:1' }, {}, 'mine:1'],
    ['the namespace', {}, { [image]: 'theirs:1' }, 'theirs:1'],
    ['the namespace before the workload', { [image]: 'mine:1' }, { [image]: 'theirs:1' }, 'theirs:1'],
    ['nobody', {}, {}, 'lockkeeper/runner:1'],
    ['the workload, which the namespace allows', { [image]: 'mine:1' }, { [key('allow-image')]: 'true' }, 'mine:1'],
  ])('is named by %s', (_, own, namespace, expected) => {
    const { verdict, object } = go(own, namespace)
    expect([verdict.allowed, ours(object).image]).toEqual([true, expected])
  })

  test('is refused to the workload where the namespace says so, and only there', () => {
    const never = { [key('allow-image')]: 'false' }
    expect(messageOf(go({ [image]: 'mine:1' }, never))).toContain(`${image} is for the namespace alone`)
    expect(errors(go({ [image]: 'mine:1' }, { ...never, [image]: 'theirs:1' }))).toEqual(['annotation-invalid'])
    expect(errors(go({}, { ...never, [image]: 'theirs:1' }))).toEqual([])
    expect(errors(go({}, { [key('allow-image')]: 'no' }))).toEqual(['annotation-invalid'])
  })
})

describe('proofs', () => {
  const files: Files = { '1_a.up.sql': 'CREATE TABLE a (id int);', '1_a.down.sql': 'DROP TABLE a;' }
  const catalogue = catalogueOf(readMigrations(Object.entries(files).map(([name, content]) => ({ name, content }))))
  const { privateKey, publicKey } = generateKeyPairSync('ed25519')
  const [made] = entriesOf(catalogue)
  const entry = (more: Partial<ProofEntry>): ProofEntry => ({ ...(made as ProofEntry), ...more })
  const differs = [{ what: 'schema', edition: 1, result: 'differs' }] as const
  const day = (n: number) => Date.parse('2026-11-25T22:46:49Z') + n * 86_400_000
  const go = (entries: ProofEntry[], rules: Record<string, string>, now = day(1)) => {
    const read = source(files)
    if (read.kind !== 'read') throw new Error('not read')
    const proof = signed(proofText(entries), privateKey)
    const policy = keys({ 'rollback-policy': 'proven', 'proof-key': publicKeyLine(publicKey), ...rules })
    const given = { source: { ...read, catalogue: { ...read.catalogue, proof } }, namespace: shop(policy), now }
    return arrive(v(1), undefined, given)
  }

  test.each<[string, ProofEntry[], Record<string, string>, number, RegExp | undefined]>([
    [
      'on every major that is named',
      [entry({ postgres: 15 }), entry({ postgres: 16 })],
      { 'proof-majors': '15,16' },
      1,
      undefined,
    ],
    ['on one of two', [entry({ postgres: 15 })], { 'proof-majors': '15, 16' }, 1, /not tried on PostgreSQL 16/],
    [
      'differing on one of two',
      [entry({ postgres: 15, compared: differs }), entry({ postgres: 16 })],
      { 'proof-majors': '15,16' },
      1,
      /tried on PostgreSQL 15/,
    ],
    [
      'differing from a dump on the one',
      [entry({ postgres: 15 }), entry({ postgres: 15, start: `dump:${'a'.repeat(64)}`, compared: differs })],
      { 'proof-majors': '15' },
      1,
      /did not restore/,
    ],
    [
      'differing on a major that is not named',
      [entry({ postgres: 14, compared: differs }), entry({ postgres: 16 })],
      { 'proof-majors': '16' },
      1,
      undefined,
    ],
    [
      'differing on one major, where none is named',
      [entry({ postgres: 14, compared: differs }), entry({ postgres: 16 })],
      {},
      1,
      undefined,
    ],
    ['of ninety days ago', [entry({})], { 'proof-max-age': '90d' }, 90, undefined],
    ['of a day more', [entry({})], { 'proof-max-age': '90d' }, 91, /was proven 91 days ago/],
    ['of hours ago', [entry({})], { 'proof-max-age': '12h' }, 1, /was proven 1 days ago/],
    [
      'old on one of two majors',
      [entry({ postgres: 15 }), entry({ postgres: 16, at: '2027-01-25T22:46:49Z' })],
      { 'proof-majors': '15,16', 'proof-max-age': '30d' },
      62,
      /PostgreSQL 15/,
    ],
    ['of any age where none is asked for', [entry({})], {}, 9999, undefined],
  ])('%s', (_, entries, rules, at, refusal) => {
    const result = go(entries, rules, day(at))
    if (refusal === undefined) expect(messageOf(result)).toBe('')
    else expect(messageOf(result)).toMatch(refusal)
  })

  test.each([
    ['proof-majors', ''],
    ['proof-majors', '15;16'],
    ['proof-majors', 'latest'],
    ['proof-max-age', '3 months'],
    ['proof-max-age', '0d'],
    ['proof-max-age', '-1d'],
  ])('%s: "%s" is refused, and lets nothing pass', (name, value) => {
    expect(errors(go([entry({})], { [name]: value }))).toEqual(['annotation-invalid'])
  })
})
