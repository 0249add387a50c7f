import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { pairsOf } from '../../src/admission/pairs.ts'
import { type Admitted, whatToJudge } from '../../src/admission/what-to-judge.ts'
import { checksumOf } from '../../src/migration/checksum.ts'
import { digestOf } from '../../src/migration/digest.ts'
import type { Catalogue } from '../../src/migration/migration.ts'
import { compareVersions } from '../../src/migration/version.ts'
import { gone, shop, source } from '../tools/admission.ts'
import type { Files } from '../tools/runner.ts'
import { arrive } from './recorded/api-server.ts'
import { applyClientSide, restart, undoDeployment } from './recorded/clients.ts'
import { change, envOf, type Manifest, manifest, templateOf } from './recorded/objects.ts'

/** `1a2b`: version 1 with scripts a, 2 with scripts b; an upper-case letter has no down script, `2ax` another than `2a`. */
function catalogue(text: string, more: Partial<Catalogue> = {}): Catalogue {
  const entries = [...text.matchAll(/([\d.]+)([a-z])(x)?(-)?/gi)].map(([, version = '', script = '', other, none]) => ({
    version,
    name: 'x',
    upFile: `${version}.up.sql`,
    up: checksumOf(`up ${script}`),
    ...(none === undefined && { down: checksumOf(`down ${script}${other ?? ''}`) }),
    findings: [],
  }))
  return { format: 'golang-migrate', entries, findings: [], ...more }
}
const admit = (of: Catalogue, target: string): Admitted => ({
  target,
  digest: digestOf(of, target),
  ...pairsOf(of, target),
})
const old = (of: Catalogue, target: string, entries = pairsOf(of, target).entries): Admitted => ({
  ...{ target, digest: digestOf(of, target) },
  entries: Object.fromEntries(Object.entries(entries).map(([version, pair]) => [version, pair.slice(0, 8)])),
})
const beside = (text: string) => ({ unversioned: [{ key: 'R:x', up: checksumOf(text) }] })
const told = (admitted: Admitted | undefined, now: Catalogue, target: string) => {
  const { versions, beside: unversioned } = whatToJudge(admitted, now, target)
  return [...versions.map(({ entry, why }) => `${entry.version} ${why}`), ...(unversioned ? ['beside'] : [])].join(', ')
}

describe('what has to be judged', () => {
  const two = admit(catalogue('1a2b'), '2')
  const below = { ...two, ...pairsOf(catalogue('2b'), '2'), older: undefined as unknown as string }
  test.each<[string, Admitted | undefined, Catalogue, string, string]>([
    [
      'everything of what was never admitted',
      undefined,
      catalogue('1a2b', beside('r')),
      '2',
      '1 unknown, 2 unknown, beside',
    ],
    ['nothing of the same at the same target', two, catalogue('1a2b'), '2', ''],
    ['nothing of the same on the way back', two, catalogue('1a2b'), '1', ''],
    ['what is new on the way up', two, catalogue('1a2b3c'), '3', '3 new'],
    ['another up', two, catalogue('1a2c'), '2', '2 up'],
    ['another up on the way back', two, catalogue('1z2b'), '1', '1 up'],
    ['another down', two, catalogue('1a2bx'), '2', '2 down'],
    ['a down that is gone', two, catalogue('1a2b-'), '2', '2 down'],
    ['a down that was not there before', admit(catalogue('1a2b-'), '2'), catalogue('1a2b'), '2', '2 down'],
    ['the same without a down', admit(catalogue('1a2b-'), '2'), catalogue('1a2b-'), '2', ''],
    ['what comes in between', two, catalogue('1a1.5c2b'), '2', '1.5 new'],
    ['nothing of what is gone', two, catalogue('2b'), '2', ''],
    ['nothing above the target', two, catalogue('1a2b3c4d'), '2', ''],
    ['everything of another format', two, { ...catalogue('1a2b'), format: 'goose' }, '2', '1 unknown, 2 unknown'],
    ['what lies below all that is known', below, catalogue('1a2b'), '2', '1 older'],
    ['what runs beside, where it is new', two, catalogue('1a2b', beside('r')), '2', 'beside'],
    [
      'nothing beside that is the same',
      admit(catalogue('1a', beside('r')), '1'),
      catalogue('1a', beside('r')),
      '1',
      '',
    ],
    ['another one beside', admit(catalogue('1a', beside('r')), '1'), catalogue('1a', beside('s')), '1', 'beside'],
    ['nothing where what ran beside is gone', admit(catalogue('1a', beside('r')), '1'), catalogue('1a'), '1', ''],
    ['nothing of the same by a status of before', old(catalogue('1a2b'), '2'), catalogue('1a2b'), '2', ''],
    ['nothing of another down by a status of before', old(catalogue('1a2b'), '2'), catalogue('1a2bx'), '2', ''],
    ['another up by a status of before', old(catalogue('1a2b'), '2'), catalogue('1a2c'), '2', '2 up'],
    [
      'nothing below the oldest by a status of before',
      old(catalogue('1a2b'), '2', pairsOf(catalogue('2b'), '2').entries),
      catalogue('1z2b'),
      '2',
      '',
    ],
    ['what is new by a status of before', old(catalogue('1a2b'), '2'), catalogue('1a2b3c'), '3', '3 new'],
    [
      'nothing beside by the digest of before',
      old(catalogue('1a', beside('r')), '1'),
      catalogue('1a2b', beside('r')),
      '2',
      '2 new',
    ],
    [
      'another one beside by the digest of before',
      old(catalogue('1a', beside('r')), '1'),
      catalogue('1a', beside('s')),
      '1',
      'beside',
    ],
    [
      'everything by a status of before that knows nothing',
      old(catalogue('1a2b'), '2', {}),
      catalogue('1a2b'),
      '2',
      '1 new, 2 new',
    ],
  ])('is %s', (_, admitted, now, target, expected) => {
    expect(told(admitted, now, target)).toBe(expected)
  })

  test('is every pair that is not the admitted one, for any two catalogues, at any length', () => {
    const files = fc.uniqueArray(
      fc.record({ version: fc.integer({ min: 1, max: 400 }), script: fc.constantFrom('a', 'b', 'ax', 'a-', 'b-') }),
      { selector: ({ version }) => version, maxLength: 400 },
    )
    const written = (list: readonly { version: number; script: string }[]) =>
      catalogue(
        [...list]
          .sort((a, b) => a.version - b.version)
          .map(({ version, script }) => `${version}${script}`)
          .join(''),
      )
    fc.assert(
      fc.property(
        files,
        files,
        fc.integer({ min: 1, max: 400 }),
        fc.integer({ min: 1, max: 400 }),
        (one, changes, from, to) => {
          const other = [
            ...changes.slice(0, 5),
            ...one.filter(({ version }) => !changes.slice(0, 5).some((each) => each.version === version)),
          ]
          const [before, now] = [written(one), written(other)]
          const known = new Map(
            before.entries
              .filter(({ version }) => compareVersions(version, String(from)) <= 0)
              .map((each) => [each.version, `${each.up} ${each.down}`]),
          )
          const judged = new Set(
            whatToJudge(admit(before, String(from)), now, String(to)).versions.map(({ entry }) => entry.version),
          )
          for (const { version, up, down } of now.entries) {
            if (compareVersions(version, String(to)) > 0) expect(judged.has(version)).toBe(false)
            else if (known.get(version) !== `${up} ${down}`) expect(judged.has(version)).toBe(true)
          }
        },
      ),
    )
  })
})

describe('no sequence of admitted intents', () => {
  const scripts: Files[] = [1, 2, 3].flatMap((n) => [
    { [`${n}_x.up.sql`]: `SELECT ${n};`, [`${n}_x.down.sql`]: 'SELECT 0;' },
    { [`${n}_x.up.sql`]: `SELECT ${n};` },
    { [`${n}_x.up.sql`]: `SELECT -${n};` },
    { [`${n}_x.up.sql`]: `SELECT -${n};`, [`${n}_x.down.sql`]: '-- nothing\n' },
  ])
  const folders = fc
    .tuple(...[0, 1, 2].map((n) => fc.constantFrom(...[0, 0, 0, 1, 2, 3].map((kind) => n * 4 + kind))))
    .map((chosen) => Object.assign({}, ...chosen.map((index) => scripts[index])) as Files)
  const steps = fc.array(
    fc.record({
      act: fc.constantFrom('apply', 'restart', 'undo', 'drop', 'plant', 'forge'),
      target: fc.constantFrom(0, 1, 2, 3),
      set: fc.constantFrom(undefined, undefined, 'other'),
      files: fc.option(folders, { freq: 6, nil: undefined }),
    }),
    { maxLength: 8 },
  )
  const intent = (target: number, set: string | undefined) =>
    manifest('Deployment', target, {
      annotations: { 'lockkeeper.dev/schema-version': String(target), ...(set && { 'lockkeeper.dev/set': set }) },
    })

  test('hands a runner files as admitted that have a version without a way back', () => {
    const world = (files: Files | undefined, now: number) => ({
      source: files === undefined ? gone : source(files),
      namespace: shop(),
      now,
    })
    fc.assert(
      fc.property(steps, (sequence) => {
        let live: Manifest | undefined
        const revisions: Manifest[] = []
        for (const [i, { act, target, set, files }] of sequence.entries()) {
          const now = (i + 1) * 1000
          const wanted = intent(target, set)
          let given = live === undefined ? wanted : applyClientSide(live, live, wanted)
          if (live !== undefined && act === 'restart') given = restart(live, String(i))
          if (live !== undefined && act === 'undo')
            given = undoDeployment(live, revisions[target % revisions.length] ?? live)
          if (live !== undefined && act === 'drop') given = change(live, (copy) => delete copy.metadata.annotations)
          if (act === 'plant' || act === 'forge') {
            // Parts as they would be built for these files, by hand: beside no intent, or beside this one.
            const built = arrive(wanted, undefined, world(files, now)).object
            given = change(built, (copy) => act === 'plant' && delete copy.metadata.annotations)
          }
          const result = arrive(given, live, world(files, now))
          if (!result.verdict.allowed) continue
          live = result.object
          revisions.push(live)
          if (result.situation !== 'build' || files === undefined) continue
          const read = source(files)
          if (read.kind !== 'read') continue
          const { LOCKKEEPER_DIGEST: digest, LOCKKEEPER_TARGET: at = '0' } = envOf(live)
          if (digest !== digestOf(read.catalogue, at)) continue
          const unsafe = read.catalogue.entries.filter(
            ({ version, findings }) =>
              compareVersions(version, at) <= 0 &&
              findings.some(({ severity, code }) => severity === 'error' && code === 'rollback-empty'),
          )
          expect(unsafe.map(({ version }) => version)).toEqual([])
          // Only a way back may miss a down script, of an up script that was admitted with one.
          const missing = read.catalogue.entries.filter(
            ({ version, down }) => compareVersions(version, at) <= 0 && down === undefined,
          )
          for (const { version } of missing) expect(files[`${version}_x.up.sql`]).toBe(`SELECT ${version};`)
          if (missing.length > 0) expect(result.verdict.findings.map(({ code }) => code)).toContain('rollback-missing')
          expect(templateOf(live).spec.initContainers).toHaveLength(1)
        }
      }),
      { numRuns: 60 },
    )
  })
})
