import { setTimeout as sleep } from 'node:timers/promises'
import { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { EmbeddedPostgres } from '../../src/prove/embedded-postgres.ts'
import { majors } from '../tools/majors.ts'
import { startServer, type TestDatabase, withDatabase } from '../tools/postgres.ts'
import { lockkeeper } from '../tools/program.ts'
import { type Files, type RunnerOptions, runRunner } from '../tools/runner.ts'

const table = {
  '1_t.up.sql':
    'CREATE TABLE t (id int, name text);\nINSERT INTO t SELECT i, i::text FROM generate_series(1, 1000) i;\n',
  '1_t.down.sql': 'DROP TABLE t;\n',
}
/** A second migration beside the table's. */
const second = (up: string, down = 'SELECT 1;\n'): Files => ({ ...table, '2_x.up.sql': up, '2_x.down.sql': down })

const invalid = ({ sql }: TestDatabase) =>
  sql(`select c.relname from pg_index i join pg_class c on c.oid = i.indexrelid where not i.indisvalid`)
const applied = async ({ sql }: TestDatabase) =>
  (await sql<{ version: string }>('select version from lockkeeper.migration order by 1')).map(({ version }) => version)
const indexes = async ({ sql }: TestDatabase) =>
  (await sql<{ name: string }>(`select indexname as name from pg_indexes where tablename = 't' order by 1`)).map(
    ({ name }) => name,
  )

/** A transaction that has written to t, so that a concurrent build has to wait for it. */
async function busyWriter({ url }: TestDatabase): Promise<Client> {
  const client = new Client({ connectionString: url })
  await client.connect()
  await client.query(`begin; insert into t values (0, 'busy')`)
  return client
}

async function until({ sql }: TestDatabase, condition: string): Promise<void> {
  for (let i = 0; i < 200; i++) {
    const [row] = await sql<{ yes: boolean }>(`select exists (${condition}) as yes`).catch(() => [])
    if (row?.yes) return
    await sleep(25)
  }
  throw new Error(`never: ${condition}`)
}
const building = `select from pg_stat_activity where application_name like 'lockkeeper up%' and query ~* '^create.*concurrently' and state = 'active'`

describe.each(majors)('scripts that no transaction may be put around, on PostgreSQL %i', (major) => {
  let server: EmbeddedPostgres
  let stop: () => Promise<void>
  beforeAll(async () => {
    ;({ server, stop } = await startServer({ major, settings: ['max_prepared_transactions = 5'] }))
  })
  afterAll(() => stop())
  const to2 = (database: TestDatabase, files: Files, more: Partial<RunnerOptions> = {}) =>
    runRunner({ url: database.url, target: '2', files, ...more })

  test('run statement by statement, up and down, and the history says so', () =>
    withDatabase(server, async (database) => {
      const files = second(
        'CREATE INDEX CONCURRENTLY i ON t (id);\nSET search_path = pg_temp, public;\nCREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS "J x" ON public.t (name);\nVACUUM t;\nALTER TABLE t ADD note text;\n',
        'ALTER TABLE t DROP note;\nDROP INDEX CONCURRENTLY "J x";\nDROP INDEX CONCURRENTLY IF EXISTS i;\n',
      )
      const up = await to2(database, files)
      expect(up.code, up.output).toBe(0)
      expect(await indexes(database)).toEqual(['J x', 'i'])
      expect(
        await database.sql(`select transactional, down_transactional from lockkeeper.migration where version = '2'`),
      ).toEqual([{ transactional: false, down_transactional: false }])
      const back = await runRunner({
        url: database.url,
        target: '1',
        token: 2,
        env: { LOCKKEEPER_ON_ROLLBACK: 'always' },
      })
      expect(back.code, back.output).toBe(0)
      expect(await indexes(database)).toEqual([])
      expect(await applied(database)).toEqual(['1'])
      expect(await database.sql(`select from pg_locks where locktype = 'advisory'`)).toEqual([])
    }))

  test('a statement that fails keeps those before it; the corrected script goes on behind them', () =>
    withDatabase(server, async (database) => {
      const script = (last: string) =>
        `INSERT INTO t VALUES (5000, 'once');\nCREATE INDEX CONCURRENTLY i ON t (id);\nSET lockkeeper_test.note = 'kept';\n${last}`
      const broken = await to2(database, second(script('INSERT INTO t VALUES (6000, nobody);\n')))
      expect(broken.termination).toMatchObject({
        code: 'migration-failed',
        file: '2_x.up.sql',
        line: 4,
        sqlstate: '42703',
      })
      expect(await applied(database)).toEqual(['1'])
      const fixed = second(script(`INSERT INTO t VALUES (6000, current_setting('lockkeeper_test.note'));\n`))
      const again = await to2(database, fixed, { token: 2 })
      expect(again.code, again.output).toBe(0)
      expect(await database.sql('select id, name from t where id > 1000 order by id')).toEqual([
        { id: 5000, name: 'once' },
        { id: 6000, name: 'kept' },
      ])
    }))

  test('a text that changed above what was done is refused until somebody resolves it', () =>
    withDatabase(server, async (database) => {
      const script = (first: string) => `${first};\nVACUUM t;\nSELECT 1 / 0;\n`
      await to2(database, second(script('ALTER TABLE t ADD a int')))
      const files = second(`ALTER TABLE t ADD b int;\nVACUUM t;\nSELECT 1;\n`)
      const refused = await to2(database, files, { token: 2 })
      expect([refused.code, refused.termination]).toEqual([
        12,
        expect.objectContaining({ code: 'in-doubt', version: '2' }),
      ])
      expect((await lockkeeper(['resolve', '2', '--retry', '--database', database.url])).code).toBe(0)
      const again = await to2(database, files, { token: 2 })
      expect(again.code, again.output).toBe(0)
    }))

  test('killed in the middle of a concurrent build: the next run drops what is left of it and builds again', () =>
    withDatabase(server, async (database) => {
      await runRunner({ url: database.url, target: '1', files: table })
      const writer = await busyWriter(database)
      const files = second('CREATE INDEX CONCURRENTLY i ON t (id);\n', 'DROP INDEX CONCURRENTLY i;\n')
      const first = to2(database, files, {
        started: (child) => void until(database, building).then(() => child.kill('SIGKILL')),
      })
      expect((await first).signal).toBe('SIGKILL')
      expect(await invalid(database)).toEqual([{ relname: 'i' }])
      const next = to2(database, files)
      await sleep(1500)
      await writer.end()
      const run = await next
      expect(run.code, run.output).toBe(0)
      expect(await invalid(database)).toEqual([])
      expect(await indexes(database)).toEqual(['i'])
    }))

  test('two runs that build at the same moment: no deadlock, one index, nothing INVALID', () =>
    withDatabase(server, async (database) => {
      await runRunner({ url: database.url, target: '1', files: table })
      const writer = await busyWriter(database)
      const files = second('CREATE INDEX CONCURRENTLY ON t (id);\n', 'DROP INDEX CONCURRENTLY t_id_idx;\n')
      const runs = Promise.all([to2(database, files), to2(database, files)])
      await until(database, building)
      await sleep(1500)
      await writer.end()
      for (const run of await runs) expect(run.code, run.output).toBe(0)
      expect(await invalid(database)).toEqual([])
      expect(await indexes(database)).toEqual(['t_id_idx'])
    }))

  test('a build that fails leaves nothing INVALID behind, and says which line', () =>
    withDatabase(server, async (database) => {
      const files = second(`\nINSERT INTO t VALUES (1, 'twice');\nCREATE UNIQUE INDEX CONCURRENTLY i ON t (id);\n`)
      const run = await to2(database, files)
      expect(run.termination).toMatchObject({
        code: 'migration-failed',
        file: '2_x.up.sql',
        line: 3,
        sqlstate: '23505',
      })
      expect(await invalid(database)).toEqual([])
    }))

  test('an INVALID index that somebody else left is neither dropped nor taken for a good one', () =>
    withDatabase(server, async (database) => {
      await runRunner({ url: database.url, target: '1', files: table })
      await database.sql(`insert into t values (1, 'twice')`)
      await database.sql('create unique index concurrently i on t (id)').catch(() => undefined)
      expect(await invalid(database)).toEqual([{ relname: 'i' }])
      const run = await to2(database, second('CREATE INDEX CONCURRENTLY IF NOT EXISTS i ON t (id);\n'))
      expect(run.termination).toMatchObject({ code: 'migration-failed', message: expect.stringContaining('INVALID') })
      expect(await invalid(database)).toEqual([{ relname: 'i' }])
      expect(await applied(database)).toEqual(['1'])
    }))

  test('a partition is detached, and an index rebuilt, concurrently', () =>
    withDatabase(server, async (database) => {
      const files = second(
        `CREATE TABLE p (id int) PARTITION BY RANGE (id);\nCREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (9);\nCREATE INDEX p1_id ON p1 (id);\nREINDEX INDEX CONCURRENTLY p1_id;\nALTER TABLE p DETACH PARTITION p1 CONCURRENTLY;\n`,
        'DROP TABLE p1, p;\n',
      )
      const run = await to2(database, files)
      expect(run.code, run.output).toBe(0)
      expect(await database.sql(`select from pg_inherits where inhrelid = 'p1'::regclass`)).toEqual([])
    }))

  test('a procedure that commits, and whose answer was lost, is in doubt until somebody resolves it', () =>
    withDatabase(server, async (database) => {
      const files = second(
        `CREATE PROCEDURE work() LANGUAGE plpgsql AS $$ BEGIN INSERT INTO t VALUES (7000, 'p'); COMMIT; PERFORM pg_sleep(2); END $$;\nCALL work();\nDROP PROCEDURE work();\n`,
      )
      const first = to2(database, files, {
        started: (child) => void until(database, 'select from t where id = 7000').then(() => child.kill('SIGKILL')),
      })
      expect((await first).signal).toBe('SIGKILL')
      const next = await to2(database, files)
      expect([next.code, next.termination]).toEqual([
        12,
        expect.objectContaining({ code: 'in-doubt', version: '2', file: '2_x.up.sql', line: 2 }),
      ])
      const resolved = await lockkeeper(['resolve', '2', '--done', '--database', database.url])
      expect([resolved.code, resolved.stdout]).toEqual([0, '2: statement 2 counts as done\n'])
      const last = await to2(database, files)
      expect(last.code, last.output).toBe(0)
      expect(await database.sql('select count(*)::int n from t where id = 7000')).toEqual([{ n: 1 }])
    }))

  test('what pg_dump writes runs as it is: guards of psql, settings, rows of COPY', () =>
    withDatabase(server, async (database) => {
      const rows = Array.from({ length: 5000 }, (_, i) => `${i + 2000}\tö;'$$\\n${i}\n`).join('')
      const files = second(
        `\\restrict abc\nSET lock_timeout = 0;\nSELECT pg_catalog.set_config('search_path', '', false);\nCOPY public.t (id, name) FROM stdin;\n${rows}\\.\nCOPY public.t (id, name) FROM stdin;\n9\t\\N\n\\.\nALTER TABLE public.t ADD note text;\n\\unrestrict abc\n`,
      )
      const run = await to2(database, files)
      expect(run.code, run.output).toBe(0)
      expect(await database.sql(`select count(*)::int n from t where name like 'ö;''$$%'`)).toEqual([{ n: 5000 }])
      const broken = await runRunner({
        url: database.url,
        target: '4',
        token: 2,
        files: {
          ...files,
          '3_y.up.sql': 'SELECT 1;',
          '3_y.down.sql': 'SELECT 1;',
          '4_z.up.sql': 'COPY public.t (id, name) FROM stdin;\n1\tx\nno number\ty\n\\.\nSELECT 2;\n',
          '4_z.down.sql': 'SELECT 1;',
        },
      })
      expect(broken.termination).toMatchObject({ version: '4', file: '4_z.up.sql', line: 1, sqlstate: '22P02' })
      expect(await applied(database)).toEqual(['1', '2', '3'])
    }))
})
