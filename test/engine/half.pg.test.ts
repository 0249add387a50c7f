import { setTimeout as sleep } from 'node:timers/promises'
import { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { EmbeddedPostgres } from '../../src/prove/embedded-postgres.ts'
import { ends } from '../tools/majors.ts'
import { startServer, type TestDatabase, withDatabase } from '../tools/postgres.ts'
import { type Files, type RunnerOptions, runRunner } from '../tools/runner.ts'

const table: Files = {
  '1_t.up.sql': 'CREATE TABLE t (id int, note text);\nINSERT INTO t VALUES (1), (1);\n',
  '1_t.down.sql': 'DROP TABLE t;\n',
}
const second = (up: string, down = 'DROP INDEX CONCURRENTLY IF EXISTS i;\n'): Files => ({
  ...table,
  '2_x.up.sql': up,
  '2_x.down.sql': down,
})
const always = { LOCKKEEPER_ON_ROLLBACK: 'always' }
const build = 'CREATE INDEX CONCURRENTLY i ON t (id);\n'
/** What writes of an older release may fail on. */
const binding = 'CREATE UNIQUE INDEX CONCURRENTLY i ON t (note);\n'

const applied = async ({ sql }: TestDatabase) =>
  (await sql<{ version: string }>(`select version from lockkeeper.migration order by 1`)).map(({ version }) => version)
const indexes = async ({ sql }: TestDatabase) =>
  (await sql<{ name: string }>(`select indexname as name from pg_indexes where tablename = 't' order by 1`)).map(
    ({ name }) => name,
  )

/** A transaction that has written to t, for which a concurrent build or drop has to wait. */
async function writer({ url }: TestDatabase): Promise<Client> {
  const client = new Client({ connectionString: url })
  await client.connect()
  client.on('error', () => undefined) // A test that fails leaves it open until the server stops.
  await client.query(`begin; insert into t values (0, 'busy')`)
  return client
}

async function waiting({ sql }: TestDatabase): Promise<void> {
  const runs = `select from pg_stat_activity where application_name like 'lockkeeper%' and query ~* '^(create|drop).*concurrently' and state = 'active' and datname = current_database()`
  for (let i = 0; i < 400; i++) {
    if ((await sql(runs)).length > 0) return
    await sleep(25)
  }
  throw new Error('no statement ever waited')
}

describe.each(ends)('a step that runs statement by statement, half done, on PostgreSQL %i', (major) => {
  let server: EmbeddedPostgres
  let stop: () => Promise<void>
  beforeAll(async () => {
    ;({ server, stop } = await startServer({ major }))
  })
  afterAll(() => stop())
  const to = (
    database: TestDatabase,
    target: string,
    token: number,
    files?: Files,
    more: Partial<RunnerOptions> = {},
  ) => runRunner({ url: database.url, target, token, files, ...more })
  const kill = (database: TestDatabase, signal: NodeJS.Signals): Partial<RunnerOptions> => ({
    started: (child) => void waiting(database).then(() => child.kill(signal)),
  })

  test('an undo during it is no start: the older release waits, and takes it down once it is there', () =>
    withDatabase(server, async (database) => {
      await to(database, '1', 1, table)
      const busy = await writer(database)
      const forward = to(database, '2', 2, second(binding))
      await waiting(database)
      const undo = await to(database, '1', 3, table, { env: { LOCKKEEPER_DEADLINE: '1s' } })
      expect([undo.code, undo.termination]).toEqual([
        12,
        expect.objectContaining({ code: 'schema-ahead-incompatible' }),
      ])
      await busy.end()
      await forward
      expect(await applied(database)).toEqual(['1', '2'])
      const back = await to(database, '1', 4, undefined, { env: always })
      expect(back.code, back.output).toBe(0)
      expect([await applied(database), await indexes(database)]).toEqual([['1'], []])
    }))

  test('killed on its way up, it is taken back by the script that it brought along, and comes up again', () =>
    withDatabase(server, async (database) => {
      await to(database, '1', 1, table)
      const busy = await writer(database)
      const files = second(
        `CREATE TABLE u (id int);\n${binding}`,
        'DROP INDEX CONCURRENTLY IF EXISTS i;\nDROP TABLE u;\n',
      )
      expect((await to(database, '2', 2, files, kill(database, 'SIGKILL'))).signal).toBe('SIGKILL')
      const kept = await to(database, '1', 3, table, { env: { LOCKKEEPER_DEADLINE: '1s' } })
      expect(kept.termination).toMatchObject({ code: 'schema-ahead-incompatible' })
      await busy.end()
      const back = await to(database, '1', 4, undefined, { env: always })
      expect(back.code, back.output).toBe(0)
      expect(await database.sql(`select from pg_tables where tablename = 'u'`)).toEqual([])
      expect([await applied(database), await indexes(database)]).toEqual([['1'], []])
      const again = await to(database, '2', 5, files)
      expect(again.code, again.output).toBe(0)
      expect([await applied(database), await indexes(database)]).toEqual([['1', '2'], ['i']])
      expect(await database.sql('select version from lockkeeper.migration order by 1')).toHaveLength(2)
    }))

  test('half of what suits the older release stays, with a warning', () =>
    withDatabase(server, async (database) => {
      await to(database, '1', 1, table)
      const busy = await writer(database)
      await to(database, '2', 2, second(build), kill(database, 'SIGKILL'))
      await busy.end()
      const back = await to(database, '1', 3, table)
      expect([back.code, back.output]).toEqual([0, expect.stringContaining('version 2 was begun and is not finished')])
      const again = await to(database, '2', 4, second(build))
      expect(again.code, again.output).toBe(0)
      expect([await applied(database), await indexes(database)]).toEqual([['1', '2'], ['i']])
    }))

  test('forward again while its way down is half done: that is finished first', () =>
    withDatabase(server, async (database) => {
      const files = second(`${build}CREATE TABLE u (id int);\n`, 'DROP TABLE u;\nDROP INDEX CONCURRENTLY i;\n')
      await to(database, '2', 1, files)
      const busy = await writer(database)
      const down = await to(database, '1', 2, undefined, { env: always, ...kill(database, 'SIGKILL') })
      expect(down.signal).toBe('SIGKILL')
      await busy.end()
      const again = await to(database, '2', 3, files)
      expect(again.code, again.output).toBe(0)
      expect([await applied(database), await indexes(database)]).toEqual([['1', '2'], ['i']])
      expect(await database.sql(`select from pg_tables where tablename = 'u'`)).toHaveLength(1)
    }))

  test.each<[string, string, string, boolean]>([
    ['a column that is missing', 'CREATE INDEX CONCURRENTLY i ON t (nothing);\n', build, false],
    ['a value that is there twice', 'CREATE UNIQUE INDEX CONCURRENTLY i ON t (id);\n', build, false],
    ['one that is taken out', 'CREATE UNIQUE INDEX CONCURRENTLY i ON t (id);\n', 'CREATE INDEX i ON t (id);\n', true],
    [
      'another one before it',
      'CREATE INDEX CONCURRENTLY i ON t (a);\n',
      'ALTER TABLE t ADD a int;\nCREATE INDEX CONCURRENTLY i ON t (a);\n',
      false,
    ],
    [
      'another concurrent one before it',
      'CREATE INDEX CONCURRENTLY i ON t (a);\n',
      `CREATE INDEX CONCURRENTLY h ON t (note);\n${build}`,
      false,
    ],
    [
      'one behind what is done',
      `ALTER TABLE t ADD a int;\nDROP INDEX CONCURRENTLY i;\n`,
      `ALTER TABLE t ADD a int;\nDROP INDEX CONCURRENTLY IF EXISTS i;\n${build}`,
      false,
    ],
  ])('a statement that failed for sure may be corrected: %s', (_, first, corrected, whole) =>
    withDatabase(server, async (database) => {
      const failed = await to(database, '2', 1, second(first))
      expect(failed.termination, failed.output).toMatchObject({ code: 'migration-failed', version: '2' })
      const fixed = await to(database, '2', 2, second(corrected))
      expect(fixed.code, fixed.output).toBe(0)
      expect(await applied(database)).toEqual(['1', '2'])
      expect(await indexes(database)).toContain('i')
      expect(await database.sql(`select transactional from lockkeeper.migration where version = '2'`)).toEqual([
        { transactional: whole },
      ])
    }),
  )

  test('a way down that failed for sure may be corrected, too', () =>
    withDatabase(server, async (database) => {
      const files = second(build, 'DROP INDEX CONCURRENTLY nothing;\n')
      await to(database, '2', 1, files)
      const failed = await to(database, '1', 2, undefined, { env: always })
      expect(failed.termination).toMatchObject({ code: 'migration-failed', file: '2_x.down.sql' })
      const fixed = await to(database, '2', 3, second(build))
      expect(fixed.code, fixed.output).toBe(0)
      const back = await to(database, '1', 4, undefined, { env: always })
      expect(back.code, back.output).toBe(0)
      expect([await applied(database), await indexes(database)]).toEqual([['1'], []])
    }))

  test('a number whose script failed for sure can be given up, and used again', () =>
    withDatabase(server, async (database) => {
      await to(database, '2', 1, second('CREATE UNIQUE INDEX CONCURRENTLY i ON t (id);\n'))
      const back = await to(database, '1', 2, table)
      expect(back.code, back.output).toBe(0)
      const other = await to(database, '2', 3, {
        ...table,
        '2_other.up.sql': 'CREATE TABLE u (id int);\n',
        '2_other.down.sql': 'DROP TABLE u;\n',
      })
      expect(other.code, other.output).toBe(0)
      expect(await database.sql(`select name, transactional from lockkeeper.migration where version = '2'`)).toEqual([
        { name: 'other', transactional: true },
      ])
    }))

  const third: Files = { '3_v.up.sql': 'CREATE TABLE v (id int);\n', '3_v.down.sql': 'DROP TABLE v;\n' }
  const late = { LOCKKEEPER_OUT_OF_ORDER: 'true' }
  /** Killed in the concurrent build, behind a statement that stays. */
  const halfUp = async (database: TestDatabase, target: string, token: number, files: Files) => {
    const busy = await writer(database)
    const killed = await to(database, target, token, files, { env: late, ...kill(database, 'SIGKILL') })
    expect(killed.signal).toBe('SIGKILL')
    await busy.end()
  }
  const whole = second(`CREATE TABLE u (id int);\n${build}`, 'DROP INDEX CONCURRENTLY IF EXISTS i;\nDROP TABLE u;\n')
  const tables = async ({ sql }: TestDatabase) =>
    (await sql<{ name: string }>(`select tablename as name from pg_tables where schemaname = 'public' order by 1`)).map(
      ({ name }) => name,
    )

  test('half up below what is applied it is finished, before anybody asks for its order', () =>
    withDatabase(server, async (database) => {
      await to(database, '3', 1, { ...table, ...third })
      await halfUp(database, '3', 2, { ...whole, ...third })
      const again = await to(database, '3', 3, { ...whole, ...third })
      expect(again.code, again.output).toBe(0)
      expect([await applied(database), await indexes(database)]).toEqual([['1', '2', '3'], ['i']])
    }))

  test('half up it is finished though it breaks a workload that came meanwhile', () =>
    withDatabase(server, async (database) => {
      await to(database, '1', 1, table)
      const breaking = { ...whole, '2_x.up.sql': `-- lockkeeper: floor 2\n${whole['2_x.up.sql']}` }
      await halfUp(database, '2', 2, breaking)
      const neighbour = await to(database, '1', 1, table, { workload: 'shop/Deployment/b' })
      expect(neighbour.code, neighbour.output).toBe(0)
      const again = await to(database, '2', 3, breaking)
      expect(again.code, again.output).toBe(0)
      expect([await applied(database), await indexes(database)]).toEqual([['1', '2'], ['i']])
    }))

  test.each([
    ['before the next one comes', [] as string[]],
    ['though the next one is there', ['3']],
  ])('half up and gone from the files it is taken back by the script that it brought along, %s', (_, before) =>
    withDatabase(server, async (database) => {
      await to(database, before[0] ?? '1', 1, { ...table, ...(before.length > 0 && third) })
      await halfUp(database, before[0] ?? '2', 2, { ...whole, ...(before.length > 0 && third) })
      const next = await to(database, '3', 3, { ...table, ...third })
      expect(next.code, next.output).toBe(0)
      expect(next.events).toContainEqual(expect.objectContaining({ event: 'reverted', version: '2' }))
      expect([await applied(database), await indexes(database)]).toEqual([['1', '3'], []])
      expect(await tables(database)).toEqual(['t', 'v'])
    }),
  )

  test('half up, gone from the files, and without a way back it is never passed over', () =>
    withDatabase(server, async (database) => {
      const off = { LOCKKEEPER_ROLLBACK_POLICY: 'off' }
      await to(database, '1', 1, table)
      const { '2_x.down.sql': _, ...lost } = whole
      const busy = await writer(database)
      await to(database, '2', 2, lost, { env: off, ...kill(database, 'SIGKILL') })
      await busy.end()
      const refused = await to(database, '3', 3, { ...table, ...third })
      expect(refused.termination, refused.output).toMatchObject({
        code: 'in-doubt',
        message: expect.stringContaining('version 2 was begun statement by statement and is not finished'),
        fix: expect.stringMatching(/^deploy files that have version 2, .*resolve 2 --retry/),
      })
      expect(await applied(database)).toEqual(['1'])
      const finished = await to(database, '3', 4, { ...lost, ...third }, { env: off })
      expect(finished.code, finished.output).toBe(0)
      expect(await applied(database)).toEqual(['1', '2', '3'])
    }))

  test('half down and gone from the files it is taken to its end before the next one comes', () =>
    withDatabase(server, async (database) => {
      const files = second(`${build}CREATE TABLE u (id int);\n`, 'DROP TABLE u;\nDROP INDEX CONCURRENTLY i;\n')
      await to(database, '2', 1, files)
      const busy = await writer(database)
      await to(database, '1', 2, undefined, { env: always, ...kill(database, 'SIGKILL') })
      await busy.end()
      const next = await to(database, '3', 3, { ...table, ...third })
      expect(next.code, next.output).toBe(0)
      expect([await applied(database), await indexes(database)]).toEqual([['1', '3'], []])
    }))

  test.each([
    [`CREATE TABLE u (id int);\n${build}`, '1 of 2 are done and stay'],
    ['ALTER TABLE t ADD a int;\nSELECT pg_sleep(60); -- create concurrently\n', 'nothing is half done'],
  ])('who stops it in the middle is told what is there: %j', (up, said) =>
    withDatabase(server, async (database) => {
      await to(database, '1', 1, table)
      const busy = up.includes('sleep') ? undefined : await writer(database)
      const sleeping = async () => {
        while (
          (await database.sql(`select from pg_stat_activity where query ~ 'pg_sleep\\(60' and pid <> pg_backend_pid()`))
            .length === 0
        )
          await sleep(25)
      }
      const stopped = await to(database, '2', 2, second(up), {
        started: (child) =>
          void (busy === undefined ? sleeping() : waiting(database)).then(() => child.kill('SIGTERM')),
      })
      expect([stopped.code, stopped.output]).toEqual([143, expect.stringContaining(said)])
      await busy?.end()
      const next = await to(database, '2', 2, second(up.replace('60', '0')))
      expect(next.code, next.output).toBe(0)
    }),
  )
})
