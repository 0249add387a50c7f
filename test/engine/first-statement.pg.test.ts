import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { EmbeddedPostgres } from '../../src/prove/embedded-postgres.ts'
import { gated, meanwhile } from '../tools/gate.ts'
import { ends } from '../tools/majors.ts'
import { startServer, type TestDatabase, withDatabase } from '../tools/postgres.ts'
import { type Files, type RunnerOptions, runRunner } from '../tools/runner.ts'

const alone = '-- lockkeeper: no-transaction\n'
const one: Files = { '1_a.up.sql': 'create table a (id int);', '1_a.down.sql': 'drop table a;' }
/** The first statement of the way up stands at the gate. */
const gatedUp = (floor = ''): Files => ({
  ...one,
  '2_b.up.sql': `${alone}${floor}create table b as select ${gated}::text as x;\ninsert into b values ('more');\n`,
  '2_b.down.sql': 'drop table b;',
})
/** The first statement of the way down does. */
const gatedDown: Files = {
  ...one,
  '2_b.up.sql': 'create table b (id int);',
  '2_b.down.sql': `${alone}create table c as select ${gated}::text as x;\ndrop table b, c;\n`,
}
const [a, b] = [{ workload: 'shop/Deployment/a' }, { workload: 'shop/Deployment/b' }]

const at = (database: TestDatabase, target: string, token: number, files: Files, more: Partial<RunnerOptions> = a) =>
  runRunner({
    ...{ url: database.url, target, token, files, ...more },
    env: { LOCKKEEPER_DEADLINE: '2s', LOCKKEEPER_LOCK_TIMEOUT: '60s', LOCKKEEPER_ON_ROLLBACK: 'always' },
  })
const standing = async ({ sql }: TestDatabase) => {
  const [row] = await sql<{ versions: string; tables: string }>(`select
    (select string_agg(version, ' ' order by version) from lockkeeper.migration) as versions,
    (select string_agg(tablename, ' ' order by tablename) from pg_tables where schemaname = 'public') as tables`)
  return [row?.versions, row?.tables]
}

describe.each(ends)(
  'what comes while a step runs its first statement outside a transaction, on PostgreSQL %i',
  (major) => {
    let server: EmbeddedPostgres
    let stop: () => Promise<void>
    beforeAll(async () => {
      ;({ server, stop } = await startServer({ major }))
    })
    afterAll(() => stop())

    test('an older release that was ready meanwhile takes the statement back: half a step above it would stay for ever', () =>
      withDatabase(server, async (database) => {
        expect((await at(database, '1', 1, one)).code).toBe(0)
        const late = await meanwhile(
          database,
          () => at(database, '2', 2, gatedUp()),
          async () => expect((await at(database, '1', 3, one)).code).toBe(0),
        )
        expect(late.termination, late.output).toMatchObject({ code: 'superseded' })
        expect(await standing(database)).toEqual(['1', 'a'])
      }))

    test('a workload that was ready meanwhile, and that the step is known to break, takes the statement back', () =>
      withDatabase(server, async (database) => {
        const breaking = gatedUp('-- lockkeeper: floor 2\n')
        expect((await at(database, '1', 1, one)).code).toBe(0)
        const run = await meanwhile(
          database,
          () => at(database, '2', 2, breaking),
          async () => expect((await at(database, '1', 1, one, b)).code).toBe(0),
        )
        expect(run.termination, run.output).toMatchObject({ code: 'breaks-workload' })
        expect(await standing(database)).toEqual(['1', 'a'])
        const after = await at(database, '2', 2, breaking, b)
        expect(after.code, after.output).toBe(0)
        expect(await standing(database)).toEqual(['1 2', 'a b'])
      }))

    test('a workload that was ready meanwhile keeps what a way down would take from it', () =>
      withDatabase(server, async (database) => {
        expect((await at(database, '2', 1, gatedDown)).code).toBe(0)
        const down = await meanwhile(
          database,
          () => at(database, '1', 2, one),
          async () => expect((await at(database, '2', 1, gatedDown, b)).code).toBe(0),
        )
        expect(down.termination, down.output).toMatchObject({ code: 'held-by-workload' })
        expect(await standing(database)).toEqual(['1 2', 'a b'])
      }))

    test('forward again during a way down: its first statement is taken back', () =>
      withDatabase(server, async (database) => {
        expect((await at(database, '2', 1, gatedDown)).code).toBe(0)
        const down = await meanwhile(
          database,
          () => at(database, '1', 2, one),
          async () => expect((await at(database, '2', 3, gatedDown)).code).toBe(0),
        )
        expect(down.code, down.output).toBe(0)
        expect(await standing(database)).toEqual(['1 2', 'a b'])
      }))
  },
)
