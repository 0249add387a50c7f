import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { EmbeddedPostgres } from '../../src/prove/embedded-postgres.ts'
import { majors, testAtEnds } from '../tools/majors.ts'
import { startServer, type TestDatabase, withDatabase } from '../tools/postgres.ts'
import { type Files, runRunner } from '../tools/runner.ts'

/** Small steps, each of which says in the table that it ran: twice would show. */
const steps = 12
const files: Files = Object.fromEntries([
  ['1_log.up.sql', 'CREATE TABLE log (step int NOT NULL);\nINSERT INTO log VALUES (1);\n'],
  ['1_log.down.sql', 'DROP TABLE log;\n'],
  ...Array.from({ length: steps - 1 }, (_, i) => i + 2).flatMap((n) => [
    [`${n}_step.up.sql`, `INSERT INTO log VALUES (${n});\nSELECT pg_sleep(0.02);\nCREATE TABLE t${n} (id int);\n`],
    [`${n}_step.down.sql`, `DROP TABLE t${n};\nSELECT pg_sleep(0.02);\nDELETE FROM log WHERE step = ${n};\n`],
  ]),
])

async function state({ sql }: TestDatabase) {
  return {
    log: (await sql<{ step: number }>('select step from log order by step')).map(({ step }) => step),
    history: (await sql('select version from lockkeeper.migration order by version::int')).length,
    tables: (await sql(`select from pg_tables where tablename ~ '^t[0-9]+$'`)).length,
  }
}

describe.each(majors)('on PostgreSQL %i', (major) => {
  let server: EmbeddedPostgres
  let stop: () => Promise<void>
  beforeAll(async () => {
    ;({ server, stop } = await startServer({ major }))
  })
  afterAll(() => stop())
  const testEnds = testAtEnds(major)

  test('killed in the middle of a long statement: the lock is free at once and nothing is half done', () =>
    withDatabase(server, async (database) => {
      const slow = {
        '1_slow.up.sql': 'CREATE TABLE slow (id int);\nSELECT pg_sleep(2);\nINSERT INTO slow VALUES (1);\n',
        '1_slow.down.sql': 'DROP TABLE slow;\n',
      }
      const first = runRunner({
        url: database.url,
        target: '1',
        files: slow,
        started: (child) => {
          void untilSleeping(database).then(() => child.kill('SIGKILL'))
        },
      })
      expect((await first).signal).toBe('SIGKILL')
      const second = await runRunner({ url: database.url, target: '1', files: slow })
      expect(second.code, second.output).toBe(0)
      expect(await database.sql('select id from slow')).toEqual([{ id: 1 }])
      expect(await database.sql('select version from lockkeeper.migration')).toEqual([{ version: '1' }])
    }))

  test('SIGTERM cancels the running statement, rolls back and ends', () =>
    withDatabase(server, async (database) => {
      const slow = {
        '1_slow.up.sql': 'CREATE TABLE slow (id int);\nSELECT pg_sleep(60);\n',
        '1_slow.down.sql': 'DROP TABLE slow;\n',
      }
      const run = await runRunner({
        url: database.url,
        target: '1',
        files: slow,
        started: (child) => {
          void untilSleeping(database).then(() => child.kill('SIGTERM'))
        },
      })
      expect(run.code, run.output).toBe(143)
      expect(
        await database.sql(`select from pg_stat_activity where query ~ 'pg_sleep[(]60' and pid <> pg_backend_pid()`),
      ).toEqual([])
      expect(await database.sql(`select from pg_tables where tablename = 'slow'`)).toEqual([])
    }))

  test('a server that restarts in the middle: the run reconnects, finds out what happened and goes on', () =>
    withDatabase(server, async (database) => {
      const slow = {
        '1_slow.up.sql': 'CREATE TABLE slow (id int);\nSELECT pg_sleep(1);\nINSERT INTO slow VALUES (1);\n',
        '1_slow.down.sql': 'DROP TABLE slow;\n',
      }
      const running = runRunner({ url: database.url, target: '1', files: slow })
      await untilSleeping(database)
      await server.restart('immediate')
      const run = await running
      expect(run.code, run.output).toBe(0)
      expect(await database.sql('select id from slow')).toEqual([{ id: 1 }])
    }))

  test('a server that crashes between steps loses whole steps at most, and each is there once at the end', () =>
    withDatabase(server, async (database) => {
      let crash: Promise<void> | undefined
      const run = await runRunner({
        url: database.url,
        target: String(steps),
        files,
        started: (child) => {
          child.stdout?.on('data', (chunk: Buffer) => {
            const sixth = /"event":"applied".*"version":"6"/.test(chunk.toString())
            if (crash === undefined && sixth) crash = server.restart('immediate')
          })
        },
      })
      await crash
      expect(crash).toBeDefined()
      expect(run.code, run.output).toBe(0)
      expect(await state(database)).toEqual({
        log: Array.from({ length: steps }, (_, i) => i + 1),
        history: steps,
        tables: steps - 1,
      })
    }))

  testEnds('a herd of 20: all end ready, and each step ran once', () =>
    withDatabase(server, async (database) => {
      const runs = await Promise.all(
        Array.from({ length: 20 }, () =>
          runRunner({ url: database.url, target: String(steps), files, env: { LOCKKEEPER_DEADLINE: '120s' } }),
        ),
      )
      expect(runs.filter(({ code }) => code !== 0).map(({ output }) => output)).toEqual([])
      expect((await state(database)).log).toEqual(Array.from({ length: steps }, (_, i) => i + 1))
      const applied = runs.flatMap(({ events }) =>
        events.filter(({ event }) => event === 'applied').map(({ version }) => version),
      )
      expect(applied.sort((a, b) => Number(a) - Number(b))).toEqual(
        Array.from({ length: steps }, (_, i) => String(i + 1)),
      )
    }),
  )
})

async function untilSleeping({ sql }: TestDatabase): Promise<void> {
  for (;;) {
    const rows = await sql(`select from pg_stat_activity where wait_event = 'PgSleep' and datname = current_database()`)
    if (rows.length > 0) return
    await sleep(20)
  }
}
