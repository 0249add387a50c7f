import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { EmbeddedPostgres } from '../../src/prove/embedded-postgres.ts'
import { flywayExample } from '../tools/example-flyway.ts'
import { exampleSets } from '../tools/example-sets.ts'
import { startServer, type TestDatabase, withDatabase } from '../tools/postgres.ts'
import { lockkeeper, withFolder } from '../tools/program.ts'
import type { Files } from '../tools/runner.ts'

const sets: [string, Files][] = [...Object.entries(exampleSets), ['flyway', flywayExample]]

/** Tables, columns, views, indexes, functions, types and rows counted, without our own. */
const schemaOf = async ({ sql }: TestDatabase) =>
  (
    await sql<{ what: string }>(`
      select format('%s %s', c.relkind, c.oid::regclass) what from pg_class c join pg_namespace n on n.oid = c.relnamespace where n.nspname = 'public'
      union all select format('column %s.%s %s', attrelid::regclass, attname, atttypid::regtype) from pg_attribute a join pg_class c on c.oid = a.attrelid
        join pg_namespace n on n.oid = c.relnamespace where n.nspname = 'public' and attnum > 0 and not attisdropped
      union all select format('function %s', p.oid::regprocedure) from pg_proc p join pg_namespace n on n.oid = p.pronamespace where n.nspname = 'public'
      union all select format('type %s', t.oid::regtype) from pg_type t join pg_namespace n on n.oid = t.typnamespace where n.nspname = 'public' and t.typtype = 'e'
      order by 1`)
  ).map(({ what }) => what)

const run = async ({ url }: TestDatabase, files: Files, ...args: string[]) =>
  withFolder(files, (folder) => {
    const migrations = ['up', 'plan', 'status'].includes(args[0] ?? '') ? ['-m', folder] : []
    return lockkeeper([...args, ...migrations, '--database', url])
  })

const views = ({ sql }: TestDatabase) =>
  sql(`select viewname name from pg_views where schemaname = 'public' order by 1`)

describe.each([14, 18])('files of other tools, on PostgreSQL %i', (major) => {
  let server: EmbeddedPostgres
  let stop: () => Promise<void>
  beforeAll(async () => {
    ;({ server, stop } = await startServer({ major }))
  })
  afterAll(() => stop())

  test.each(sets)('%s: all up, all down gives back the empty schema, and up again the same', (_, files) =>
    withDatabase(server, async (database) => {
      const up = await run(database, files, 'up')
      expect(up.code, up.stderr).toBe(0)
      const full = await schemaOf(database)
      expect(full.length).toBeGreaterThan(10)
      expect((await run(database, files, 'up', '-o', 'json')).stdout).toContain('"result": "nothing"')
      const down = await run(database, files, 'down', '--to', '0')
      expect(down.code, down.stderr).toBe(0)
      expect(await schemaOf(database)).toEqual([])
      expect((await run(database, files, 'up')).code).toBe(0)
      expect(await schemaOf(database)).toEqual(full)
    }),
  )
})

describe('what only Flyway has', () => {
  let server: EmbeddedPostgres
  let stop: () => Promise<void>
  beforeAll(async () => {
    ;({ server, stop } = await startServer({ major: 18 }))
  })
  afterAll(() => stop())
  const base = {
    'V1__t.sql': 'CREATE TABLE t (id int);\n',
    'U1__t.sql': 'DROP TABLE t CASCADE;\n',
    'V2__c.sql': 'ALTER TABLE t ADD c int;\n',
    'U2__c.sql': 'ALTER TABLE t DROP c CASCADE;\n',
  }

  test('a repeatable migration runs after the versions, again when its text changes, and again after a way down', () =>
    withDatabase(server, async (database) => {
      const files = { ...base, 'R__v.sql': 'CREATE OR REPLACE VIEW v AS SELECT c FROM t;\n' }
      expect((await run(database, files, 'up', '--to', '1')).code).toBe(0)
      expect(await views(database)).toEqual([])
      expect((await run(database, files, 'plan')).stdout).toMatch(/up 2 c .*\n(.*\n)*again v {2}\(R__v\.sql\)\n$/)
      const first = await run(database, files, 'up', '-o', 'json')
      expect(JSON.parse(first.stdout)).toMatchObject({ to: '2', steps: [{ version: '2' }, { version: 'R:v' }] })
      const changed = { ...files, 'R__v.sql': 'CREATE OR REPLACE VIEW v AS SELECT c, id FROM t;\n' }
      const second = await run(database, changed, 'up', '-o', 'json')
      expect(JSON.parse(second.stdout)).toMatchObject({
        from: '2',
        to: '2',
        steps: [{ version: 'R:v', direction: 'up' }],
      })
      expect(JSON.parse((await run(database, changed, 'status', '-o', 'json')).stdout)).toMatchObject({
        live: '2',
        applied: [{ version: '1' }, { version: '2' }],
      })
      expect((await run(database, changed, 'down', '--to', '1')).code).toBe(0)
      expect(await views(database)).toEqual([])
      expect((await run(database, changed, 'up')).code).toBe(0)
      expect(await views(database)).toEqual([{ name: 'v' }])
    }))

  test('a baseline stands for the versions up to its own on an empty database, and means nothing on another', () =>
    withDatabase(server, async (database) => {
      const files = {
        ...base,
        'B2__all.sql': 'CREATE TABLE t (id int, c int);\nCREATE TABLE made_by_baseline ();\n',
        'V3__d.sql': 'ALTER TABLE t ADD d int;\n',
        'U3__d.sql': 'ALTER TABLE t DROP d;\n',
      }
      const planned = JSON.parse((await run(database, files, 'plan', '-o', 'json')).stdout)
      expect(planned).toMatchObject({ to: '3', steps: [{ file: 'B2__all.sql' }, { file: 'V3__d.sql' }] })
      const fresh = await run(database, files, 'up', '-o', 'json')
      expect(JSON.parse(fresh.stdout)).toMatchObject({ to: '3', steps: [{ version: '2' }, { version: '3' }] })
      expect(await database.sql(`select from pg_tables where tablename = 'made_by_baseline'`)).toHaveLength(1)
      expect((await run(database, files, 'up', '-o', 'json')).stdout).toContain('"result": "nothing"')
      expect((await run(database, files, 'down', '--to', '0')).code).toBe(0)
      await withDatabase(server, async (other) => {
        expect((await run(other, base, 'up', '--to', '1')).code).toBe(0)
        expect((await run(other, files, 'up')).code).toBe(0)
        expect(await other.sql(`select from pg_tables where tablename = 'made_by_baseline'`)).toEqual([])
      })
    }))

  test('callbacks run at their moments, those around each migration in its transaction', () =>
    withDatabase(server, async (database) => {
      const say = (what: string) => `INSERT INTO said SELECT '${what}', txid_current();\n`
      const files = {
        ...base,
        'V2__c.sql': say('2'),
        'R__r.sql': say('r'),
        'beforeMigrate.sql': 'CREATE TABLE IF NOT EXISTS said (what text, tx bigint);\n',
        'beforeEachMigrate__x.sql': say('before each').replace(';\n', ' -- no semicolon'),
        'afterEachMigrate.sql': say('after each'),
        'afterVersioned.sql': say('after versioned'),
        'beforeRepeatables.sql': say('before repeatables'),
        'afterMigrate.sql': say('after'),
      }
      const up = await run(database, files, 'up')
      expect(up.code, up.stderr).toBe(0)
      const said = await database.sql<{ what: string; tx: string }>('select what, tx from said order by ctid')
      const around = (what?: string) => ['before each', ...(what === undefined ? [] : [what]), 'after each']
      expect(said.map(({ what }) => what)).toEqual([
        ...around(),
        ...around('2'),
        ...['after versioned', 'before repeatables'],
        ...around('r'),
        'after',
      ])
      expect(new Set(said.slice(2, 5).map(({ tx }) => tx)).size).toBe(1)
      const broken = {
        ...files,
        'V3__d.sql': 'SELECT 1;\n',
        'U3__d.sql': 'SELECT 1;\n',
        'afterEachMigrate.sql': 'SELECT 1;\nSELECT nothing;\n',
      }
      const failed = await run(database, broken, 'up')
      expect([failed.code, failed.stderr]).toEqual([1, expect.stringContaining('afterEachMigrate.sql line 2')])
    }))

  test('placeholders are replaced by what the command line says', () =>
    withDatabase(server, async (database) => {
      const files = { 'V1__t.sql': `CREATE TABLE \${name} (id int);\n`, 'U1__t.sql': `DROP TABLE \${name};\n` }
      const without = await run(database, files, 'up')
      expect([without.code, without.stderr]).toEqual([1, expect.stringContaining('--placeholder')])
      expect((await run(database, files, 'up', '--placeholder', 'name=swapped')).code).toBe(0)
      expect(await database.sql(`select from pg_tables where tablename = 'swapped'`)).toHaveLength(1)
      expect((await run(database, files, 'down', '--to', '0')).code).toBe(0)
      expect(await database.sql(`select from pg_tables where tablename = 'swapped'`)).toEqual([])
    }))
})
