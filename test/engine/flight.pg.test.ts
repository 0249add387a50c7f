import { setTimeout as sleep } from 'node:timers/promises'
import { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readConfig } from '../../sidecar/config.ts'
import { messagesOf } from '../../src/engine/step/step.ts'
import { serverFacts } from '../../src/history/facts.ts'
import { withSession } from '../../src/postgres/connect.ts'
import { stateOf } from '../../src/postgres/failure.ts'
import type { EmbeddedPostgres } from '../../src/prove/embedded-postgres.ts'
import { majors } from '../tools/majors.ts'
import { startServer, type TestDatabase, withDatabase } from '../tools/postgres.ts'
import { type Files, runRunner } from '../tools/runner.ts'

const steps = 40

/** Every step says in a table that it ran; some of them are replaced. */
const files = (others: Readonly<Record<number, string>> = {}): Files =>
  Object.fromEntries(
    Array.from({ length: steps }, (_, i) => i + 1).flatMap((n) => [
      [
        `${n}_step.up.sql`,
        others[n] ?? `${n === 1 ? 'CREATE TABLE log (step int);\n' : ''}INSERT INTO log VALUES (${n});\n`,
      ],
      [`${n}_step.down.sql`, `DELETE FROM log WHERE step = ${n};\n`],
    ]),
  )

const owner = {
  LOCKKEEPER_DIGEST: '-',
  LOCKKEEPER_TOKEN: '1',
  LOCKKEEPER_CLUSTER: 'a',
  LOCKKEEPER_WORKLOAD: 'shop/Deployment/orders',
}

const upTo = (n: number) => Array.from({ length: n }, (_, i) => i + 1)

/** What ran, in the order in which it ran, and what the history has. */
async function state({ sql }: TestDatabase): Promise<{ ran: number[]; recorded: number[] }> {
  const [there] = await sql<{ yes: boolean }>(`select to_regclass('public.log') is not null as yes`)
  const ran = there?.yes ? await sql<{ step: number }>('select step from log order by ctid') : []
  const recorded = await sql<{ v: number }>('select version::int v from lockkeeper.migration order by 1')
  return { ran: ran.map(({ step }) => step), recorded: recorded.map(({ v }) => v) }
}

describe.each(majors)('steps that are sent before the ones in front have answered, on PostgreSQL %i', (major) => {
  let server: EmbeddedPostgres
  let stop: () => Promise<void>
  beforeAll(async () => {
    ;({ server, stop } = await startServer({ major, settings: ['max_connections = 50'] }))
  })
  afterAll(() => stop())

  test.each([
    ['a statement', 'INSERT INTO log VALUES (3);\nSELECT 1 / 0;\n', { line: 2, sqlstate: '22012' }],
    ['the syntax', 'INSERT INTO log VALUES (3);\nSELEC 1;\n', { line: 2, sqlstate: '42601' }],
    [
      'the commit',
      'CREATE TABLE a (id int PRIMARY KEY);\nCREATE TABLE b (a int REFERENCES a DEFERRABLE INITIALLY DEFERRED);\nINSERT INTO b VALUES (1);\n',
      { sqlstate: '23503' },
    ],
    ['the lock', 'SELECT pg_advisory_unlock_all ();\n', { code: 'transaction-control' }],
    [
      'its own check, since it released the lock,',
      `DO $$ BEGIN PERFORM pg_advisory_unlock_all(); END $$;\n`,
      { sqlstate: 'LK003' },
    ],
  ])('when %s of a step fails, those before it stay and none behind it runs', (_what, script, failure) =>
    withDatabase(server, async (database) => {
      const run = await runRunner({ url: database.url, target: String(steps), files: files({ 3: script }) })
      expect(run.termination, run.output).toMatchObject({ version: '3', file: '3_step.up.sql', ...failure })
      const before = run.code === 14 ? 0 : 2
      if (before > 0) expect(await state(database)).toEqual({ ran: upTo(before), recorded: upTo(before) })
      const again = await runRunner({ url: database.url, target: String(steps), files: files(), token: 2 })
      expect(again.code, again.output).toBe(0)
      expect(await state(database)).toEqual({ ran: upTo(steps), recorded: upTo(steps) })
    }),
  )

  test.each([
    ['makes settings of our name', `SET lockkeeper.done = '39';\nSET LOCAL lockkeeper.done = '1';\n`],
    ['leaves another path and another way of writing strings', `SET search_path = x;\nSET bytea_output = escape;\n`],
  ])('a script that %s changes nothing for those behind it', (_, script) =>
    withDatabase(server, async (database) => {
      const third = { 3: `INSERT INTO log VALUES (3);\n${script}` }
      const run = await runRunner({ url: database.url, target: String(steps), files: files(third) })
      expect(run.code, run.output).toBe(0)
      expect(await state(database)).toEqual({ ran: upTo(steps), recorded: upTo(steps) })
    }),
  )

  test('a step that waits for a lock is tried again, and those behind it follow in order', () =>
    withDatabase(server, async (database) => {
      await database.sql('create table busy (id int)')
      const reader = new Client({ connectionString: database.url })
      await reader.connect()
      await reader.query('begin')
      await reader.query('select from busy')
      const blocked = 'ALTER TABLE busy ADD note text;\nINSERT INTO log VALUES (5);\n'
      const { promise: retrying, resolve: retried } = Promise.withResolvers<void>()
      const running = runRunner({
        url: database.url,
        target: String(steps),
        files: files({ 5: blocked }),
        env: { LOCKKEEPER_LOCK_TIMEOUT: '100ms', LOCKKEEPER_ADOPT_AT: '0' },
        started: (child) => {
          child.stdout?.on('data', (chunk: Buffer) => {
            if (chunk.toString().includes('"event":"retrying"')) retried()
          })
        },
      })
      await retrying
      expect(await state(database)).toEqual({ ran: upTo(4), recorded: upTo(4) })
      await reader.end()
      const run = await running
      expect(run.code, run.output).toBe(0)
      expect(run.events.filter(({ event, version }) => event === 'retrying' && version === '5').length).toBeGreaterThan(
        0,
      )
      expect(await state(database)).toEqual({ ran: upTo(steps), recorded: upTo(steps) })
    }))

  test('a script does not run when the header before it failed before its BEGIN', () =>
    withDatabase(server, async (database) => {
      const env = { LOCKKEEPER_TARGET: '1', LOCKKEEPER_MIGRATIONS: '/nowhere', LOCKKEEPER_DATABASE_URL: database.url }
      const { request, database: target } = readConfig({ ...env, ...owner })
      await withSession(target, 'test', async (session) => {
        const facts = await serverFacts(session, 'lockkeeper')
        const script = { file: '1_a.up.sql', line: 1, text: 'CREATE TABLE a (id int);\nCREATE TABLE b (id int);\n' }
        const step = { version: '1', direction: 'up', script, record: [], after: undefined, more: false } as const
        const messages = messagesOf(step, { request, facts, ownSettings: [], who: 'test', lockTimeoutMs: 500 })
        const outcomes = await session.send([
          `SELECT 1 / 0;\n${messages.header}`,
          messages.script.join(''),
          messages.trailer,
        ])
        expect(outcomes.map(({ error }) => stateOf(error))).toEqual(['22012', '25P01', '22P02'])
      })
      expect(await database.sql(`select from pg_tables where tablename in ('a', 'b')`)).toEqual([])
    }))

  test('cancelled by others at any moment, no script is ever applied without its place in the history', () =>
    withDatabase(server, async (database) => {
      const client = new Client({ connectionString: database.url })
      await client.connect()
      let over = false
      let cancels = 0
      const storm = (async () => {
        while (!over) {
          const { rowCount } = await client.query(
            `select pg_cancel_backend(pid) from pg_stat_activity
             where application_name like 'lockkeeper up%' and datname = current_database()`,
          )
          cancels += rowCount ?? 0
          await sleep(Math.random() * 6)
        }
      })()
      let failed = 0
      for (let round = 0; ; round++) {
        expect(round).toBeLessThan(200)
        const run = await runRunner({ url: database.url, target: String(steps), files: files() })
        const { ran, recorded } = await state(database)
        expect(ran, run.output).toEqual(recorded)
        expect(recorded, run.output).toEqual(upTo(recorded.length))
        if (run.code === 0) break
        failed++
        if (failed > 15) over = true
      }
      over = true
      await storm
      await client.end()
      expect(cancels).toBeGreaterThan(0)
      expect((await state(database)).recorded).toEqual(upTo(steps))
    }))
})
