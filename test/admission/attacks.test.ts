import { describe, expect, test } from 'vitest'
import { gone, shop, source } from '../tools/admission.ts'
import { release } from '../tools/example-files.ts'
import type { Files } from '../tools/runner.ts'
import { type Arrived, arrive, type Circumstances } from './recorded/api-server.ts'
import {
  applyClientSide,
  applyServerSide,
  restart,
  setImage,
  undoDeployment,
  undoTemplate,
} from './recorded/clients.ts'
import { change, envOf, kinds, type Manifest, manifest, ours, statusOf, templateOf } from './recorded/objects.ts'

const key = (name: string) => `lockkeeper.dev/${name}`
const v = (version: number, annotations: Record<string, string> = {}, kind = 'Deployment') =>
  manifest(kind, version, { annotations })
const world = (files: Files, more: Partial<Circumstances> = {}, namespace: Record<string, string> = {}) => ({
  source: source(files),
  namespace: shop(namespace),
  now: 9000,
  ...more,
})
const good = release(2)
/** Number 2 destroys, and nothing takes it back. */
const evil: Files = { ...release(1), '2_add_note.up.sql': 'DROP TABLE orders;\n' }
const errors = ({ verdict }: Arrived) =>
  verdict.findings.filter(({ severity }) => severity === 'error').map(({ code, version }) => `${code} ${version}`)
const two = arrive(v(2), undefined, world(good, { now: 2000 })).object
const three = arrive(applyClientSide(two, v(2), v(3)), two, world(release(3), { now: 3000 })).object
const other = { [key('migrations')]: 'configmap/evil' }
const without = (files: Files, ...names: string[]): Files =>
  Object.fromEntries(Object.entries(files).filter(([name]) => !names.includes(name)))
const missing = ['rollback-missing 2']

describe('a migration without a way back, which a new workload may not bring,', () => {
  test('is refused to a new workload', () => {
    expect(errors(arrive(v(2), undefined, world(evil)))).toEqual(missing)
  })

  test.each<[string, () => Arrived]>([
    ['with other files at the same target', () => arrive(applyClientSide(two, v(2), v(2, other)), two, world(evil))],
    [
      'with a down script that is taken out of the ConfigMap before a restart',
      () => arrive(restart(two, 'now'), two, world(without(good, '2_add_note.down.sql'))),
    ],
    ['on a way back to other files', () => arrive(applyClientSide(three, v(3), v(2, other)), three, world(evil))],
    [
      'with another numbering at the same target',
      () => arrive(applyClientSide(two, v(2), v(2, { [key('set')]: 'other' })), two, world(evil)),
    ],
    [
      'by a template with a status written by hand, and then the annotations',
      () => {
        // What would be built for it, put there while nobody asks.
        const forged = arrive(v(2), undefined, world(evil)).object
        const planted = change(forged, (copy) => delete copy.metadata.annotations)
        const asleep = arrive(planted, undefined, world(evil))
        expect(asleep.situation).toBe('ignore')
        const asking = change(planted, (copy) =>
          Object.assign(copy.metadata, { annotations: v(2).metadata.annotations }),
        )
        return arrive(asking, planted, world(evil))
      },
    ],
    ['by a hotfix while the ConfigMap holds other files', () => arrive(setImage(two, 'orders:2b'), two, world(evil))],
    [
      'by an undo to a template of then, when the ConfigMap holds other files now',
      () => arrive(undoDeployment(three, two), three, world(evil)),
    ],
    [
      'on the way up, where it lies below',
      () => arrive(applyClientSide(two, v(2), v(3)), two, world(without(release(3), '2_add_note.down.sql'))),
    ],
    [
      'under a number that was free below the old target',
      () => {
        const gap = arrive(
          v(3),
          undefined,
          world(without(release(3), '2_add_note.up.sql', '2_add_note.down.sql')),
        ).object
        return arrive(
          applyClientSide(gap, v(3), v(3, other)),
          gap,
          world({ ...release(3), ...evil, '2_add_note.down.sql': '' }),
        )
      },
    ],
    [
      'after the intent was dropped and put back',
      () => {
        const bare = change(two, (copy) => delete copy.metadata.annotations)
        const dropped = arrive(bare, two, world(evil)).object
        return arrive(
          change(dropped, (copy) => Object.assign(copy.metadata, v(2).metadata)),
          dropped,
          world(evil),
        )
      },
    ],
    [
      'by way of target 0',
      () => {
        const none = arrive(applyClientSide(two, v(2), v(0)), two, world(evil)).object
        return arrive(applyClientSide(none, v(0), v(2)), none, world(evil))
      },
    ],
    [
      'with the version in another form',
      () => arrive(applyClientSide(two, v(2), v(2, { [key('schema-version')]: '02.0', ...other })), two, world(evil)),
    ],
    [
      'with a status of another release, applied server-side',
      () => {
        const forged = statusOf(arrive(v(2), undefined, world(evil)).object)
        const given = change(v(2, other), (copy) => {
          templateOf(copy).metadata.annotations = { [key('status')]: JSON.stringify({ ...forged, token: 8999 }) }
        })
        return arrive(applyServerSide(two, v(2), given), two, world(evil))
      },
    ],
    [
      'after a way back without files, whose status was written by hand',
      () => {
        const forged = arrive(v(2), undefined, world(evil)).object
        const back = arrive(
          undoDeployment(
            three,
            change(forged, (copy) => Object.assign(copy.metadata.annotations ?? {}, v(2).metadata.annotations)),
          ),
          three,
          {
            ...world(evil),
            source: gone,
          },
        )
        expect(back.verdict.allowed).toBe(true)
        expect(statusOf(back.object).entries).not.toEqual(statusOf(forged).entries)
        return arrive(restart(back.object, 'now'), back.object, world(evil, { now: 9900 }))
      },
    ],
  ])('is refused %s', (_, attack) => {
    const { verdict } = attack()
    expect(verdict.allowed).toBe(false)
    expect(verdict.findings.map(({ code, severity }) => `${code} ${severity}`).join()).toMatch(
      /rollback-(missing|empty) error/,
    )
  })

  test.each(kinds.filter((kind) => kind !== 'Job'))(
    'is refused with other files at the same target of a %s',
    (kind) => {
      const before = arrive(v(2, {}, kind), undefined, world(good, { now: 2000 })).object
      expect(errors(arrive(applyClientSide(before, v(2, {}, kind), v(2, other, kind)), before, world(evil)))).toEqual(
        missing,
      )
    },
  )

  test.each(['StatefulSet', 'DaemonSet', 'Rollout'])('is refused by an undo of a %s', (kind) => {
    const on = (version: number) => manifest(kind, version, { on: 'template' })
    const first = arrive(on(2), undefined, world(good, { now: 2000 })).object
    const next = arrive(applyClientSide(first, on(2), on(3)), first, world(release(3), { now: 3000 })).object
    expect(errors(arrive(undoTemplate(next, first), next, world(evil)))).toEqual(missing)
  })

  test('is refused under the stricter policies too, with what they list', () => {
    const listed = { [key('rollback-policy')]: 'off', [key('deny-findings')]: 'drop-loses-data' }
    const first = arrive(v(2), undefined, world(good, {}, listed)).object
    const swap = arrive(applyClientSide(first, v(2), v(2, other)), first, world(evil, {}, listed))
    expect(errors(swap)).toEqual(['drop-loses-data 2'])
    const proven = { [key('rollback-policy')]: 'proven' }
    const way = { ...evil, '2_add_note.down.sql': 'CREATE TABLE orders (id int);' }
    expect(errors(arrive(applyClientSide(two, v(2), v(2, other)), two, world(way, {}, proven))).join()).toContain(
      'rollback-unproven',
    )
  })

  test.each<[string, Partial<Circumstances>]>([
    ['mutation saw it and validation does not', { source: source(evil), sourceLater: source(good) }],
    ['mutation saw it and it is gone then', { source: source(evil), sourceLater: gone }],
  ])('is refused where it is swapped in the middle of a way back: %s', (_, sources) => {
    expect(errors(arrive(applyClientSide(three, v(3), v(2)), three, world(evil, sources)))).toEqual([
      'source-changed undefined',
    ])
    expect(errors(arrive(setImage(two, 'orders:2b'), two, world(evil, sources)))).toEqual(['source-changed undefined'])
  })
})

describe('what was admitted', () => {
  test.each<[string, (object: Manifest) => Manifest]>([
    ['a restart', (object) => restart(object, 'now')],
    ['a hotfix', (object) => setImage(object, 'orders:2b')],
    [
      'another setting',
      (object) =>
        change(object, (copy) =>
          Object.assign(copy.metadata.annotations ?? {}, { 'config.lockkeeper.dev/deadline': '9m' }),
        ),
    ],
  ])('passes again with %s, whatever the policy has become', (_, edit) => {
    const admitted = arrive(v(2), undefined, world(evil, { now: 2000 }, { [key('rollback-policy')]: 'off' })).object
    const again = arrive(edit(admitted), admitted, world(evil))
    expect(again.verdict).toMatchObject({ allowed: true })
  })

  test('passes with the first deploy after an upgrade of Lockkeeper, from prefixes of up scripts alone', () => {
    const old = asOfOld(arrive(v(2), undefined, world(evil, { now: 2000 }, { [key('rollback-policy')]: 'off' })).object)
    for (const next of [restart(old, 'now'), setImage(old, 'orders:2b')])
      expect(arrive(next, old, world(evil)).verdict).toMatchObject({ allowed: true, findings: [] })
    const third = { '3_c.up.sql': 'SELECT 1;', '3_c.down.sql': 'SELECT 1;' }
    const up = arrive(applyClientSide(old, v(2), v(3)), old, world({ ...evil, ...third }))
    expect(up.verdict).toMatchObject({ allowed: true })
    expect(
      errors(
        arrive(applyClientSide(up.object, v(3), v(3, { [key('set')]: 'x' })), up.object, world({ ...evil, ...third })),
      ),
    ).toEqual(missing)
  })

  test('and is at rest is carried over byte for byte, in the old form too, and nothing is read', () => {
    for (const object of [two, asOfOld(two)]) {
      const again = arrive(object, object, { source: gone })
      expect([again.situation, again.patch, again.verdict.allowed]).toEqual(['carried', [], true])
    }
  })

  test('may lose its down script on the way back: the stored one counts', () => {
    const back = arrive(undoDeployment(three, two), three, world(without(good, '2_add_note.down.sql')))
    expect(back.verdict).toMatchObject({ allowed: true })
    expect(back.warnings.join('\n')).toContain('rollback-missing: 2_add_note.up.sql has no down script')
  })

  test('is not taken from parts that were broken while we were away', () => {
    const broken = change(two, (copy) => {
      ours(copy).env = ours(copy).env.filter(({ name }: { name: string }) => name !== 'LOCKKEEPER_DIGEST')
    })
    expect(errors(arrive(restart(broken, 'now'), broken, world(evil)))).toEqual(missing)
    expect(arrive(restart(broken, 'now'), broken, world(good)).verdict.allowed).toBe(true)
  })

  test('keeps its status small, however many versions and however long their names are', () => {
    const many = Object.fromEntries(
      Array.from({ length: 400 }, (_, i) => `${i + 1}.${'7'.repeat(40)}`).flatMap((version) => [
        [`V${version}__x.sql`, `SELECT ${version.slice(0, 4)};`],
        [`U${version}__x.sql`, 'SELECT 1;'],
      ]),
    )
    const target = { [key('schema-version')]: `400.${'7'.repeat(40)}` }
    const first = arrive(v(2, target), undefined, world(many))
    expect(first.verdict.allowed).toBe(true)
    const text: string = templateOf(first.object).metadata.annotations[key('status')]
    expect(text.length).toBeLessThan(32_000)
    expect(arrive(restart(first.object, 'now'), first.object, world(many)).verdict).toMatchObject({
      allowed: true,
      findings: [],
    })
    // The oldest are beyond the entries: the hash over them tells.
    const removed = without(many, `U7.${'7'.repeat(40)}__x.sql`)
    expect(errors(arrive(restart(first.object, 'now'), first.object, world(removed)))).toEqual([
      `rollback-missing 7.${'7'.repeat(40)}`,
    ])
  })
})

/** An object whose status is of the form before: up prefixes of four bytes, of the last 200 versions. */
function asOfOld(object: Manifest): Manifest {
  const { target, digest, token, floor, intent, entries } = statusOf(object)
  const old = Object.fromEntries(Object.entries(entries).map(([version, pair]) => [version, String(pair).slice(0, 8)]))
  return change(object, (copy) => {
    templateOf(copy).metadata.annotations[key('status')] = JSON.stringify({
      target,
      digest,
      token,
      floor,
      intent,
      entries: old,
    })
  })
}

test.each([{ 'rollback-policy': 'proven' }, { 'deny-findings': 'drop-loses-data' }])(
  'a digest that came with the object is never handed to a runner that takes it for checked: %j',
  (policy) => {
    const forged = arrive(v(2), undefined, world(evil)).object
    const namespace = Object.fromEntries(Object.entries(policy).map(([name, value]) => [key(name), value]))
    const back = arrive(undoDeployment(three, forged), three, { ...world(evil, {}, namespace), source: gone })
    expect(envOf(back.object).LOCKKEEPER_DIGEST).toBe('-')
  },
)
