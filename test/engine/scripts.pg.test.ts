import { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { EmbeddedPostgres } from '../../src/prove/embedded-postgres.ts'
import { majors, testAtEnds } from '../tools/majors.ts'
import { startServer, withDatabase } from '../tools/postgres.ts'
import { type Files, runRunner } from '../tools/runner.ts'

const pair = (up: string, down = 'SELECT 1;\n'): Files => ({ '1_x.up.sql': up, '1_x.down.sql': down })

describe.each(majors)('scripts on PostgreSQL %i', (major) => {
  let server: EmbeddedPostgres
  let stop: () => Promise<void>
  beforeAll(async () => {
    ;({ server, stop } = await startServer({ major, settings: ['deadlock_timeout = 300ms'] }))
  })
  afterAll(() => stop())
  const testEnds = testAtEnds(major)

  const refused: [string, string, Record<string, unknown>][] = [
    [
      'a syntax error',
      'CREATE TABLE a (id int);\nSELEC 1;\n',
      { code: 'migration-failed', line: 2, sqlstate: '42601' },
    ],
    [
      'an error at run time',
      'CREATE TABLE a (id int);\n\nSELECT 1/0;\n',
      { code: 'migration-failed', line: 3, sqlstate: '22012' },
    ],
    ['an error behind characters beyond the BMP', "SELECT '😀😀';\nSELECT nothing;\n", { line: 2, sqlstate: '42703' }],
    [
      'a commit in the middle',
      'CREATE TABLE a (id int);\nCOMMIT;\nSELECT 1;\n',
      { code: 'transaction-control', line: 2 },
    ],
    [
      'a statement that no transaction may hold, in one,',
      'BEGIN;\nVACUUM;\nCOMMIT;\n',
      { code: 'transaction-control', line: 2 },
    ],
    [
      'a released lock',
      'CREATE TABLE a (id int);\nDO $$ BEGIN PERFORM pg_advisory_unlock_all(); END $$;\n',
      { code: 'migration-failed', sqlstate: 'LK003' },
    ],
    [
      'the history dropped in the middle',
      'CREATE TABLE a (id int);\nDROP SCHEMA lockkeeper CASCADE;\n',
      { code: 'migration-failed', sqlstate: '42P01' },
    ],
    [
      'a quote that is never closed',
      "CREATE TABLE a (id int);\nSELECT 'open;\n",
      { code: 'source-unreadable', line: 2 },
    ],
    [
      'a deferred constraint that fails at the commit',
      'CREATE TABLE a (id int UNIQUE DEFERRABLE INITIALLY DEFERRED);\nINSERT INTO a VALUES (1), (1);\n',
      { code: 'migration-failed', sqlstate: '23505' },
    ],
    [
      'an index built concurrently in a string',
      "CREATE TABLE a (id int);\nDO $$ BEGIN EXECUTE 'create index concurrently on a (id)'; END $$;\n",
      { line: 2, sqlstate: '25001' },
    ],
    [
      'COPY whose rows never end',
      'CREATE TABLE a (id int);\nCOPY a FROM STDIN;\n1\n',
      { code: 'source-unreadable', line: 2 },
    ],
  ]
  const level = "CREATE TABLE a AS SELECT current_setting('transaction_isolation') AS level;\n"
  const isolated: [string, string, string][] = [
    ['in its own BEGIN', `BEGIN;\nSET TRANSACTION ISOLATION LEVEL SERIALIZABLE;\n${level}COMMIT;\n`, 'serializable'],
    ['without one', `SET TRANSACTION ISOLATION LEVEL REPEATABLE READ;\n${level}`, 'repeatable read'],
    [
      'behind other settings',
      `SET LOCAL lock_timeout = '1s';\nSET LOCAL transaction_isolation TO 'serializable';\n${level}`,
      'serializable',
    ],
    [
      'for its session',
      `SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL SERIALIZABLE;\n${level}`,
      'serializable',
    ],
  ]
  test.each(isolated)('an isolation level that a script sets %s holds for all of it, up and down', (_, up, expected) =>
    withDatabase(server, async (database) => {
      const down = up.replace(
        level,
        () => 'DROP TABLE a;\nSELECT 1 / (current_setting($$transaction_isolation$$) <> $$read committed$$)::int;\n',
      )
      const run = await runRunner({ url: database.url, target: '1', files: pair(up, down) })
      expect(run.code, run.output).toBe(0)
      expect(await database.sql('select level from a')).toEqual([{ level: expected }])
      expect(await database.sql(`select transactional from lockkeeper.migration`)).toEqual([{ transactional: true }])
      const back = await runRunner({
        url: database.url,
        target: '0',
        token: 2,
        env: { LOCKKEEPER_ON_ROLLBACK: 'always' },
      })
      expect(back.code, back.output).toBe(0)
      expect(await database.sql(`select from pg_tables where tablename = 'a'`)).toEqual([])
      const broken = pair(`${up.replace('COMMIT;\n', '')}SELECT 1/0;\n${up.includes('COMMIT') ? 'COMMIT;\n' : ''}`)
      const failed = await runRunner({ url: database.url, target: '1', token: 3, files: broken })
      expect(failed.termination).toMatchObject({ sqlstate: '22012' })
      expect(await database.sql(`select from pg_tables where tablename = 'a'`)).toEqual([])
    }),
  )

  test.each([
    [
      'a setting of the transaction that comes too late',
      `SELECT set_config('transaction_isolation', 'serializable', true);\n`,
    ],
    [
      'a function that commits',
      'CREATE FUNCTION f() RETURNS void LANGUAGE plpgsql AS $$ BEGIN COMMIT; END $$;\nSELECT f();\n',
    ],
  ])('%s is no reason to run a script without its transaction', (_, rest) =>
    withDatabase(server, async (database) => {
      const run = await runRunner({ url: database.url, target: '1', files: pair(`CREATE TABLE a (id int);\n${rest}`) })
      expect(run.termination).toMatchObject({ code: 'migration-failed', file: '1_x.up.sql' })
      expect(await database.sql(`select from pg_tables where tablename = 'a'`)).toEqual([])
    }),
  )

  test('a script that takes its connection down is tried three times, and named', () =>
    withDatabase(server, async (database) => {
      const up = 'CREATE TABLE a (id int);\nSELECT pg_terminate_backend(pg_backend_pid());\n'
      const run = await runRunner({ url: database.url, target: '1', files: pair(up) })
      expect([run.code, run.termination]).toEqual([
        10,
        expect.objectContaining({ code: 'migration-failed', version: '1', file: '1_x.up.sql' }),
      ])
      expect(run.events.filter(({ event }) => event === 'applying')).toHaveLength(3)
      expect(await database.sql(`select from pg_tables where tablename = 'a'`)).toEqual([])
    }))

  test.each(['requirement', 'state'])('a lock on the table %s is waited for aloud, and until the deadline', (table) =>
    withDatabase(server, async (database) => {
      const options = { url: database.url, target: '1', files: pair('CREATE TABLE a (id int);\n') }
      await runRunner(options)
      const other = new Client({ connectionString: database.url })
      await other.connect()
      await other.query(`begin; lock table lockkeeper.${table} in access exclusive mode`)
      const run = await runRunner({ ...options, env: { LOCKKEEPER_DEADLINE: '3s' } })
      await other.end()
      expect([run.code, run.termination?.code], run.output).toEqual([11, 'deadline'])
      expect(run.events.find(({ event }) => event === 'waiting')?.message).toContain('locked a table of the history')
      expect((await runRunner(options)).code).toBe(0)
    }),
  )

  test('a server that lacks something is no fault of the script', () =>
    withDatabase(server, async (database) => {
      const up = "DO $$ BEGIN RAISE 'could not extend file: no space left on device' USING ERRCODE = '53100'; END $$;\n"
      const run = await runRunner({ url: database.url, target: '1', files: pair(up) })
      expect(run.termination).toMatchObject({ code: 'migration-failed', sqlstate: '53100', version: '1' })
      expect(run.termination?.fix).toMatch(/room.*the script needs no change/)
    }))

  test('strings end where the server ends them, whatever the role says of backslashes', () =>
    withDatabase(server, async (database) => {
      await database.sql(
        `create role cautious login superuser; alter role cautious in database ${database.name} set standard_conforming_strings = off`,
      )
      const up =
        "CREATE TABLE a (t text);\nINSERT INTO a VALUES ('\\'), (E'x' -- it's; \n -- y\n '\\'; z');\nSELECT E'a'\n'\\'; COMMIT; --';\n"
      const run = await runRunner({ url: database.urlFor('cautious'), target: '1', files: pair(up) })
      expect(run.code, run.output).toBe(0)
      expect(await database.sql('select t from a order by 1')).toEqual([{ t: '\\' }, { t: "x'; z" }])
      await database.sql('drop owned by cautious cascade; drop role cautious')
    }))

  test.each(refused)('%s fails with file, line and cure, and changes nothing', (_, up, expected) =>
    withDatabase(server, async (database) => {
      const run = await runRunner({ url: database.url, target: '1', files: pair(up) })
      expect(run.code, run.output).not.toBe(0)
      expect(run.termination).toMatchObject({ file: '1_x.up.sql', version: '1', ...expected })
      expect(String(run.termination?.fix).length).toBeGreaterThan(5)
      expect(await database.sql(`select from pg_tables where tablename = 'a'`)).toEqual([])
    }),
  )

  const accepted: [string, string][] = [
    [
      'its own transaction with an isolation level',
      'BEGIN ISOLATION LEVEL SERIALIZABLE;\nCREATE TABLE a (id int);\nCOMMIT;\n',
    ],
    [
      'another role and search_path',
      'SET search_path = nowhere;\nSET ROLE pg_monitor;\nRESET ROLE;\nCREATE TABLE public.a (id int);\nSET ROLE pg_monitor;\n',
    ],
    [
      'another client_encoding',
      "SET client_encoding = 'LATIN1';\nSET standard_conforming_strings = off;\nCREATE TABLE a (id int);\n",
    ],
    ['another session authorization', 'CREATE TABLE a (id int);\nSET SESSION AUTHORIZATION pg_monitor;\n'],
    [
      'a function body with its own semicolons',
      'CREATE TABLE a (id int);\nCREATE FUNCTION f() RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT 1; SELECT 2; END;\n',
    ],
    ['a million rows that nobody reads', 'CREATE TABLE a (id int);\nSELECT generate_series(1, 1000000);\n'],
    ['a BOM and CRLF', '\uFEFFCREATE TABLE a (id int);\r\n-- ü\r\n'],
    [
      'a temporary table and a cursor',
      'CREATE TABLE a (id int);\nCREATE TEMP TABLE b (id int);\nDECLARE c CURSOR WITH HOLD FOR SELECT 1;\n',
    ],
  ]
  test.each(accepted)('a script with %s runs, and is recorded in its own transaction', (_, up) =>
    withDatabase(server, async (database) => {
      const files = {
        ...pair(up, 'DROP TABLE a;\n'),
        '2_y.up.sql': 'CREATE TABLE b2 (id int);\n',
        '2_y.down.sql': 'DROP TABLE b2;\n',
      }
      const run = await runRunner({ url: database.url, target: '2', files })
      expect(run.code, run.output).toBe(0)
      expect(
        await database.sql(
          `select tablename from pg_tables where tablename in ('a', 'b2') and schemaname = 'public' order by 1`,
        ),
      ).toHaveLength(2)
      const owners = await database.sql(`select distinct applied_by from lockkeeper.migration`)
      expect(owners).toEqual([{ applied_by: 'postgres' }])
    }),
  )

  testEnds('behind a reader: the lock wait is bounded, tried again, and the log names the reader', () =>
    withDatabase(server, async (database) => {
      await database.sql('create table busy (id int)')
      const reader = new Client({ connectionString: database.url, application_name: 'the reader' })
      await reader.connect()
      await reader.query('begin; select * from busy')
      const running = runRunner({
        url: database.url,
        target: '1',
        files: pair('ALTER TABLE busy ADD note text;\n'),
        env: { LOCKKEEPER_LOCK_TIMEOUT: '100ms', LOCKKEEPER_ADOPT_AT: '0' },
      })
      await new Promise((resolve) => setTimeout(resolve, 2500))
      await reader.query('commit')
      const run = await running
      await reader.end()
      expect(run.code, run.output).toBe(0)
      const retries = run.events.filter(({ event }) => event === 'retrying').map(({ message }) => message ?? '')
      expect(retries.length).toBeGreaterThan(1)
      expect(retries[0]).toContain('55P03')
      expect(retries.slice(1).some((message) => message.includes('the reader'))).toBe(true)
    }),
  )

  testEnds('a reader that stays until the deadline: exit 11, and nothing has changed', () =>
    withDatabase(server, async (database) => {
      await database.sql('create table busy (id int)')
      const reader = new Client({ connectionString: database.url })
      await reader.connect()
      await reader.query('begin; select * from busy')
      const run = await runRunner({
        url: database.url,
        target: '1',
        files: pair('ALTER TABLE busy ADD note text;\n'),
        env: { LOCKKEEPER_LOCK_TIMEOUT: '50ms', LOCKKEEPER_DEADLINE: '1s', LOCKKEEPER_ADOPT_AT: '0' },
      })
      await reader.end()
      expect(run.code).toBe(11)
      expect(run.termination).toMatchObject({ code: 'deadline', file: '1_x.up.sql' })
    }),
  )

  testEnds('a pod of the release that is live starts while another run holds the lock', () =>
    withDatabase(server, async (database) => {
      const first = pair('CREATE TABLE a (id int);\n', 'DROP TABLE a;\n')
      await runRunner({ url: database.url, target: '1', files: first })
      const second = { ...first, '2_slow.up.sql': 'SELECT pg_sleep(3);\n', '2_slow.down.sql': 'SELECT 1;\n' }
      const slow = runRunner({ url: database.url, target: '2', token: 2, files: second })
      await new Promise((resolve) => setTimeout(resolve, 1500))
      const old = await runRunner({ url: database.url, target: '1', token: 1, files: first })
      expect(old.code, old.output).toBe(0)
      expect(old.events.map(({ event }) => event)).not.toContain('locked')
      expect((await slow).code).toBe(0)
    }),
  )

  test('mounted files that differ from the admitted ones run when they pass the same checks, and are refused under a stricter policy', () =>
    withDatabase(server, async (database) => {
      const broken = pair('CREATE TABL a (id int);\n', 'DROP TABLE a;\n')
      const fixed = pair('CREATE TABLE a (id int);\n', 'DROP TABLE a;\n')
      expect((await runRunner({ url: database.url, target: '1', files: broken })).code).toBe(10)
      const digest = { LOCKKEEPER_DIGEST: 'v1:of-the-broken-files' }
      const strict = await runRunner({
        url: database.url,
        target: '1',
        files: fixed,
        env: { ...digest, LOCKKEEPER_ROLLBACK_POLICY: 'proven' },
      })
      expect(strict.termination).toMatchObject({ code: 'files-changed' })
      const nothingBack = await runRunner({
        url: database.url,
        target: '1',
        files: { '1_x.up.sql': 'CREATE TABLE a (id int);' },
        env: digest,
      })
      expect(nothingBack.termination).toMatchObject({ code: 'rollback-missing' })
      expect((await runRunner({ url: database.url, target: '1', files: fixed, env: digest })).code).toBe(0)
      expect(await database.sql(`select event from lockkeeper.journal where event = 'files-rechecked'`)).toHaveLength(1)
    }))

  test('files that the webhook knew only by a catalogue pass the checks of the way back in the runner', () =>
    withDatabase(server, async (database) => {
      const empty = pair('CREATE TABLE a (id int);\n', '-- nothing\n')
      const catalogue = { LOCKKEEPER_CATALOGUE: 'true' }
      const refused = await runRunner({ url: database.url, target: '1', files: empty, env: catalogue })
      expect(refused.termination).toMatchObject({ code: 'rollback-empty', version: '1' })
      expect(await database.sql(`select from pg_tables where tablename = 'a'`)).toEqual([])
      const off = { ...catalogue, LOCKKEEPER_ROLLBACK_POLICY: 'off' }
      expect((await runRunner({ url: database.url, target: '1', files: empty, env: off })).code).toBe(0)
    }))

  test('an applied script that was edited is refused before anything moves', () =>
    withDatabase(server, async (database) => {
      await runRunner({ url: database.url, target: '1', files: pair('CREATE TABLE a (id int);\n', 'DROP TABLE a;\n') })
      const edited = {
        ...pair('CREATE TABLE a (id bigint);\n', 'DROP TABLE a;\n'),
        '2_y.up.sql': 'CREATE TABLE b (id int);\n',
        '2_y.down.sql': 'DROP TABLE b;\n',
      }
      const run = await runRunner({ url: database.url, target: '2', token: 2, files: edited })
      expect(run.code).toBe(12)
      expect(run.termination).toMatchObject({ code: 'migration-changed', version: '1', file: '1_x.up.sql' })
      expect(await database.sql(`select from pg_tables where tablename = 'b'`)).toEqual([])
    }))
})
