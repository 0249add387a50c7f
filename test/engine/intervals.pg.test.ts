import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { EmbeddedPostgres } from '../../src/prove/embedded-postgres.ts'
import { ends } from '../tools/majors.ts'
import { startServer, type TestDatabase, withDatabase } from '../tools/postgres.ts'
import { type Files, type RunnerOptions, runRunner } from '../tools/runner.ts'

/** Release by release: a table, a column that nobody before minds, and ever more of the old one gone. */
const scripts: readonly (readonly [up: string, down: string])[] = [
  ['create table a (id int, x int);', 'drop table a;'],
  ['alter table a add column y int;', 'alter table a drop column y;'],
  ['-- lockkeeper: floor 2\nalter table a drop column x;', 'alter table a add column x int;'],
]
const release = (target: number): Files =>
  Object.fromEntries(
    scripts.slice(0, target).flatMap(([up, down], i) => [
      [`${i + 1}_x.up.sql`, up],
      [`${i + 1}_x.down.sql`, down],
    ]),
  )
type More = Partial<RunnerOptions> & { readonly grace?: string }
const at = ({ url }: TestDatabase, target: 1 | 2 | 3, token: number, { grace = '1h', ...more }: More = {}) =>
  runRunner({
    ...{ url, target: String(target), token, files: release(target), ...more },
    env: { LOCKKEEPER_DEADLINE: '700ms', LOCKKEEPER_HOLD_GRACE: grace, ...more.env },
  })
const always = { env: { LOCKKEEPER_ON_ROLLBACK: 'always' } }
const [a, b] = [{ workload: 'shop/Deployment/a' }, { workload: 'shop/Deployment/b' }]
const versions = ({ sql }: TestDatabase) =>
  sql<{ all: string }>(`select string_agg(version, ' ' order by version) as all from lockkeeper.migration`).then(
    ([row]) => row?.all,
  )
const row = ({ sql }: TestDatabase, workload = a.workload) =>
  sql(`select target, reached, low, high, strays, ready_token::int, interval_token = token as known
    from lockkeeper.requirement where workload = '${workload}'`).then(([first]) => first)

describe.each(ends)('the releases of a workload that may serve, on PostgreSQL %i', (major) => {
  let server: EmbeddedPostgres
  let stop: () => Promise<void>
  beforeAll(async () => {
    ;({ server, stop } = await startServer({ major }))
  })
  afterAll(() => stop())

  test('what was applied and left is lowered by always with a new token, and by no restart', () =>
    withDatabase(server, async (database) => {
      for (const [target, token] of [
        [1, 1],
        [2, 2],
        [1, 3],
      ] as const)
        expect((await at(database, target, token, a)).code).toBe(0)
      expect(await row(database)).toMatchObject({ target: '1', reached: '2' })
      // A restart under another policy is none that was recorded, and an epoch that moved makes it look again.
      await database.sql('update lockkeeper.state set epoch = epoch + 1')
      expect((await at(database, 1, 3, a)).code).toBe(0)
      expect(await versions(database)).toBe('1 2')
      expect((await at(database, 1, 4, { ...a, ...always })).code).toBe(0)
      expect(await versions(database)).toBe('1')
      expect(await row(database)).toMatchObject({ target: '1', reached: '1' })
    }))

  test('an up that is known to break older pods of a neighbour waits until its rollout is through', () =>
    withDatabase(server, async (database) => {
      expect((await at(database, 1, 1, { ...a, grace: '0s' })).code).toBe(0)
      expect((await at(database, 2, 2, a)).code).toBe(0)
      expect(await row(database)).toMatchObject({ low: '1', high: '2', ready_token: 1, known: true })
      const up = await at(database, 3, 1, b)
      expect(up.termination).toMatchObject({ code: 'breaks-workload' })
      expect(up.termination?.message).toMatch(
        /version 3 .*shop\/Deployment\/a, .*at least 2: .*release 1 may still serve/,
      )
      await database.sql('update lockkeeper.requirement set lingering_until = now()')
      expect((await at(database, 3, 1, b)).code).toBe(0)
    }))

  test('an older pod that starts late holds the schema again, until its grace is over', () =>
    withDatabase(server, async (database) => {
      for (const token of [1, 2])
        expect((await at(database, token as 1 | 2, token, { ...a, grace: '0s' })).code).toBe(0)
      expect((await at(database, 1, 1, a)).code).toBe(0)
      expect(await row(database)).toMatchObject({ low: '1', high: '2', strays: 1 })
      expect((await at(database, 3, 1, b)).termination).toMatchObject({ code: 'breaks-workload' })
    }))

  test('a late pod of a release that no longer serves is refused below a floor that is known', () =>
    withDatabase(server, async (database) => {
      for (const token of [1, 2, 3] as const) expect((await at(database, token, token, a)).code).toBe(0)
      // Its release may serve yet: it is replaced, with a warning.
      const beside = await at(database, 1, 1, a)
      expect(beside.code, beside.output).toBe(0)
      expect(beside.events.find(({ level }) => level === 'warn')?.message).toContain('not known to work')
      const strict = { env: { LOCKKEEPER_BELOW_FLOOR: 'refuse' } }
      expect((await at(database, 1, 1, { ...a, ...strict })).termination).toMatchObject({ code: 'superseded' })
      await database.sql('update lockkeeper.requirement set lingering_until = now()')
      const late = await at(database, 1, 1, a)
      expect(late.termination).toMatchObject({ code: 'superseded' })
      expect(late.termination?.message).toMatch(/release 1 is known to fail on the schema at 3: version 3 needs .* 2/)
      expect((await at(database, 3, 3, a)).code).toBe(0)
      expect((await at(database, 2, 2, a)).code).toBe(0)
    }))

  test('under Recreate nothing of before serves', () =>
    withDatabase(server, async (database) => {
      const recreate = { env: { LOCKKEEPER_STRATEGY: 'Recreate' } }
      expect((await at(database, 2, 1, a)).code).toBe(0)
      expect((await at(database, 1, 2, { ...a, ...recreate })).code).toBe(0)
      expect(await row(database)).toMatchObject({ low: '1', high: '1' })
    }))

  test('a history of layout 1.0 is extended at the first run, and a row of an older runner means what it meant', () =>
    withDatabase(server, async (database) => {
      const { sql } = database
      const added = ['low', 'high', 'strays', 'interval_token', 'ready_token']
      expect((await at(database, 2, 1, a)).code).toBe(0)
      await sql(`alter table lockkeeper.requirement ${added.map((name) => `drop column ${name}`).join(', ')}`)
      await sql(`update lockkeeper.state set layout = '1.0'`)
      // The fast path asks for nothing new; whoever records does.
      expect((await at(database, 2, 1, a)).code).toBe(0)
      expect((await at(database, 2, 1, b)).code).toBe(0)
      expect(await sql('select layout from lockkeeper.state')).toEqual([{ layout: '1.1' }])
      expect(await row(database)).toMatchObject({ low: null, high: null, strays: 0, known: null })
      // A runner of 1.0 goes on writing what it knows: its newer intent makes the interval of before count no more.
      await sql(
        `update lockkeeper.requirement set low = '3', high = '3', interval_token = 1 where workload = '${a.workload}'`,
      )
      await sql(`update lockkeeper.requirement set token = 2, stamp = null where workload = '${a.workload}'`)
      expect((await at(database, 2, 3, a)).code).toBe(0)
      expect(await row(database)).toMatchObject({ low: '0', high: '2', known: true })
    }))
})
