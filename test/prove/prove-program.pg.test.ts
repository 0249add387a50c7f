import { generateKeyPairSync } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { catalogueOf } from '../../src/migration/catalogue.ts'
import { readMigrations } from '../../src/migration/read.ts'
import { publicKeyLine } from '../../src/proof/signature.ts'
import { verifyProof } from '../../src/proof/verify.ts'
import { flywayExample } from '../tools/example-flyway.ts'
import { exampleSets } from '../tools/example-sets.ts'
import { lockkeeper, withFolder } from '../tools/program.ts'
import { type Files, pairs, proved, provedAt, resultsOf, scratchServer } from './prove-answer.ts'

const table: readonly [string, string] = ['CREATE TABLE t (a int, b text, c int);', 'DROP TABLE t;']

describe('prove', () => {
  let server: Awaited<ReturnType<typeof scratchServer>>
  beforeAll(async () => {
    server = await scratchServer(17)
  })
  afterAll(() => server.stop())

  test('shows what a down script left behind as a diff, with the line that it lacks', () =>
    withFolder(
      pairs(table, ['CREATE INDEX t_a ON t (a);\nALTER TABLE t ALTER c SET DEFAULT 1;', 'SELECT 1;']),
      async (folder) => {
        const { code, stdout, stderr } = await lockkeeper(['prove', '-m', folder])
        expect(code).toBe(1)
        expect(stdout.replace(/\(\d+ms\)/, '(…)')).toBe(`failed        2  2_x.up.sql (…)
  2_x.down.sql: error rollback-unproven: after 2_x.down.sql the schema is not what it was before 2_x.up.sql: default of column public.t.c differs, and 1 more
    fix: add to 2_x.down.sql: ALTER TABLE public.t ALTER COLUMN c DROP DEFAULT;
  default of column public.t.c differs
    - (nothing)
    + 1
    the down script lacks: ALTER TABLE public.t ALTER COLUMN c DROP DEFAULT;
  index public.t_a is left
    - (nothing)
    + definition: CREATE INDEX t_a ON public.t USING btree (a)
    the down script lacks: DROP INDEX public.t_a;
1 proven, 1 failed (PostgreSQL 18)
`)
        expect(stderr).toMatch(/^1\/2 {2}proven {8}1 {2}1_x\.up\.sql \(\d+m?s\)\n2\/2 {2}failed {8}2 {2}2_x\.up\.sql/)
      },
    ))

  test('tells columns in another order apart, as a note', async () => {
    const answer = await proved(pairs(table, ['ALTER TABLE t DROP b;', 'ALTER TABLE t ADD b text;']))
    expect(answer).toMatchObject({ code: 0, result: 'proven', findings: [] })
    expect(answer.migrations[1]).toMatchObject({
      result: 'proven',
      differences: [
        {
          object: 'table public.t',
          facet: 'column order',
          before: ['a', 'b', 'c'],
          after: ['a', 'c', 'b'],
          note: true,
        },
      ],
    })
  })

  test.each([...Object.entries(exampleSets), ['flyway', flywayExample] as const])(
    'proves the example of %s',
    async (_, files) => {
      const answer = await proved(files, '--data', '--scratch', server.url)
      expect(answer.migrations.flatMap(({ findings, unfilled }) => [...findings, ...unfilled])).toEqual([])
      expect(answer).toMatchObject({ code: 0, result: 'proven' })
      expect(answer.migrations.length).toBeGreaterThan(3)
    },
  )

  test('tells a comment that is lost, left or another one as a note, with the line that the down script lacks', async () => {
    const comment = (what: string, text: string) => `COMMENT ON ${what} IS ${text};`
    const answer = await proved(
      pairs(
        [`CREATE TABLE t (a int); ${comment('TABLE t', "'one'")} ${comment('COLUMN t.a', "'two'")}`, 'DROP TABLE t;'],
        [comment('TABLE t', 'NULL'), 'SELECT 1;'],
        [comment('COLUMN t.a', "'three'"), 'SELECT 1;'],
        [`CREATE INDEX i ON t (a); ${comment('SCHEMA public', "'ours'")}`, 'DROP INDEX i;'],
        [`ALTER TABLE t ADD b int; ${comment('COLUMN t.b', "'new'")}`, 'SELECT 1;'],
      ),
    )
    expect(resultsOf(answer)).toEqual(['1 proven', '2 proven', '3 proven', '4 proven', '5 failed'])
    expect(answer.migrations.slice(1, 4).map(({ differences, findings }) => [findings, differences])).toEqual([
      [[], [expect.objectContaining({ object: 'comment on table public.t', what: 'gone', note: true })]],
      [[], [expect.objectContaining({ object: 'comment on table column public.t.a', what: 'changed', note: true })]],
      [[], [expect.objectContaining({ object: 'comment on schema public', note: true })]],
    ])
    expect(answer.migrations[1]?.differences[0]).toHaveProperty('hint', "COMMENT ON TABLE public.t IS 'one'")
  })

  test('gives scripts the search_path of --search-path, in each database that it makes', async () => {
    const files = pairs(
      ['CREATE SCHEMA app; CREATE SCHEMA "My";', 'DROP SCHEMA "My"; DROP SCHEMA app;'],
      ['CREATE TABLE t ();', 'DROP TABLE app.t;'],
      ['CREATE TABLE left_here ();', 'SELECT 1;'],
      ['ALTER TABLE app.t ADD a int;', 'ALTER TABLE t DROP a;'],
    )
    const answer = await proved(files, '--search-path', 'App, "My"', '--data')
    expect(resultsOf(answer)).toEqual(['1 proven', '2 proven', '3 failed', '4 proven'])
    expect(answer.migrations[2]?.differences[0]?.object).toBe('table app.left_here')
    const quoted = await proved(files, '--search-path', '"My",app', '--scratch', server.url)
    expect(quoted.migrations[1]?.findings[0]?.message).toContain('"t" does not exist')
  })

  test.each(['', 'a b', 'a,,b', 'a; DROP DATABASE x', '"a', "'a'"])(
    'refuses a --search-path that is not a list of schemas: %j',
    async (path) => {
      await withFolder(pairs(table), async (folder) => {
        const { code, stderr } = await lockkeeper(['prove', '-m', folder, '--search-path', path])
        expect([code, stderr]).toEqual([2, expect.stringContaining('is not a list of schemas')])
      })
    },
  )

  test('runs callbacks as in life, and does not take what they make for the work of a migration', async () => {
    const files = {
      'V1__t.sql': 'CREATE TABLE t ();',
      'U1__t.sql': 'DROP TABLE t;',
      'beforeMigrate.sql': 'CREATE TABLE IF NOT EXISTS log (what text);',
      'beforeEachMigrate.sql': `INSERT INTO log VALUES ('each');`,
      'afterMigrate.sql': 'CREATE OR REPLACE VIEW log_size AS SELECT count(*) FROM log;',
    }
    expect(await proved(files)).toMatchObject({ code: 0, result: 'proven' })
    const broken = await proved({ ...files, 'V1__t.sql': 'CREATE TABLE t (); CREATE TABLE u ();' })
    expect(broken.migrations[0]?.differences).toMatchObject([{ object: 'table public.u', what: 'left' }])
  })

  test('begins with the baseline that stands for versions that are gone', async () => {
    const files = {
      'B5__all.sql': 'CREATE TABLE t ();',
      'V6__c.sql': 'ALTER TABLE t ADD c int;',
      'U6__c.sql': 'ALTER TABLE t DROP c;',
    }
    expect(resultsOf(await proved(files))).toEqual(['6 proven'])
  })

  test('goes on in a clean database behind a fault, roles and all, and past what needs no proof', async () => {
    const answer = await proved({
      ...pairs(
        ['CREATE ROLE r; CREATE TABLE t (); ALTER TABLE t OWNER TO r;', 'DROP TABLE t; DROP ROLE r;'],
        ['CREATE TABLE u (); GRANT SELECT ON u TO r; CREATE ROLE s IN ROLE r;', 'SELECT 1;'],
        ['CREATE TABLE v ();', 'DROP TABLE v;'],
        ['-- lockkeeper: irreversible money moved\nCREATE TABLE w ();', '-- nothing'],
        ['DROP TABLE w;', 'CREATE TABLE w ();'],
      ),
      '6_x.up.sql': 'CREATE TABLE x ();',
      '7_x.up.sql': 'CREATE TABLE y ();',
      '7_x.down.sql': '-- to do',
      '8_x.up.sql': 'CREATE TABLE z ();',
      '8_x.down.sql': 'DROP TABLE z;',
    })
    expect(resultsOf(answer)).toEqual([
      '1 proven',
      '2 failed',
      '3 proven',
      '4 irreversible',
      '5 proven',
      '6 failed',
      '7 failed',
      '8 proven',
    ])
    expect(answer.migrations[1]?.differences.map(({ object }) => object)).toEqual(['role s', 'table public.u'])
    expect(answer.migrations.slice(5, 7).map(({ findings }) => findings.map(({ code }) => code))).toEqual([
      ['rollback-missing'],
      ['rollback-empty'],
    ])
    expect(answer.code).toBe(1)
  })

  test('finds a script that makes another schema the second time, and one that does not run twice', async () => {
    const answer = await proved(
      pairs(
        ["CREATE SEQUENCE runs; SELECT nextval('runs');", 'DROP SEQUENCE runs;'],
        ['CREATE TABLE IF NOT EXISTS kept (n int);', 'SELECT 1;'],
        [
          `CREATE TABLE IF NOT EXISTS marks (at int); INSERT INTO marks VALUES (1); DO $$ BEGIN IF (SELECT count(*) FROM kept) = 0 THEN CREATE TABLE odd (); INSERT INTO kept VALUES (1); END IF; END $$;`,
          'DROP TABLE marks; DROP TABLE IF EXISTS odd;',
        ],
        // What the one before it made the first time only is there for it to drop.
        ['DROP TABLE IF EXISTS odd;', 'SELECT 1;'],
        ['INSERT INTO marks VALUES (7); CREATE UNIQUE INDEX once ON marks (at);', 'DROP INDEX once;'],
      ),
    )
    expect(resultsOf(answer)).toEqual(['1 proven', '2 failed', '3 failed', '4 failed', '5 failed'])
    expect(answer.migrations[2]?.findings[0]).toMatchObject({
      message: expect.stringContaining('3_x.up.sql makes another schema the second time: table public.odd is gone'),
    })
    expect(answer.migrations[3]?.differences).toMatchObject([{ object: 'table public.odd', what: 'gone' }])
    expect(answer.migrations[4]?.findings[0]).toMatchObject({
      message: expect.stringContaining('5_x.up.sql cannot be applied again after the way down'),
      file: '5_x.up.sql',
    })
  })

  test('does not blame a migration for rows that the way down of another left', async () => {
    const answer = await proved(
      pairs(
        table,
        ['INSERT INTO t VALUES (7);', 'SELECT 1;'],
        ['CREATE UNIQUE INDEX once ON t (a);', 'DROP INDEX once;'],
      ),
      '--scratch',
      server.url,
    )
    expect(resultsOf(answer)).toEqual(['1 proven', '2 proven', '3 proven'])
  })

  test('proves many on several servers at once, and says what was not reached', async () => {
    const many = Array.from(
      { length: 60 },
      (_, i) =>
        [`CREATE TABLE t${i} (id int PRIMARY KEY); CREATE ROLE r${i};`, `DROP TABLE t${i}; DROP ROLE r${i};`] as const,
    )
    expect(await proved(pairs(...many))).toMatchObject({ code: 0, result: 'proven' })
    const broken = pairs(...many.slice(0, 40), ['CREATE TABLE;', 'SELECT 1;'], ...many.slice(41))
    const answer = await proved(broken)
    const results = resultsOf(answer)
    expect(results.slice(0, 40)).toEqual(many.slice(0, 40).map((__, i) => `${i + 1} proven`))
    expect(results.slice(40)).toEqual(['41 failed', ...many.slice(41).map((__, i) => `${i + 42} unreached`)])
    expect(answer.findings).toMatchObject([
      {
        code: 'rollback-unproven',
        version: '41',
        file: '41_x.up.sql',
        line: 1,
        message: expect.stringContaining('cannot be applied'),
      },
    ])
  }, 120_000)
})

describe('prove --proof', () => {
  const key = generateKeyPairSync('ed25519')
  const pem = String(key.privateKey.export({ format: 'pem', type: 'pkcs8' }))
  const files = pairs(
    table,
    ['CREATE INDEX t_a ON t (a);', 'DROP INDEX t_a;'],
    ['CREATE INDEX t_b ON t (b);', 'DROP INDEX t_b;'],
  )
  const inFolder = (
    use: (run: (...args: string[]) => ReturnType<typeof provedAt>, path: (name: string) => string) => Promise<void>,
  ) =>
    withFolder(
      { ...Object.fromEntries(Object.entries(files).map(([name, text]) => [`m/${name}`, text])), 'key.pem': pem },
      (folder) => {
        const path = (name: string) => join(folder, name)
        return use((...args) => provedAt(path('m'), '--proof', path('p'), ...args), path)
      },
    )
  const catalogue = (of: Files) =>
    catalogueOf(readMigrations(Object.entries(of).map(([name, content]) => ({ name, content }))))

  test('writes what was seen, and what it says already is not tried again: not on another major, nor behind a change', () =>
    inFolder(async (run, path) => {
      expect(resultsOf(await run())).toEqual(['1 proven', '2 proven', '3 proven'])
      const first = await readFile(path('p'), 'utf8')
      expect(first).toMatch(/^lockkeeper-proof 1\n1 .* 18 empty schema\/1=restored \d{4}-.*Z\n2 .*\n3 .*\n$/)
      expect(resultsOf(await run())).toEqual(['1 cached', '2 cached', '3 cached'])
      expect(await readFile(path('p'), 'utf8')).toBe(first)
      expect(resultsOf(await run('--major', '17', '--since', '2'))).toEqual(['3 proven'])
      expect((await readFile(path('p'), 'utf8')).match(/^3 /gm)).toHaveLength(2)
      await writeFile(path('m/2_x.down.sql'), 'DROP INDEX IF EXISTS t_a;')
      expect(resultsOf(await run())).toEqual(['1 cached', '2 proven', '3 proven'])
      expect((await readFile(path('p'), 'utf8')).match(/^[123] /gm)).toHaveLength(3)
      expect(resultsOf(await run('--data'))).toEqual(['1 proven', '2 proven', '3 proven'])
      expect(resultsOf(await run('--data'))).toEqual(['1 cached', '2 cached', '3 cached'])
      expect(await readFile(path('p'), 'utf8')).toContain('schema/1=restored,rows/1=restored')
    }))

  test('keeps what was not restored out of the cache, and out of what a namespace accepts', () =>
    inFolder(async (run, path) => {
      await writeFile(path('m/2_x.down.sql'), 'SELECT 1;')
      const sign = ['--sign', path('key.pem')]
      expect(resultsOf(await run(...sign))).toEqual(['1 proven', '2 failed', '3 proven'])
      expect(resultsOf(await run(...sign))).toEqual(['1 cached', '2 failed', '3 cached'])
      const read = catalogue({ ...files, '2_x.down.sql': 'SELECT 1;' })
      const findings = verifyProof(await readFile(path('p'), 'utf8'), read, publicKeyLine(key.publicKey))
      expect(findings).toMatchObject([{ version: '2', message: expect.stringContaining('did not restore the schema') }])
    }))

  test(
    'signed, is accepted under the key that it prints; and only what the same key signed is taken from before',
    () =>
      inFolder(async (run, path) => {
        const sign = ['--sign', path('key.pem')]
        expect(resultsOf(await run())).toEqual(['1 proven', '2 proven', '3 proven'])
        expect(resultsOf(await run(...sign))).toEqual(['1 proven', '2 proven', '3 proven'])
        const text = await readFile(path('p'), 'utf8')
        const { stderr } = await lockkeeper(['prove', '-m', path('m'), '--proof', path('p'), ...sign])
        expect(stderr.split('\n').at(-2)).toBe(publicKeyLine(key.publicKey))
        expect(verifyProof(text, catalogue(files), stderr.split('\n').at(-2))).toEqual([])
        expect(resultsOf(await run(...sign))).toEqual(['1 cached', '2 cached', '3 cached'])
        await writeFile(path('p'), text.replace(/^2 .*\n/m, ''))
        const again = await lockkeeper(['prove', '-m', path('m'), '--proof', path('p'), ...sign])
        expect(again.stderr).toContain('is not what was signed (bad signature), so everything is proven again')
        expect(again.stdout).toContain('3 proven')
        const other = String(generateKeyPairSync('ed25519').privateKey.export({ format: 'pem', type: 'pkcs8' }))
        await writeFile(path('other.pem'), other)
        const changed = await lockkeeper(['prove', '-m', path('m'), '--proof', path('p'), '--sign', path('other.pem')])
        expect(changed.stderr).toContain('is signed with another key')
        expect(changed.stderr).not.toContain(other.split('\n')[1])
      }),
    120_000,
  )
})

describe('prove -o', () => {
  const faulty = pairs(table, ['CREATE INDEX t_a ON t (a);', 'SELECT 1;'])
  test.each(['github', 'sarif'])('%s prints findings as lint does', (format) =>
    withFolder(faulty, async (folder) => {
      const { code, stdout } = await lockkeeper(['prove', '-m', folder, '-o', format, '-q'])
      expect(code).toBe(1)
      if (format === 'github')
        expect(stdout.replace(folder, 'migrations')).toMatch(
          /^::error file=migrations\/2_x\.down\.sql,title=rollback-unproven::after 2_x\.down\.sql the schema .*DROP INDEX public\.t_a;\n$/,
        )
      else
        expect(JSON.parse(stdout).runs[0].results).toMatchObject([
          {
            ruleId: 'rollback-unproven',
            level: 'error',
            locations: [{ physicalLocation: { artifactLocation: { uri: `${folder}/2_x.down.sql` } } }],
          },
        ])
    }),
  )
})
