import fc from 'fast-check'
import { beforeAll, describe, expect, test } from 'vitest'
import { readMigrations } from '../../src/migration/read.ts'
import { breaks } from '../../src/safety/compatibility/breaks.ts'
import { type Compatibility, compatibilitiesOf } from '../../src/safety/compatibility/compatibility.ts'
import { works } from '../../src/safety/compatibility/works.ts'
import { loadParser, type Parse } from '../../src/sql/parser.ts'
import { floorsBy } from '../tools/floors.ts'

let parse: Parse
beforeAll(async () => {
  parse = await loadParser()
})

const migrationsOf = (files: Readonly<Record<string, string>>) => {
  const set = readMigrations(Object.entries(files).map(([name, content]) => ({ name, content })))
  return set.migrations
}

/** Of the up script of version 2, or of its down script. */
function judged(up: string, earlier = 'SELECT 1', down = 'SELECT 1'): { up: Compatibility; down: Compatibility } {
  const files = { '1_a.up.sql': earlier, '2_b.up.sql': up, '2_b.down.sql': down }
  const [, [, both] = []] = compatibilitiesOf(migrationsOf(files), parse)
  if (both?.down === undefined) throw new Error('version 2 was not read')
  return { up: both.up, down: both.down }
}

const rows = [...breaks, ...works].flatMap((row) =>
  row.examples.map((script) => [row.verdict, script, row.what] as const),
)

describe('code of the release before', () => {
  test.each(rows)('%s with %s', (verdict, script, what) => {
    const { up } = judged(script)
    expect(up.verdict).toBe(verdict)
    expect(up.reasons.map(({ text }) => text)).toContainEqual(expect.stringMatching(new RegExp(`^${escaped(what)}: `)))
  })

  test.each([
    'ALTER TABLE orders ADD COLUMN key uuid DEFAULT gen_random_uuid()',
    'ALTER TABLE orders ADD COLUMN number bigserial',
    'ALTER TABLE orders ADD COLUMN total int GENERATED ALWAYS AS (a * b) STORED',
    'ALTER TABLE orders ALTER COLUMN note SET DEFAULT 1',
    'ALTER TABLE orders DROP CONSTRAINT orders_customer',
    'CREATE INDEX ON orders (lower(note))',
    'CREATE INDEX ON orders (note) WHERE paid',
    'CREATE OR REPLACE VIEW open_orders AS SELECT 1 AS id',
    'CREATE OR REPLACE FUNCTION total() RETURNS int LANGUAGE sql AS $$ SELECT 1 $$',
    'CREATE TRIGGER t BEFORE INSERT ON orders FOR EACH ROW EXECUTE FUNCTION f()',
    'CREATE TABLE events_1 PARTITION OF events FOR VALUES IN (1)',
    'CREATE TABLE a (id int); ALTER TABLE events ATTACH PARTITION a FOR VALUES IN (1)',
    'CREATE EXTENSION pgcrypto',
    'DROP INDEX orders_note',
    'DROP TRIGGER touch ON orders',
    "UPDATE orders SET note = '' WHERE note IS NULL",
    "INSERT INTO states VALUES ('lost')",
    'SELECT move_orders()',
    'DO $$ BEGIN NULL; END $$',
    'SELEC 1',
  ])('is not known to work with %s', (script) => expect(judged(script).up.verdict).toBe('unknown'))

  test('meets one statement that breaks it among many that do not', () => {
    const { up } = judged('ALTER TABLE orders ADD a int, DROP b; CREATE VIEW v AS SELECT 1')
    expect(up.verdict).toBe('breaks')
    expect(up.reasons.map(({ verdict }) => verdict)).toEqual(['breaks', 'works', 'works'])
    expect(up.reasons[0]).toEqual({
      verdict: 'breaks',
      file: '2_b.up.sql',
      line: 1,
      text: 'DROP of anything that code names: code that uses it fails (DROP TABLE; ALTER TABLE, DROP COLUMN; DROP VIEW; DROP FUNCTION; DROP TYPE)',
    })
  })

  test('of a table counts what the same script made as new, and what an earlier one made as old', () => {
    const script = 'ALTER TABLE notes ADD CONSTRAINT c CHECK (id > 0)'
    expect(judged(script, 'CREATE TABLE notes (id int)').up.verdict).toBe('breaks')
    expect(judged(`CREATE TABLE notes (id int); ${script}`).up.verdict).toBe('works')
  })

  test('is judged for a down script by the same table', () => {
    expect(judged('CREATE INDEX i ON t (a)', 'CREATE TABLE t (a int)', 'DROP INDEX i').down.verdict).toBe('works')
    expect(judged('ALTER TABLE t ADD a int', 'SELECT 1', 'ALTER TABLE t DROP a').down.verdict).toBe('breaks')
  })

  test('works where its author says so, script by script', () => {
    const word = '-- lockkeeper: compatible nothing reads note any more\n'
    const { up, down } = judged(`${word}ALTER TABLE t DROP note`, 'SELECT 1', 'ALTER TABLE t DROP x')
    expect(up).toMatchObject({ verdict: 'works', word: 'nothing reads note any more' })
    expect(down.verdict).toBe('breaks')
  })
})

const escaped = (text: string) => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')

describe('the floor', () => {
  const plus = 'ALTER TABLE t ADD COLUMN a text'
  const minus = 'ALTER TABLE t DROP COLUMN a'
  test.each<[string, readonly string[], Record<string, string>]>([
    ['stays where everything works', ['CREATE TABLE t (id int)', plus, plus], { 1: '0', 2: '0', 3: '0' }],
    ['is the version that breaks, from there on', [plus, minus, plus], { 1: '0', 2: '2', 3: '2' }],
    [
      'is the highest version that is not known to work',
      [plus, 'SELECT f()', minus, plus],
      { 1: '0', 2: '2', 3: '3', 4: '3' },
    ],
    ['is what the author says, if that is higher', [minus, `-- lockkeeper: floor 1\n${minus}`], { 1: '1', 2: '1' }],
    ['never falls', [minus, minus, `-- lockkeeper: floor 1\n${minus}`], { 1: '1', 2: '2', 3: '2' }],
    ['stays with the author’s word', [plus, `-- lockkeeper: compatible all at once\n${minus}`], { 1: '0', 2: '0' }],
    ['stays with a script without statements', [plus, '-- nothing'], { 1: '0', 2: '0' }],
    ['is the version of what the parser rejects', [plus, 'SELEC 1'], { 1: '0', 2: '2' }],
  ])('%s', (_, scripts, expected) => {
    const files = Object.fromEntries(scripts.map((script, i) => [`${i + 1}_x.up.sql`, script]))
    expect(Object.fromEntries(floorsBy(migrationsOf(files), parse))).toEqual(expected)
  })

  test('leaves repeatable migrations out', () => {
    const migrations = migrationsOf({ 'V1__a.sql': plus, 'R__v.sql': 'CREATE OR REPLACE VIEW v AS SELECT 1' })
    expect([...floorsBy(migrations, parse)]).toEqual([['1', '0']])
  })

  test('rises with the versions, never above the one it is of, and no step after one that works lowers or raises it', () => {
    const step = fc.constantFrom(plus, minus, 'SELECT f()', 'CREATE TABLE t (id int)', 'CREATE INDEX ON t (a)')
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 8 }), (scripts) => {
        const migrations = migrationsOf(Object.fromEntries(scripts.map((script, i) => [`${i + 1}_x.up.sql`, script])))
        const known = new Map([...compatibilitiesOf(migrations, parse)].map(([{ version }, both]) => [version, both]))
        let before = 0
        for (const [version, floor] of floorsBy(migrations, parse)) {
          const works = known.get(version)?.up.verdict === 'works'
          expect(Number(floor)).toBe(works ? before : Number(version))
          before = Number(floor)
        }
      }),
      { numRuns: 50 },
    )
  })
})
