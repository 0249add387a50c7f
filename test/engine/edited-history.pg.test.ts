import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { EmbeddedPostgres } from '../../src/prove/embedded-postgres.ts'
import { newest } from '../tools/majors.ts'
import { startServer, type TestDatabase, withDatabase } from '../tools/postgres.ts'
import { lockkeeper } from '../tools/program.ts'
import { type Files, type RunnerOptions, type RunnerResult, runRunner } from '../tools/runner.ts'

/** A release: each version makes the table that its number names. */
const release = (versions: number): Files =>
  Object.fromEntries(
    Array.from({ length: versions }, (_, i) => i + 1).flatMap((n) => [
      [`${n}_x.up.sql`, `CREATE TABLE t${n} (id int);\n`],
      [`${n}_x.down.sql`, `DROP TABLE t${n};\n`],
    ]),
  )

const tablesAndVersions = async ({ sql }: TestDatabase) => ({
  tables: (await sql(`select tablename as name from pg_tables where schemaname = 'public' order by 1`)).map(
    ({ name }) => name,
  ),
  versions: (await sql('select version as name from lockkeeper.migration order by 1')).map(({ name }) => name),
})
const standing = (...numbers: readonly number[]) => ({
  tables: numbers.map((n) => `t${n}`),
  versions: numbers.map(String),
})

interface Edited extends TestDatabase {
  /** A rollout of a release, each with a newer token than the one before. */
  to(version: number, more?: Partial<RunnerOptions>): Promise<RunnerResult>
}

let server: EmbeddedPostgres
let stop: () => Promise<void>
beforeAll(async () => {
  ;({ server, stop } = await startServer({ major: newest }))
})
afterAll(() => stop())

/** Version 2 is applied; then somebody edits the history. */
const edited = (edit: string, use: (database: Edited) => Promise<void>): Promise<void> =>
  withDatabase(server, async (database) => {
    let token = 0
    const to: Edited['to'] = (version, more = {}) => {
      token += 1
      const env = { LOCKKEEPER_ON_ROLLBACK: 'always', LOCKKEEPER_DEADLINE: '2s' }
      const options = { url: database.url, target: String(version), token, files: release(version), ...more }
      return runRunner({ ...options, env: { ...env, ...more.env } })
    }
    expect((await to(2)).code).toBe(0)
    await database.sql(edit)
    await use({ ...database, to })
  })

const copyAs = (version: string) =>
  `insert into lockkeeper.migration select (jsonb_populate_record(m, '{"version":"${version}"}')).* from lockkeeper.migration m where version = '2'`
const begun = (detail: string) =>
  `insert into lockkeeper.journal (run, n, "set", at, event, version, done_by, detail, attempt)
   values (gen_random_uuid(), 1, 'default', now(), 'begun', '3', 'somebody', '${detail}', '00000000-0000-0000-0000-000000000001')`

describe('an edited history', () => {
  type Case = readonly [what: string, edit: string, failure: { code: string; [key: string]: unknown }, cure: string]
  test.each<Case>([
    [
      'a version in another form',
      `update lockkeeper.migration set version = '2.0' where version = '2'`,
      { code: 'history-untrusted', message: expect.stringContaining('version 2 is written as 2.0') },
      `UPDATE "lockkeeper".migration SET version = '2' WHERE "set" = 'default' AND version = '2.0'`,
    ],
    [
      'a version with leading zeros beside the real one',
      copyAs('02'),
      { code: 'history-untrusted', message: expect.stringContaining('version 2 is written as 02') },
      `DELETE FROM "lockkeeper".migration WHERE "set" = 'default' AND version = '02'`,
    ],
    [
      'two rows of state',
      `alter table lockkeeper.state drop constraint state_pkey; insert into lockkeeper.state select * from lockkeeper.state`,
      { code: 'history-untrusted', message: expect.stringContaining('lockkeeper.state has more than one row') },
      `DELETE FROM "lockkeeper".state a USING "lockkeeper".state b WHERE a."set" = b."set" AND (a.epoch, a.ctid) < (b.epoch, b.ctid); ALTER TABLE "lockkeeper".state ADD PRIMARY KEY ("set")`,
    ],
    [
      'a column of another type',
      `alter table lockkeeper.requirement alter token type text`,
      { code: 'history-untrusted' },
      `alter table lockkeeper.requirement alter token type bigint using token::bigint`,
    ],
    [
      'a version that was taken out',
      `delete from lockkeeper.migration where version = '2'`,
      { code: 'migration-failed', version: '2', file: '2_x.up.sql', sqlstate: '42P07' },
      'drop table t2',
    ],
    [
      'a version that was taken out below another',
      `create schema saved; create table saved.m as select * from lockkeeper.migration where version = '1';
       delete from lockkeeper.migration where version = '1'`,
      { code: 'out-of-order', message: expect.stringContaining('version 1 was never applied') },
      'insert into lockkeeper.migration select * from saved.m',
    ],
    [
      'a version that nobody applied',
      copyAs('3'),
      { code: 'migration-changed', version: '3' },
      `delete from lockkeeper.migration where version = '3'`,
    ],
    [
      'a version that is none',
      `update lockkeeper.migration set version = 'two' where version = '2'`,
      { code: 'out-of-order', message: expect.stringContaining('two above it') },
      `update lockkeeper.migration set version = '2' where version = 'two'`,
    ],
    [
      'another checksum',
      `update lockkeeper.migration set up_checksum = repeat('0', 64) where version = '2'`,
      { code: 'migration-changed', version: '2', file: '2_x.up.sql' },
      `delete from lockkeeper.migration where version = '2'; drop table t2`,
    ],
    [
      'a column less',
      'alter table lockkeeper.migration drop floor',
      {
        code: 'history-untrusted',
        message: expect.stringContaining('floor'),
        fix: expect.stringContaining('history-ddl'),
      },
      'alter table lockkeeper.migration add floor text',
    ],
    [
      'an epoch that is no count',
      'alter table lockkeeper.state alter epoch type text',
      { code: 'history-untrusted', message: expect.stringContaining('epoch') },
      'alter table lockkeeper.state alter epoch type bigint using epoch::bigint',
    ],
    [
      'a table to keep that is none',
      `update lockkeeper.state set keeps = 'schema_migrations'`,
      { code: 'history-untrusted', fix: expect.stringContaining('SET keeps = NULL') },
      'update lockkeeper.state set keeps = null',
    ],
    [
      'a table to keep without a name',
      `update lockkeeper.state set keeps = '{"tool":"goose","table":{}}'`,
      { code: 'history-untrusted', fix: expect.stringContaining('SET keeps = NULL') },
      'update lockkeeper.state set keeps = null',
    ],
    [
      'a journal that cannot be read',
      begun('{broken'),
      { code: 'history-untrusted', version: '3', fix: expect.stringContaining('00000000-0000-0000-0000-000000000001') },
      `delete from lockkeeper.journal where attempt = '00000000-0000-0000-0000-000000000001'`,
    ],
    [
      'a layout of another major',
      `update lockkeeper.state set layout = '2.0'`,
      { code: 'history-too-new', fix: expect.stringContaining('runner image') },
      `update lockkeeper.state set layout = '1.0'`,
    ],
    [
      'a layout that is none',
      `update lockkeeper.state set layout = ''`,
      { code: 'history-too-new' },
      `update lockkeeper.state set layout = '1.0'`,
    ],
  ])('with %s moves nothing, says what is wrong, and goes on when it is put right', (_, edit, failure, cure) =>
    edited(edit, async (database) => {
      const before = await tablesAndVersions(database)
      const run = await database.to(3)
      expect(run.termination, run.output).toMatchObject(failure)
      expect(String(run.termination?.fix).length).toBeGreaterThan(5)
      expect(await tablesAndVersions(database)).toEqual(before)
      await database.sql(cure)
      const again = await database.to(3)
      expect(again.code, again.output).toBe(0)
      expect(await tablesAndVersions(database)).toEqual(standing(1, 2, 3))
    }),
  )
})

describe('an edited down script', () => {
  const script = (value: string) => `update lockkeeper.migration set down_script = ${value} where version = '2'`
  test.each([
    ['that is no script', script(`'\\x0102'`)],
    ['that ends too soon', script('substr(down_script, 1, 15)')],
    ['that is another one', script(`(select up_script from lockkeeper.migration where version = '1')`)],
  ])('%s is not run; what the message says makes it whole again', (_, edit) =>
    edited(edit, async (database) => {
      const back = await database.to(1)
      expect([back.code, back.termination]).toEqual([
        12,
        expect.objectContaining({ code: 'history-untrusted', version: '2', file: '2_x.down.sql' }),
      ])
      expect(await tablesAndVersions(database)).toEqual(standing(1, 2))
      const [cure = ''] = String(back.termination?.fix).split(';')
      await database.sql(cure)
      expect((await database.to(2)).code).toBe(0)
      expect((await database.to(1)).code).toBe(0)
      expect(await tablesAndVersions(database)).toEqual(standing(1))
    }),
  )

  test('that was taken out makes its version one without a way back, and the run ends', () =>
    edited(script('null'), async (database) => {
      const back = await database.to(1)
      expect(back.termination, back.output).toMatchObject({
        code: 'rollback-impossible',
        message: expect.stringContaining('version 2'),
      })
      expect((await database.to(2)).code).toBe(0)
      expect((await database.to(1)).code).toBe(0)
      expect(await tablesAndVersions(database)).toEqual(standing(1))
    }))
})

test('no pod takes a stamp of before for one of now when somebody took the row with the epoch', () =>
  edited('select 1', async (database) => {
    const { to, sql } = database
    const job = { workload: 'shop/Job/report', token: 1 }
    expect((await to(2, job)).code).toBe(0)
    const [{ stamp } = {}] = await sql<{ stamp: string }>(
      `select stamp from lockkeeper.requirement where workload = 'shop/Job/report'`,
    )
    await sql('delete from lockkeeper.state')
    // One change less, and the epoch would be that of the stamp.
    for (const version of [2, 1, 0]) expect((await to(version)).code).toBe(0)
    expect(Number(stamp)).toBe(3)
    expect((await to(2, job)).code).toBe(0)
    expect(await tablesAndVersions(database)).toEqual(standing(1, 2))
  }))

test('a newer layout of the same major only adds: an older program goes up and down on it', () =>
  edited(
    `update lockkeeper.state set layout = '1.7';
     ${['migration', 'journal', 'requirement', 'state'].map((table) => `alter table lockkeeper.${table} add later text, add counted int not null default 0;`).join('\n')}
     create table lockkeeper.later (id int primary key)`,
    async (database) => {
      for (const version of [3, 1, 3]) expect((await database.to(version)).code).toBe(0)
      expect(await tablesAndVersions(database)).toEqual(standing(1, 2, 3))
      expect((await lockkeeper(['history', '--database', database.url])).code).toBe(0)
    },
  ))

/** A jump of the server's clock cannot be made here; the times that it would have left in the history can. */
describe('a clock that jumps', () => {
  test.each([
    ['forward and back again', `'2999-01-01'`],
    ['to the end of time', `'infinity'`],
    ['back', `'1970-01-01'`],
    ['to its beginning', `'-infinity'`],
  ])('%s changes nothing that is decided', (_, time) =>
    edited(
      `update lockkeeper.migration set applied_at = ${time}; update lockkeeper.journal set at = ${time}; update lockkeeper.requirement set last_seen = ${time}`,
      async (database) => {
        for (const version of [2, 3, 1, 3]) {
          const run = await database.to(version)
          expect(run.code, run.output).toBe(0)
        }
        expect(await tablesAndVersions(database)).toEqual(standing(1, 2, 3))
        const history = await lockkeeper(['history', '-o', 'json', '--database', database.url])
        expect(JSON.parse(history.stdout)).toHaveLength(7)
      },
    ),
  )

  test('decides only how long a hold outlives its workload: too long is named and can be forgotten, too short is over', () =>
    edited('select 1', async ({ to, sql, url, ...database }) => {
      const workload = 'shop/Deployment/other'
      const env = { LOCKKEEPER_ON_ROLLBACK: 'keep', LOCKKEEPER_HOLD_GRACE: '1h' }
      const lingerUntil = async (time: string) => {
        for (const version of [2, 1]) expect((await to(version, { workload, env })).code).toBe(0)
        await sql(`update lockkeeper.requirement set lingering_until = '${time}' where lingering = '2'`)
      }
      await lingerUntil('2999-01-01')
      const held = await to(1)
      expect(held.termination, held.output).toMatchObject({
        code: 'held-by-workload',
        fix: expect.stringContaining(`forget --workload ${workload}`),
      })
      expect((await lockkeeper(['forget', '--workload', workload, '--database', url])).code).toBe(0)
      for (const version of [1, 2]) expect((await to(version)).code).toBe(0)
      await lingerUntil('1970-01-01')
      expect((await to(1)).code).toBe(0)
      expect(await tablesAndVersions({ sql, url, ...database })).toEqual(standing(1))
    }))
})
