import { generateKeyPairSync, Hash } from 'node:crypto'
import { describe, expect, test, vi } from 'vitest'
import { mutate } from '../src/admission/mutate.ts'
import { validate } from '../src/admission/validate.ts'
import { catalogueOf } from '../src/migration/catalogue.ts'
import { readCatalogue, writeCatalogue } from '../src/migration/catalogue-file.ts'
import { readMigrations } from '../src/migration/read.ts'
import { mergeFiles } from '../src/migration/source.ts'
import { withSqlFacts } from '../src/migration/sql-facts.ts'
import { digestsBefore } from '../src/proof/predecessors.ts'
import { proofText } from '../src/proof/proof-file.ts'
import { publicKeyLine, signed } from '../src/proof/signature.ts'
import { verifyProof } from '../src/proof/verify.ts'
import { sqlFacts } from '../src/safety/sql-facts.ts'
import { loadParser } from '../src/sql/parser.ts'
import { admit, type Deployment, deployment, factsOf, requestOf, shop } from './tools/admission.ts'
import { workOf } from './tools/work.ts'

const parse = await loadParser()
const many = <T>(n: number, make: (i: number) => T): T[] => Array.from({ length: n }, (_, i) => make(i))
const files = (n: number, make: (i: number) => readonly (readonly [string, string])[]) =>
  many(n, make)
    .flat()
    .map(([name, content]) => ({ name, content }))

/** Twice as many take at most so much more, in every function: twice, and what sorting adds. */
const AT_MOST = 2.6
/** What runs less often for each of them is not looked at. */
const FEW = 20

function linear(n: number, run: (n: number) => () => unknown): void {
  run(n)() // Once, so that what is made once is there.
  const [one, two] = [workOf(run(n)), workOf(run(2 * n))]
  const more = [...two].filter(([place, steps]) => steps > FEW * n && steps > AT_MOST * (one.get(place) ?? 0))
  expect(Math.max(...one.values())).toBeGreaterThan(n / 2)
  expect(more.map(([place, steps]) => `${place}: ${one.get(place)} steps, then ${steps}`)).toEqual([])
}

describe('files: the work grows as their number does', () => {
  const read =
    (set: ReturnType<typeof files>, options = {}) =>
    () =>
      catalogueOf(readMigrations(set, options))
  test.each<[string, (n: number) => () => unknown]>([
    ['without down scripts', (n) => read(files(n, (i) => [[`${i + 1}_a.up.sql`, 'SELECT 1']]))],
    [
      'with empty down scripts',
      (n) =>
        read(
          files(n, (i) => [
            [`${i + 1}_a.up.sql`, ''],
            [`${i + 1}_a.down.sql`, ''],
          ]),
        ),
    ],
    ['of one version', (n) => read(files(n, (i) => [[`1_${i}.up.sql`, 'SELECT 1']]))],
    [
      'that are down scripts alone',
      (n) => read([{ name: '0_a.up.sql', content: '' }, ...files(n, (i) => [[`${i + 1}_a.down.sql`, '']])]),
    ],
    ['that are strays', (n) => read([{ name: '1_a.up.sql', content: '' }, ...files(n, (i) => [[`x${i}.sql`, '']])])],
    ['that are no UTF-8', (n) => read(files(n, (i) => [[`${i + 1}_a.up.sql`, '\0']]))],
    ['of goose', (n) => read(files(n, (i) => [[`${i + 1}_a.sql`, '-- +goose Up\n-- +goose Down\n']]))],
    ['of dbmate, in another order', (n) => read(files(n, (i) => [[`${i + 1}_a.sql`, '-- migrate:up\n']]))],
    ['of Flyway, repeatable', (n) => read(files(n, (i) => [[`R__${i}.sql`, 'SELECT 1']]))],
    [
      'of Flyway, callbacks',
      (n) =>
        read(
          files(n, (i) => [
            ['V1__a.sql', ''],
            [`afterMigrate__${i}.sql`, ''],
          ]),
        ),
    ],
    [
      'of Flyway, with settings',
      (n) =>
        read(
          files(n, (i) => [
            [`V${i + 1}__a.sql`, ''],
            [`V${i + 1}__a.sql.conf`, 'a=b'],
          ]),
        ),
    ],
    [
      'of Flyway, settings of one',
      (n) =>
        read(
          files(1, () => [
            ['V1__a.sql', ''],
            ['V1__a.sql.conf', many(n, (i) => `k${i}=v`).join('\n')],
          ]),
        ),
    ],
    [
      'of Flyway, with placeholders that are given',
      (n) =>
        read([{ name: 'V1__a.sql', content: many(n, (i) => `SELECT \${p${i}};`).join('\n') }], {
          placeholders: Object.fromEntries(many(n, (i) => [`p${i}`, 'x'])),
        }),
    ],
    [
      'of Flyway, with placeholders that are not',
      (n) => read([{ name: 'V1__a.sql', content: many(n, (i) => `SELECT \${p${i}};`).join('\n') }]),
    ],
  ])('%s', (_, run) => linear(400, run))

  test('in several ConfigMaps that have the same keys', () =>
    linear(
      400,
      (n) => () =>
        mergeFiles(many(20, (i) => ({ configMap: String(i), files: files(n / 20, (j) => [[`${j}.sql`, '']]) }))),
    ))

  test('in a catalogue', () =>
    linear(400, (n) => {
      const text = writeCatalogue(catalogueOf(readMigrations(files(n, (i) => [[`${i + 1}_a.up.sql`, 'SELECT 1']]))))
      return () => readCatalogue(text)
    }))
})

/** An up script and its down are not matched here: each statement is looked for among the others, as far as `matchedStatements`. */
describe('a script: the work grows as the number of its statements does', () => {
  const judged = (up: string, down: string, since?: string) => () => {
    const set = readMigrations([
      { name: '1_a.up.sql', content: up },
      { name: '2_b.up.sql', content: down },
    ])
    return catalogueOf(withSqlFacts(set, sqlFacts(set, { parse, ...(since !== undefined && { since }) })))
  }
  const lines = (n: number, make: (i: number) => string) => many(n, make).join(';\n')
  test.each<[string, (n: number) => () => unknown]>([
    [
      'tables',
      (n) =>
        judged(
          lines(n, (i) => `CREATE TABLE t${i} (a int)`),
          lines(n, (i) => `DROP TABLE t${i}`),
        ),
    ],
    [
      'dropped tables',
      (n) =>
        judged(
          lines(n, (i) => `DROP TABLE t${i}`),
          'SELECT 1',
        ),
    ],
    [
      'dropped tables and a new one',
      (n) => judged(`${lines(n, (i) => `DROP TABLE t${i}`)}; CREATE TABLE x (a int)`, 'SELECT 1'),
    ],
    [
      'columns',
      (n) =>
        judged(
          lines(n, (i) => `ALTER TABLE t ADD a${i} int`),
          lines(n, (i) => `ALTER TABLE t DROP a${i}`),
        ),
    ],
    [
      'renames',
      (n) =>
        judged(
          lines(n, (i) => `ALTER TABLE t${i} RENAME TO u${i}`),
          lines(n, (i) => `ALTER TABLE u${i} RENAME TO t${i}`),
        ),
    ],
    [
      'constraints',
      (n) =>
        judged(
          lines(n, (i) => `ALTER TABLE t${i} ADD CONSTRAINT c CHECK (a > 0) NOT VALID`),
          'SELECT 1',
        ),
    ],
    [
      'validations',
      (n) =>
        judged(
          lines(n, (i) => `ALTER TABLE t${i} VALIDATE CONSTRAINT c`),
          'SELECT 1',
        ),
    ],
    [
      'values of an enum',
      (n) => judged(`${lines(n, (i) => `ALTER TYPE mood ADD VALUE 'v${i}'`)}; SELECT 1`, 'SELECT 1'),
    ],
    [
      'calls',
      (n) =>
        judged(
          lines(n, (i) => `SELECT f${i}()`),
          lines(n, (i) => `SELECT g${i}()`),
        ),
    ],
    [
      'indexes',
      (n) =>
        judged(
          lines(n, (i) => `CREATE INDEX i${i} ON t (a)`),
          lines(n, (i) => `DROP INDEX i${i}`),
        ),
    ],
    [
      'rows',
      (n) =>
        judged(
          lines(n, (i) => `UPDATE t SET a = ${i}`),
          lines(n, (i) => `DELETE FROM t WHERE a = ${i}`),
        ),
    ],
    [
      'what is no SQL',
      (n) =>
        judged(
          lines(n, (i) => `FOO ${i}`),
          'SELECT 1',
        ),
    ],
    [
      'transaction control',
      (n) =>
        judged(
          lines(n, () => 'COMMIT'),
          lines(n, () => 'COMMIT'),
        ),
    ],
    ['commands of psql', (n) => judged(many(n, () => '\\set x').join('\n'), 'SELECT 1')],
    [
      'directives',
      (n) => judged(many(n, () => '-- lockkeeper: allow drop-loses-data x\nDROP TABLE t;').join('\n'), 'SELECT 1'),
    ],
    ['directives that are wrong', (n) => judged(many(n, () => '-- lockkeeper: x').join('\n'), 'SELECT 1')],
    ['numbers of one INSERT', (n) => judged(`INSERT INTO t VALUES ${many(n, () => '1').join(' ')} \\`, 'SELECT 1')],
  ])('%s', (_, run) => linear(200, run))

  test('of a release of many migrations', () =>
    linear(100, (n) => {
      const set = readMigrations(
        files(n, (i) => [[`${i + 1}_a.up.sql`, `DROP TABLE t${i}; CREATE TABLE u${i} (a int)`]]),
      )
      return () => sqlFacts(set, { parse, since: '0' })
    }))
})

describe('an object: the work grows as the lists and maps in it do', () => {
  const pod = (object: Deployment) => object.spec.template.spec
  const inEnv = { 'lockkeeper.dev/database': 'env/orders:V0' }
  const few = readMigrations(
    files(2, (i) => [
      [`${i + 1}_a.up.sql`, ''],
      [`${i + 1}_a.down.sql`, 'SELECT 1'],
    ]),
  )
  const read = (set = few, more: object = {}) =>
    ({ kind: 'read', catalogue: { ...catalogueOf(set), ...more }, immutable: false, items: [] }) as const

  test.each<[string, Record<string, string>, (object: Deployment, n: number) => void]>([
    ['containers', {}, (o, n) => pod(o).containers.push(...many(n, (i) => ({ name: `c${i}` })))],
    ['init containers', {}, (o, n) => (pod(o).initContainers = many(n, (i) => ({ name: `c${i}` })))],
    ['containers of our name', {}, (o, n) => (pod(o).initContainers = many(n, () => ({ name: 'lockkeeper-migrate' })))],
    ['volumes', {}, (o, n) => (pod(o).volumes = many(n, (i) => ({ name: `v${i}`, emptyDir: {} })))],
    ['volumes of our name', {}, (o, n) => (pod(o).volumes = many(n, () => ({ name: 'lockkeeper' })))],
    [
      'mounts',
      {},
      (o, n) => (pod(o).containers[0].volumeMounts = many(n, (i) => ({ name: `v${i}`, mountPath: `/${i}` }))),
    ],
    ['variables', {}, (o, n) => (pod(o).containers[0].env = many(n, (i) => ({ name: `V${i}`, value: 'x' })))],
    [
      'variables that name each other',
      inEnv,
      (o, n) => (pod(o).containers[0].env = many(n, (i) => ({ name: `V${n - 1 - i}`, value: `$(V${n - i})` }))),
    ],
    [
      'variables that one names',
      inEnv,
      (o, n) => {
        const others = many(n, (i) => ({ name: `V${i + 1}`, value: 'x' }))
        pod(o).containers[0].env = [...others, { name: 'V0', value: many(n, (i) => `$(V${i + 1})`).join('') }]
      },
    ],
    [
      'sources of variables',
      inEnv,
      (o, n) => {
        pod(o).containers[0].envFrom = many(n, (i) => ({ prefix: `P${i}_`, secretRef: { name: `s${i}` } }))
        pod(o).containers[0].env = [{ name: 'V0', value: many(n, (i) => `$(P${i}_x)`).join('') }]
      },
    ],
    [
      'annotations',
      {},
      (o, n) => Object.assign(o.metadata.annotations ?? {}, Object.fromEntries(many(n, (i) => [`x/a${i}`, 'x']))),
    ],
    [
      'annotations of ours that nobody knows',
      {},
      (o, n) =>
        Object.assign(o.metadata.annotations ?? {}, Object.fromEntries(many(n, (i) => [`lockkeeper.dev/a${i}`, 'x']))),
    ],
    [
      'annotations of ours that differ on the template',
      {},
      (o, n) => {
        Object.assign(o.metadata.annotations ?? {}, Object.fromEntries(many(n, (i) => [`lockkeeper.dev/a${i}`, 'x'])))
        o.spec.template.metadata.annotations = Object.fromEntries(many(n, (i) => [`lockkeeper.dev/a${i}`, 'y']))
      },
    ],
    ['owners', {}, (o, n) => (o.metadata.ownerReferences = many(n, () => ({ kind: 'X', name: 'x' })))],
    [
      'placeholders',
      {},
      (o, n) =>
        Object.assign(o.metadata.annotations ?? {}, {
          'config.lockkeeper.dev/placeholders': many(n, (i) => `a${i}=b`).join(','),
        }),
    ],
  ])('%s', (_, annotations, grow) =>
    linear(400, (n) => {
      const [object, old] = [deployment(annotations), deployment(annotations, 'orders:0')]
      grow(object, n)
      grow(old, n)
      const facts = factsOf({ source: read() })
      return () => {
        mutate(requestOf(object, undefined), facts)
        mutate(requestOf(object, old), facts)
        validate(requestOf(object, old), facts)
      }
    }),
  )

  test.each<[string, (n: number) => ReturnType<typeof read>]>([
    [
      'migrations',
      (n) =>
        read(
          readMigrations(
            files(n, (i) => [
              [`${i + 1}_a.up.sql`, ''],
              [`${i + 1}_a.down.sql`, 'SELECT 1'],
            ]),
          ),
        ),
    ],
    ['migrations without a way back', (n) => read(readMigrations(files(n, (i) => [[`${i + 1}_a.up.sql`, '']])))],
    [
      'findings',
      (n) =>
        read(few, {
          findings: many(n, () => ({ code: 'version-invalid', severity: 'error', message: 'm', fix: 'f' })),
        }),
    ],
    ['what has no version', (n) => read(few, { unversioned: many(n, (i) => ({ key: `R:${i}`, up: 'a'.repeat(64) })) })],
  ])('of a catalogue: %s', (_, made) =>
    linear(400, (n) => {
      const found = made(n)
      const target = found.catalogue.entries.at(-1)?.version ?? '1'
      const object = deployment({ 'lockkeeper.dev/schema-version': target })
      const old = admit(deployment({ 'lockkeeper.dev/schema-version': '1' }), undefined, { source: found }).object
      return () => {
        const facts = factsOf({ source: { ...found, catalogue: { ...found.catalogue } } })
        mutate(requestOf(object, old), facts)
        validate(requestOf(object, old), facts)
        validate(requestOf(object, undefined), facts)
      }
    }),
  )

  test('codes that a namespace denies', () =>
    linear(100, (n) => {
      const facts = factsOf({
        namespace: shop({ 'lockkeeper.dev/deny-findings': many(n, (i) => `code-${i}`).join(',') }),
        source: read(few, {
          findings: many(n, () => ({ code: 'version-invalid', severity: 'warning', message: 'm', fix: 'f' })),
        }),
      })
      return () => validate(requestOf(deployment(), undefined), facts)
    }))

  test('entries of a proof', () =>
    linear(100, (n) => {
      const { publicKey, privateKey } = generateKeyPairSync('ed25519')
      const set = readMigrations(
        files(n, (i) => [
          [`${i + 1}_a.up.sql`, `SELECT ${i}`],
          [`${i + 1}_a.down.sql`, 'SELECT 1'],
        ]),
      )
      const catalogue = catalogueOf(set)
      const before = digestsBefore(catalogue)
      const proof = signed(
        proofText(
          catalogue.entries.map(({ version, up, down = '' }) => ({
            ...{ version, up, down, before: before.get(version) ?? '', postgres: 18, start: 'empty' },
            compared: [{ what: 'schema', edition: 1, result: 'restored' }],
            at: '2026-11-25T22:46:49Z',
          })),
        ),
        privateKey,
      )
      return () => expect(verifyProof(proof, catalogue, publicKeyLine(publicKey))).toEqual([])
    }))
})

test('what runs before each version, with as many callbacks beside them: the bytes that are hashed', () => {
  const hashed = (n: number) => {
    const entries = many(n, (i) => ({ version: String(i + 1), up: 'a'.repeat(64) }))
    const unversioned = many(n, (i) => ({ key: `C:afterMigrate ${i}`, up: 'b'.repeat(64) }))
    const update = vi.spyOn(Hash.prototype, 'update')
    expect(digestsBefore({ entries, unversioned }).size).toBe(n)
    const bytes = update.mock.calls.reduce((sum, [text]) => sum + String(text).length, 0)
    update.mockRestore()
    return bytes
  }
  expect(hashed(100)).toBeGreaterThan(100 * 64)
  expect(hashed(200)).toBeLessThan(AT_MOST * hashed(100))
})

test('statements of a down script that touch the history', () =>
  linear(200, (n) => {
    const down = many(n, () => 'DROP TABLE lockkeeper.migration').join(';\n')
    return () =>
      readMigrations([
        { name: '1_a.up.sql', content: 'SELECT 1' },
        { name: '1_a.down.sql', content: down },
      ])
  }))
