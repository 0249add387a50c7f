import type { ChildProcess } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { EmbeddedPostgres } from '../../src/cli/embedded-postgres.ts'
import { majors } from '../tools/majors.ts'
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
const env = { LOCKKEEPER_ON_ROLLBACK: 'always' }

async function state({ sql }: TestDatabase) {
  return {
    log: (await sql<{ step: number }>('select step from log order by step')).map(({ step }) => step),
    history: (await sql('select version from lockkeeper.migration order by version::int')).length,
    tables: (await sql(`select from pg_tables where tablename ~ '^t[0-9]+$'`)).length,
  }
}

/** A small generator with a printed seed, so that a failure can be had again. */
function random(seed: number) {
  let x = seed
  return () => {
    x = (x * 1103515245 + 12345) % 2147483648
    return x / 2147483648
  }
}

describe.each(majors)('on PostgreSQL %i', (major) => {
  let server: EmbeddedPostgres
  let stop: () => Promise<void>
  beforeAll(async () => {
    ;({ server, stop } = await startServer({ major }))
  })
  afterAll(() => stop())

  test('killed at random moments, up and down: one plain run reaches the state of a run without faults', async () => {
    const seed = Number(process.env.LOCKKEEPER_SEED ?? Date.now() % 100_000)
    console.log(`crash seed ${seed} on PostgreSQL ${major} (LOCKKEEPER_SEED)`)
    const next = random(seed)
    let killed = 0
    for (let round = 0; round < 6; round++) {
      await withDatabase(server, async (database) => {
        const { url } = database
        const run = (target: string, token: number, lines?: number) =>
          runRunner({
            url,
            target,
            token,
            files,
            env,
            started: (child) => {
              if (lines !== undefined) killAfter(child, lines, next() * 40)
            },
          })
        for (const most of [24, 8]) {
          const up = await run(String(steps), 1, 1 + next() * most)
          if (up.signal === 'SIGKILL') killed++
        }
        const up = await run(String(steps), 1)
        expect(up.code, up.output).toBe(0)
        expect(await state(database)).toEqual({
          log: Array.from({ length: steps }, (_, i) => i + 1),
          history: steps,
          tables: steps - 1,
        })
        const down = await run('1', 2, 1 + next() * 20)
        if (down.signal === 'SIGKILL') killed++
        const last = await run('1', 2)
        expect(last.code, last.output).toBe(0)
        expect(await state(database)).toEqual({ log: [1], history: 1, tables: 0 })
      })
    }
    expect(killed).toBeGreaterThan(8)
  })

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

  test('a herd of 20: all end ready, and each step ran once', () =>
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
    }))
})

/** SIGKILL some milliseconds after the process has written so many lines. */
function killAfter(child: ChildProcess, lines: number, ms: number): void {
  let seen = 0
  child.stdout?.on('data', (chunk: Buffer) => {
    const before = seen
    seen += chunk.toString().split('\n').length - 1
    if (before < lines && seen >= lines) setTimeout(() => child.kill('SIGKILL'), ms)
  })
}

async function untilSleeping({ sql }: TestDatabase): Promise<void> {
  for (;;) {
    const rows = await sql(`select from pg_stat_activity where wait_event = 'PgSleep' and datname = current_database()`)
    if (rows.length > 0) return
    await sleep(20)
  }
}
