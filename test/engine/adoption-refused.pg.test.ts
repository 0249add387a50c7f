import { setTimeout as sleep } from 'node:timers/promises'
import { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { tools } from '../../src/engine/adoption/tools.ts'
import { historyDdl } from '../../src/history/ddl.ts'
import type { EmbeddedPostgres } from '../../src/prove/embedded-postgres.ts'
import { majors } from '../tools/majors.ts'
import { startServer } from '../tools/postgres.ts'
import { filesOf } from '../tools/record-adoption.ts'
import { runRunner } from '../tools/runner.ts'
import { type Files, hasHistory, inRecorded, oneMore, without } from './adoption/recorded.ts'

const chosen = majors.filter((major) => major === 15 || major === 18)

describe.each(chosen.length === 0 ? majors : chosen)('what is in the way of taking over on PostgreSQL %i', (major) => {
  let server: EmbeddedPostgres
  let stop: () => Promise<void>
  beforeAll(async () => {
    ;({ server, stop } = await startServer({ major }))
  })
  afterAll(() => stop())

  const changed = { ...filesOf.flyway, 'V1__create_orders.sql': 'CREATE TABLE other ();\n' }
  const nothing = 'select'
  test.each<[string, string, string, Files | undefined, number, RegExp]>([
    ['golang-migrate is dirty', 'golang-migrate-failed', nothing, undefined, 1, /in-doubt.*version 6.*\n.*force 6/],
    [
      'golang-migrate names a version without a file',
      'golang-migrate',
      nothing,
      without('golang-migrate', '000005'),
      2,
      /bad-config.*version 5/,
    ],
    [
      'golang-migrate has two rows',
      'golang-migrate',
      'insert into schema_migrations values (9, false)',
      undefined,
      1,
      /in-doubt.*more than one row/,
    ],
    [
      'the files are of another format',
      'golang-migrate',
      nothing,
      filesOf.goose,
      2,
      /bad-config.*golang-migrate.*goose/,
    ],
    [
      'Flyway has a failed row',
      'flyway-failed',
      nothing,
      undefined,
      1,
      /in-doubt.*version 5.*V5__fails.*\n.*flyway repair/,
    ],
    [
      'a file of Flyway is not what ran',
      'flyway',
      nothing,
      changed,
      1,
      /migration-changed.*V1__create_orders.*\n.*flyway repair/,
    ],
    [
      'DBDeploy began a change',
      'dbdeploy',
      'alter table changelog alter complete_dt drop not null; update changelog set complete_dt = null where change_number = 5',
      undefined,
      1,
      /in-doubt.*change 5/,
    ],
    [
      'dbmate has what is no version',
      'dbmate',
      `insert into schema_migrations values ('abc')`,
      undefined,
      2,
      /bad-config.*"abc"/,
    ],
    [
      'dbmate has one number twice',
      'dbmate',
      `insert into schema_migrations values ('020240101120000')`,
      undefined,
      2,
      /bad-config.*two versions/,
    ],
    [
      'two tools were here',
      'goose',
      'create table changelog (change_number int, complete_dt timestamp, applied_by text, description text)',
      undefined,
      2,
      /bad-config.*changelog of DBDeploy.*\n.*--from dbdeploy, or lockkeeper adopt --from goose/,
    ],
    [
      'there is no table of a tool',
      'goose',
      'drop table goose_db_version',
      undefined,
      2,
      /bad-config.*\n.*adopt --at VERSION/,
    ],
  ])('%s: refused with the cure, and nothing is changed', (_, fixture, sql, files, code, message) =>
    inRecorded(server, fixture, async (database) => {
      await database.sql(sql)
      const refused = await database.run('adopt', files)
      expect(refused.stderr).toMatch(message)
      expect(refused.code).toBe(code)
      expect(await hasHistory(database)).toBe(false)
    }),
  )

  test('a table that may not be read is refused with the grant', () =>
    inRecorded(server, 'goose', async ({ run, sql, name, urlFor }) => {
      await sql(`create role reader login; grant create on database ${name} to reader`)
      const { stderr } = await run(`adopt --database ${urlFor('reader')}`)
      expect(stderr).toMatch(/no-rights.*goose_db_version.*\n.*GRANT SELECT ON "public"."goose_db_version"/)
    }))

  test('a pod is refused beside a table of a tool, with the ways out, and takes over where the namespace allows it', () =>
    inRecorded(server, 'golang-migrate', async (database) => {
      const files = { ...filesOf['golang-migrate'], ...oneMore['golang-migrate'].files }
      const refused = await runRunner({ url: database.url, target: '6', files })
      expect(refused.termination).toMatchObject({ code: 'history-missing' })
      expect(refused.termination?.message).toContain('public.schema_migrations of golang-migrate')
      expect(refused.termination?.fix).toMatch(/lockkeeper adopt --from golang-migrate.*lockkeeper\.dev\/allow-adopt/)
      expect(await hasHistory(database)).toBe(false)
      const allowed = await runRunner({
        url: database.url,
        target: '6',
        files,
        env: { LOCKKEEPER_ALLOW_ADOPT: 'true' },
      })
      expect(allowed.code, allowed.output).toBe(0)
      expect(allowed.events.filter(({ event }) => event === 'applying')).toHaveLength(1)
      expect(await database.sql('select count(*)::int as rows from lockkeeper.migration')).toEqual([{ rows: 6 }])
    }))

  test('where the tables were made before, by hand or by a run that was killed, nothing begins beside a tool either', () =>
    inRecorded(server, 'golang-migrate', async ({ url, sql }) => {
      await sql(historyDdl({ schema: 'lockkeeper', readers: [] }))
      const at5 = { url, target: '5', files: filesOf['golang-migrate'] }
      expect((await runRunner(at5)).termination).toMatchObject({ code: 'history-missing' })
      const allowed = await runRunner({ ...at5, env: { LOCKKEEPER_ALLOW_ADOPT: 'true' } })
      expect(allowed.code, allowed.output).toBe(0)
      const files = { '1_bills.up.sql': 'CREATE TABLE bills ();', '1_bills.down.sql': 'DROP TABLE bills;' }
      const other = await runRunner({ url, target: '1', files, workload: 'a/Job/b', env: { LOCKKEEPER_SET: 'bills' } })
      expect(other.code, other.output).toBe(0)
    }))

  const locking = tools.flatMap((tool) =>
    tool.lockKeys({ schema: 'public', name: tool.tableNames[0] ?? '' }, 'DB').map((_, i) => [tool.name, i] as const),
  )
  test.each(locking)('%s: while its lock (%i) is held, a run waits and says who has it, then takes over', (name, i) =>
    inRecorded(server, name, async (database) => {
      const tool = tools.find((each) => each.name === name)
      const table = { schema: 'public', name: tool?.tableNames[0] ?? '' }
      const holder = new Client({ connectionString: database.url, application_name: 'the tool itself' })
      await holder.connect()
      await holder.query(`select pg_advisory_lock(${tool?.lockKeys(table, database.name)[i]})`)
      const adopting = database.run('adopt')
      while ((await database.sql(`select from pg_locks where locktype = 'advisory' and objsubid = 2`)).length === 0)
        await sleep(20)
      await sleep(300)
      expect((await database.run('adopt --dry-run')).stderr).toMatch(/in-doubt: the tool itself .*\n.*wait until/)
      expect(await hasHistory(database)).toBe(false)
      await holder.end()
      const { code, stderr } = await adopting
      expect(stderr).toContain(`the tool itself (pid`)
      expect(stderr).toContain(`holds the lock of ${tool?.title}`)
      expect(code).toBe(0)
    }),
  )

  test('the wait for it ends at the deadline', () =>
    inRecorded(server, 'flyway', async ({ run, url, sql }) => {
      const holder = new Client({ connectionString: url })
      await holder.connect()
      await holder.query('begin; select pg_advisory_xact_lock(77433833903597)')
      const { code, stderr } = await run('adopt --deadline 600ms')
      await holder.end()
      expect(code).toBe(1)
      expect(stderr).toMatch(/deadline: .*holds the lock of Flyway/)
      expect(await sql(`select from pg_namespace where nspname = 'lockkeeper'`)).toEqual([])
    }))
})
