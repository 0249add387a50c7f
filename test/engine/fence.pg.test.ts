import { setTimeout as sleep } from 'node:timers/promises'
import { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { EmbeddedPostgres } from '../../src/prove/embedded-postgres.ts'
import { majors } from '../tools/majors.ts'
import { startServer, type TestDatabase, withDatabase } from '../tools/postgres.ts'
import { type Files, type RunnerOptions, runRunner } from '../tools/runner.ts'

const always = { LOCKKEEPER_ON_ROLLBACK: 'always' }
const two: Files = {
  '1_a.up.sql': 'create table a (id int, x int);',
  '1_a.down.sql': 'drop table a;',
  '2_b.up.sql': 'create table b (id int);',
  '2_b.down.sql': 'drop table b;',
}
/** Holds the step open until the test lets it go on: its script waits for the lock of this key. */
const gate = `select pg_advisory_xact_lock_shared(7, 7);`
const waiting = `select from pg_locks where locktype = 'advisory' and classid = 7 and objid = 7 and not granted`

const at = (database: TestDatabase, target: string, token: number, files: Files, more: Partial<RunnerOptions> = {}) =>
  runRunner({
    url: database.url,
    target,
    token,
    files,
    ...more,
    env: { LOCKKEEPER_DEADLINE: '2s', LOCKKEEPER_LOCK_TIMEOUT: '60s', ...more.env },
  })
const versions = ({ sql }: TestDatabase) =>
  sql<{ all: string }>(`select string_agg(version, ' ' order by version) as all from lockkeeper.migration`).then(
    ([row]) => row?.all,
  )
const has = ({ sql }: TestDatabase, table: string, column: string) =>
  sql(`select from information_schema.columns where table_name = '${table}' and column_name = '${column}'`).then(
    (rows) => rows.length === 1,
  )

/** Starts a run, waits until its step stands at the gate, does something else meanwhile, and lets the step go on. */
async function meanwhile<T>(database: TestDatabase, run: () => Promise<T>, act: () => Promise<unknown>): Promise<T> {
  const keeper = new Client({ connectionString: database.url })
  await keeper.connect()
  try {
    await keeper.query('select pg_advisory_lock(7, 7)')
    const running = run()
    while ((await keeper.query(waiting)).rows.length === 0) await sleep(20)
    await act()
    await keeper.query('select pg_advisory_unlock(7, 7)')
    return await running
  } finally {
    await keeper.end()
  }
}

describe.each(majors)('what comes while a step runs, on PostgreSQL %i', (major) => {
  let server: EmbeddedPostgres
  let stop: () => Promise<void>
  beforeAll(async () => {
    ;({ server, stop } = await startServer({ major }))
  })
  afterAll(() => stop())

  test('a run that was superseded during its step takes the step back, and the schema is where the newest rollout wants it', () =>
    withDatabase(server, async (database) => {
      const three = {
        ...two,
        '3_drop.up.sql': `alter table a drop column x; ${gate}`,
        '3_drop.down.sql': 'alter table a add column x int;',
      }
      expect((await at(database, '2', 4, two, { env: always })).code).toBe(0)
      const late = await meanwhile(
        database,
        () => at(database, '3', 5, three, { env: always }),
        async () => expect((await at(database, '2', 6, two, { env: always })).code).toBe(0),
      )
      expect(late.termination).toMatchObject({ code: 'superseded' })
      expect((await at(database, '2', 7, two, { env: always })).code).toBe(0)
      expect(await versions(database)).toBe('1 2')
      expect(await has(database, 'a', 'x')).toBe(true)
    }))

  test('a workload that became ready during a step that is known to break it holds the step up', () =>
    withDatabase(server, async (database) => {
      const one = { '1_a.up.sql': two['1_a.up.sql'] ?? '', '1_a.down.sql': two['1_a.down.sql'] ?? '' }
      const breaking = {
        ...one,
        '2_drop.up.sql': `-- lockkeeper: floor 2\nalter table a drop column x; ${gate}`,
        '2_drop.down.sql': 'alter table a add column x int;',
      }
      const [a, b] = [{ workload: 'shop/Deployment/a' }, { workload: 'shop/Deployment/b' }]
      expect((await at(database, '1', 1, one, a)).code).toBe(0)
      const run = await meanwhile(
        database,
        () => at(database, '2', 2, breaking, a),
        async () => expect((await at(database, '1', 1, one, b)).code).toBe(0),
      )
      expect(run.termination).toMatchObject({ code: 'breaks-workload' })
      expect(run.termination?.message).toContain('shop/Deployment/b')
      expect(await versions(database)).toBe('1')
      expect(await has(database, 'a', 'x')).toBe(true)
    }))
})
