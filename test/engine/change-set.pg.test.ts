import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { EmbeddedPostgres } from '../../src/prove/embedded-postgres.ts'
import { ends } from '../tools/majors.ts'
import { startServer, type TestDatabase, withDatabase } from '../tools/postgres.ts'
import { type Files, type RunnerOptions, runRunner } from '../tools/runner.ts'

const scripts: readonly (readonly [up: string, down: string])[] = [
  ['create table a (id int, x int);', 'drop table a;'],
  ['alter table a add column y int;', 'alter table a drop column y;'],
  ['-- lockkeeper: floor 3\nalter table a drop column y;', 'alter table a add column y int;'],
]
const release = (target: number): Files =>
  Object.fromEntries(
    scripts.slice(0, target).flatMap(([up, down], i) => [
      [`${i + 1}_x.up.sql`, up],
      [`${i + 1}_x.down.sql`, down],
    ]),
  )
const other: Files = { '1_o.up.sql': 'create table o (id int);', '1_o.down.sql': 'drop table o;' }
type More = Partial<RunnerOptions> & { readonly set?: string; readonly grace?: string }
const run = ({ url }: TestDatabase, target: number, token: number, { set = 'old', grace = '1h', ...more }: More) =>
  runRunner({
    ...{ url, target: String(target), token, files: set === 'old' ? release(target) : other, ...more },
    env: { LOCKKEEPER_DEADLINE: '700ms', LOCKKEEPER_HOLD_GRACE: grace, LOCKKEEPER_SET: set, ...more.env },
  })
const always = { env: { LOCKKEEPER_ON_ROLLBACK: 'always' } }
const [a, b] = [{ workload: 'shop/Deployment/a' }, { workload: 'shop/Deployment/b' }]
const versions = ({ sql }: TestDatabase) =>
  sql<{ all: string }>(
    `select string_agg(version, ' ' order by version) as all from lockkeeper.migration where "set" = 'old'`,
  ).then(([row]) => row?.all)
const over = ({ sql }: TestDatabase) => sql('update lockkeeper.requirement set lingering_until = now()')

describe.each(ends)('a workload that changes its set, on PostgreSQL %i', (major) => {
  let server: EmbeddedPostgres
  let stop: () => Promise<void>
  beforeAll(async () => {
    ;({ server, stop } = await startServer({ major }))
  })
  afterAll(() => stop())

  /** Both serve release 2 of the old set; `a` then wants another one. */
  async function leaving(database: TestDatabase, more: More = {}) {
    for (const each of [a, b]) expect((await run(database, 2, 1, { ...each, grace: '0s' })).code).toBe(0)
    return run(database, 1, 2, { ...a, set: 'new', ...more })
  }

  test('its older pods hold the old set, downwards and upwards, until its first pod was ready for the grace', () =>
    withDatabase(server, async (database) => {
      expect((await leaving(database)).code).toBe(0)
      const down = await run(database, 1, 2, { ...b, ...always })
      expect(down.termination).toMatchObject({ code: 'held-by-workload' })
      expect(down.termination?.message).toContain('shop/Deployment/a (leaving set old)')
      expect((await run(database, 3, 3, b)).termination).toMatchObject({ code: 'breaks-workload' })
      expect(await versions(database)).toBe('1 2')
      await over(database)
      expect((await run(database, 1, 4, { ...b, ...always })).code).toBe(0)
      expect(await versions(database)).toBe('1')
    }))

  test('as long as no pod of the new set was ready, no clock runs', () =>
    withDatabase(server, async (database) => {
      const broken = { files: { ...other, '1_o.up.sql': 'select nothing;' }, grace: '0s' }
      expect((await leaving(database, broken)).termination).toMatchObject({ code: 'migration-failed' })
      expect((await run(database, 1, 2, { ...b, ...always })).termination).toMatchObject({ code: 'held-by-workload' })
      expect((await run(database, 1, 3, { ...a, set: 'new', grace: '0s' })).code).toBe(0)
      expect((await run(database, 1, 4, { ...b, ...always })).code).toBe(0)
    }))

  test('a late pod of before starts, and holds the old set again', () =>
    withDatabase(server, async (database) => {
      expect((await leaving(database, { grace: '0s' })).code).toBe(0)
      const late = await run(database, 2, 1, a)
      expect(late.code, late.output).toBe(0)
      expect((await run(database, 1, 2, { ...b, ...always })).termination).toMatchObject({ code: 'held-by-workload' })
      await over(database)
      expect((await run(database, 3, 3, b)).code).toBe(0)
      expect((await run(database, 2, 1, a)).code).toBe(0)
    }))

  test('back in the old set it is in nobody’s way, least of all its own', () =>
    withDatabase(server, async (database) => {
      expect((await leaving(database)).code).toBe(0)
      const back = await run(database, 3, 3, { ...a, env: { LOCKKEEPER_STRATEGY: 'RollingUpdate' } })
      expect(back.termination).toMatchObject({ code: 'breaks-workload' })
      expect(back.termination?.message).toContain('shop/Deployment/b')
      const own = await run(database, 2, 4, a)
      expect(own.code, own.output).toBe(0)
      const rows = `select workload from lockkeeper.requirement where "set" = 'old' order by 1`
      expect(await database.sql(rows)).toEqual([{ workload: a.workload }, { workload: b.workload }])
      expect(await database.sql(`select high from lockkeeper.requirement where workload = '${a.workload}'`)).toEqual([
        { high: '2' },
      ])
    }))

  test('under Recreate nothing of before serves, so nothing is held', () =>
    withDatabase(server, async (database) => {
      expect((await leaving(database, { env: { LOCKKEEPER_STRATEGY: 'Recreate' } })).code).toBe(0)
      expect((await run(database, 1, 2, { ...b, ...always })).code).toBe(0)
    }))
})
