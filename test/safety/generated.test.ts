import fc from 'fast-check'
import { expect, test } from 'vitest'
import { SAFETY_CODES } from '../../src/migration/finding.ts'
import { readMigrations } from '../../src/migration/read.ts'
import { compareVersions } from '../../src/migration/version.ts'
import { compatibilitiesOf } from '../../src/safety/compatibility/compatibility.ts'
import { judge } from '../../src/safety/judge.ts'
import { rollbackRules } from '../../src/safety/rollback/rollback-rules.ts'
import { rules } from '../../src/safety/rules.ts'
import { loadParser } from '../../src/sql/parser.ts'
import { floorsBy } from '../tools/floors.ts'

/** `LOCKKEEPER_SEED` repeats a run. */
const seed = Number(process.env.LOCKKEEPER_SEED ?? Date.now() % 2 ** 31)
const SETS = 250
const MIGRATIONS = 8
console.log(`safety: LOCKKEEPER_SEED=${seed}, ${SETS * MIGRATIONS} migrations`)

const words = ['orders', 'customers', '"Order"', 'shop.orders', '"a""b".c', 'ünïcode', '"select"', 'public.orders', 'x']
const name = fc.constantFrom(...words)

/** Every statement that the rules name, with other names put in. */
const examples = [
  ...rules.flatMap(({ examples: { finds, passes } }) =>
    [...finds, ...passes].flatMap((each) => (typeof each === 'string' ? each : [each.script, each.earlier ?? ''])),
  ),
  ...rollbackRules.flatMap(({ examples: { finds, passes } }) =>
    [...finds, ...passes].flatMap(({ up, down, earlier = '' }) => [up, down, earlier]),
  ),
].filter((text) => text !== '')
const known = fc
  .tuple(fc.constantFrom(...examples), name)
  .map(([text, other]) => text.replace(/\b(?:orders|customers)\b/g, () => other))

/** Grammar of its own, with names that clash. */
const built = fc.oneof(
  fc
    .tuple(name, name)
    .map(([a, b]) => `CREATE TABLE ${a} (x int, y text DEFAULT 'a', CONSTRAINT c FOREIGN KEY (x) REFERENCES ${b})`),
  fc.tuple(name, name).map(([a, b]) => `ALTER TABLE ${a} RENAME TO ${b}`),
  fc
    .tuple(name, name)
    .map(([a, b]) => `ALTER TABLE IF EXISTS ONLY ${a} ADD ${b} int[] DEFAULT ARRAY[1, 2], DROP y CASCADE`),
  fc
    .tuple(name, name)
    .map(([a, b]) => `CREATE OR REPLACE VIEW ${a} AS WITH ${b} AS (SELECT 1) SELECT * FROM ${b}, ${a}`),
  name.map((a) => `DROP TABLE IF EXISTS ${a}`),
  name.map((a) => `INSERT INTO ${a} VALUES (1, 'ü'), (2, $q$;$q$)`),
  name.map((a) => `GRANT SELECT ON ${a} TO PUBLIC`),
)
const noise = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.constantFrom('BEGIN', "'", '$$', '/*', '-- lockkeeper: allow', ';;', '\\d'),
)
const comment = fc.constantFrom(
  '',
  '-- lockkeeper: allow rollback-data-loss x\n',
  '/* a\n b */ ',
  '-- lockkeeper: compatible y\n',
)
const statement = fc
  .tuple(
    comment,
    fc.oneof({ weight: 6, arbitrary: known }, { weight: 6, arbitrary: built }, { weight: 1, arbitrary: noise }),
  )
  .map((parts) => parts.join(''))
const script = fc
  .tuple(fc.array(statement, { maxLength: 5 }), fc.constantFrom(';\n', ';\r\n', ' ; '))
  .map(([statements, end]) => statements.join(end))
type Scripts = readonly [up: string, down: string]
const free = fc.tuple(script, script)

/** What the rules say of a script that comes after another one, or of a down script and its up. */
const stories: readonly (readonly [Scripts, Scripts])[] = [
  ...rules.flatMap(({ examples: { finds } }) =>
    finds.flatMap((each): [Scripts, Scripts][] =>
      typeof each === 'string'
        ? []
        : [
            [
              [each.earlier ?? '', 'SELECT 1'],
              [each.script, 'SELECT 1'],
            ],
          ],
    ),
  ),
  ...rollbackRules.flatMap(({ examples: { finds } }) =>
    finds.map(({ up, down, earlier = '' }): [Scripts, Scripts] => [
      [earlier, 'SELECT 1'],
      [up, down],
    ]),
  ),
]
const two = fc.oneof(fc.tuple(free, free), fc.constantFrom(...stories))
const set = fc
  .array(two, { minLength: MIGRATIONS / 2, maxLength: MIGRATIONS / 2 })
  .map((chosen): readonly Scripts[] => chosen.flat())

test('2,000 generated migrations are judged without a crash, and each finding names a place that is there', async () => {
  const parse = await loadParser()
  const codes = new Set<string>()
  fc.assert(
    fc.property(
      set,
      fc.constantFrom(14, 15, 16, 17, 18),
      fc.constantFrom(undefined, '0', '4'),
      (scripts, server, since) => {
        const files = scripts.flatMap(([up, down], i) => [
          { name: `${i + 1}_x.up.sql`, content: up },
          { name: `${i + 1}_x.down.sql`, content: down },
        ])
        const read = readMigrations(files)
        const options = { parse, server, ...(since !== undefined && { since }) }
        const { findings, allowed } = judge(read, options)
        const all = [...findings, ...allowed.map(({ finding }) => finding)]
        for (const { code, file, line = 0, message, fix, version } of all) {
          codes.add(code)
          expect(SAFETY_CODES).toContain(code)
          const content = files.find((each) => each.name === file)?.content ?? ''
          expect(line).toBeGreaterThan(0)
          expect(line).toBeLessThanOrEqual(content.split('\n').length)
          expect(file?.startsWith(`${version}_x.`)).toBe(true)
          expect(`${message}${fix}`).not.toMatch(/undefined|\[object|NaN/)
          expect(fix).not.toBe('')
        }
        const versions = findings.map(({ version = '0' }) => version)
        expect(versions).toEqual(versions.toSorted(compareVersions))
        expect(judge(read, options)).toEqual({ findings, allowed, repaired: expect.any(Array) })
        expect([...compatibilitiesOf(read.migrations, parse)]).toHaveLength(read.migrations.length)
        for (const [version, floor] of floorsBy(read.migrations, parse)) {
          expect(compareVersions(floor, version)).toBeLessThanOrEqual(0)
        }
      },
    ),
    { seed, numRuns: SETS },
  )
  // A generator that reaches few of the rules would show little.
  expect(
    SAFETY_CODES.filter((code) => !['sql-too-long', 'too-many-statements'].includes(code) && !codes.has(code)),
  ).toEqual([])
}, 120_000)
