import type { ChildProcess } from 'node:child_process'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { DEFAULTS } from '../../src/contract.ts'
import { parseDuration } from '../../src/migration/duration.ts'
import type { EmbeddedPostgres } from '../../src/prove/embedded-postgres.ts'
import { majors, newest } from '../tools/majors.ts'
import {
  onEvent,
  openReader,
  startTraffic,
  type Traffic,
  trafficTable,
  untilAutovacuum,
  workForAutovacuum,
} from '../tools/online.ts'
import { startServer, type TestDatabase, withDatabase } from '../tools/postgres.ts'
import { lockkeeper, withFolder } from '../tools/program.ts'
import { type Files, type RunnerResult, runRunner } from '../tools/runner.ts'

const LOCK_TIMEOUT = 100

/** A column more for each table; the script also says how long it was allowed to wait for a lock. */
const widening = (...tables: readonly string[]): Files => ({
  '1_wider.up.sql': `CREATE TABLE waited AS SELECT current_setting('lock_timeout') AS bound;\n${tables.map((each) => `ALTER TABLE ${each} ADD note text;\n`).join('')}`,
  '1_wider.down.sql': `DROP TABLE waited;\n${tables.map((each) => `ALTER TABLE ${each} DROP note;\n`).join('')}`,
})

const env = { LOCKKEEPER_LOCK_TIMEOUT: `${LOCK_TIMEOUT}ms`, LOCKKEEPER_ADOPT_AT: '0' }

const widened = async ({ sql }: TestDatabase) =>
  (
    await sql<{ name: string }>(
      `select attrelid::regclass::text as name from pg_attribute where attname = 'note' order by 1`,
    )
  ).map(({ name }) => name)

/** How long the run said that it lets the others go first, ms. */
const pauses = ({ events }: RunnerResult): number[] =>
  events
    .filter(({ event }) => event === 'retrying')
    .map(({ message = '' }) => parseDuration(/again in (\w+)$/.exec(message)?.[1] ?? '') ?? 0)

interface Scene {
  readonly database: TestDatabase
  readonly traffic: Traffic
  readonly tables: readonly string[]
}

/** A run that widens the tables; `times` is how often it gives up a wait, with traffic going on after it, before `meanwhile`. */
async function widen({ database, traffic, tables }: Scene, times: number, meanwhile: () => Promise<unknown>) {
  const letThrough = Promise.withResolvers<void>()
  let left = times
  const started = (child: ChildProcess) =>
    onEvent(child, 'retrying', () => {
      traffic.another().then(() => {
        left -= 1
        if (left === 0) letThrough.resolve()
      }, letThrough.reject)
    })
  const running = runRunner({ url: database.url, target: '1', files: widening(...tables), env, started })
  // A run that ends before that shows below why.
  await Promise.race([letThrough.promise, running])
  expect(await widened(database)).toEqual([])
  await meanwhile()
  const run = await running
  await traffic.stop()
  expect(left, run.output).toBeLessThanOrEqual(0)
  return run
}

/** Applied, no wait for a lock was longer than asked for, and none longer than the pause behind it. */
async function expectPolite(run: RunnerResult, database: TestDatabase, tables: readonly string[]): Promise<void> {
  expect(run.code, run.output).toBe(0)
  expect(await widened(database)).toEqual(tables)
  expect(await database.sql('select bound from waited')).toEqual([{ bound: `${LOCK_TIMEOUT}ms` }])
  const given = pauses(run)
  expect(given.length).toBeGreaterThan(1)
  for (const pause of given) expect(pause).toBeGreaterThanOrEqual(LOCK_TIMEOUT)
}

/** What lies between them makes no difference here, and these wait for seconds. */
const ends = [...new Set([Math.min(...majors), newest])]

describe.each(ends)('a migration of tables in use, on PostgreSQL %i', (major) => {
  let server: EmbeddedPostgres
  let stop: () => Promise<void>
  beforeAll(async () => {
    ;({ server, stop } = await startServer({ major }))
  })
  afterAll(() => stop())
  const inTraffic = (tables: readonly string[], use: (scene: Scene) => Promise<void>) =>
    withDatabase(server, async (database) => {
      for (const table of tables) await database.sql(trafficTable(table))
      await use({ database, tables, traffic: await startTraffic(database.url, tables) })
    })

  test('behind a reader it lets reads and writes through between its tries, and is applied when the reader ends', () =>
    inTraffic(['busy'], async (scene) => {
      const { database, tables } = scene
      const reader = await openReader(database.url, 'busy')
      const run = await widen(scene, 3, () => reader.end())
      await expectPolite(run, database, tables)
    }))

  test('behind autovacuum it makes that go, while reads and writes go on, and waits itself no longer than else', () =>
    inTraffic(['busy'], async (scene) => {
      const { database, tables } = scene
      const worker = await untilAutovacuum(database, 'busy', workForAutovacuum.inTable('busy'))
      const run = await widen(scene, 2, async () => undefined)
      await expectPolite(run, database, tables)
      expect(run.output).toContain('PostgreSQL cancels the autovacuum of public.busy')
      expect(await database.sql(`select from pg_locks where pid = ${worker} and relation = 'busy'::regclass`)).toEqual(
        [],
      )
    }))

  test('behind the autovacuum of what is no table, the one try that makes it go waits so long, and says so', () =>
    withDatabase(server, async (database) => {
      await untilAutovacuum(database, 'wide', workForAutovacuum.inView('wide'))
      const files = { '1_x.up.sql': 'REFRESH MATERIALIZED VIEW wide;\n', '1_x.down.sql': 'SELECT 1;\n' }
      const run = await runRunner({ url: database.url, target: '1', files, env })
      expect(run.code, run.output).toBe(0)
      expect(run.output).toContain('public.wide is no table, so others wait too: at most 1200ms')
    }))

  test('three tables in one migration: the plan says three times the bound, and all are let through between tries', () =>
    inTraffic(['a', 'b', 'c'], async (scene) => {
      const { database, tables } = scene
      const { stdout } = await withFolder(widening(...tables), (folder) =>
        lockkeeper(['plan', '-o', 'json', '-m', folder], { env: { DATABASE_URL: database.url } }),
      )
      expect(JSON.parse(stdout)).toMatchObject({
        steps: [{ stallMs: 3 * (parseDuration(DEFAULTS.lockTimeout) ?? 0) }],
      })
      const reader = await openReader(database.url, 'c')
      const run = await widen(scene, 3, () => reader.end())
      await expectPolite(run, database, tables)
    }))
})
