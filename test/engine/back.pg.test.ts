import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { EmbeddedPostgres } from '../../src/prove/embedded-postgres.ts'
import { release } from '../tools/example-files.ts'
import { majors, testAtEnds } from '../tools/majors.ts'
import { startServer, type TestDatabase, withDatabase } from '../tools/postgres.ts'
import { type RunnerOptions, runRunner } from '../tools/runner.ts'

const columns = ({ sql }: TestDatabase) =>
  sql<{ name: string }>(
    `select column_name as name from information_schema.columns where table_name = 'orders' order by ordinal_position`,
  ).then((rows) => rows.map(({ name }) => name))
const versions = ({ sql }: TestDatabase, set = 'default') =>
  sql<{ version: string }>(`select version from lockkeeper.migration where "set" = '${set}' order by version`).then(
    (rows) => rows.map(({ version }) => version),
  )

const floors = async ({ sql }: TestDatabase) =>
  Object.fromEntries(
    (await sql<{ version: string; floor: string | null }>('select version, floor from lockkeeper.migration')).map(
      ({ version, floor }) => [version, floor],
    ),
  )

type Run = Omit<RunnerOptions, 'url' | 'target' | 'files'> & { files?: 0 | 1 | 2 | 3 | 'none' }
const at = (database: TestDatabase, target: 1 | 2 | 3, token: number, { files, ...more }: Run = {}) =>
  runRunner({
    url: database.url,
    target: String(target),
    token,
    files: files === 'none' ? undefined : release(files ?? target),
    ...more,
    env: { LOCKKEEPER_DEADLINE: '700ms', ...more.env },
  })
const always = { env: { LOCKKEEPER_ON_ROLLBACK: 'always' } }
const keep = { env: { LOCKKEEPER_ON_ROLLBACK: 'keep' } }
const recreate = { env: { LOCKKEEPER_STRATEGY: 'Recreate' } }

describe.each(majors)('the way back on PostgreSQL %i', (major) => {
  let server: EmbeddedPostgres
  let stop: () => Promise<void>
  beforeAll(async () => {
    ;({ server, stop } = await startServer({ major }))
  })
  afterAll(() => stop())
  const testEnds = testAtEnds(major)

  test('always: the stored down script runs although only the older files are there, and a late pod is fenced', () =>
    withDatabase(server, async (database) => {
      expect((await at(database, 3, 1, always)).code).toBe(0)
      const back = await at(database, 2, 2, always)
      expect(back.output).toContain('"event":"reverted"')
      expect(back.code).toBe(0)
      expect(await columns(database)).toEqual(['id', 'note'])
      const late = await at(database, 3, 1, always)
      expect(late.code).toBe(12)
      expect(late.termination).toMatchObject({ code: 'superseded' })
      expect(late.termination?.message).toContain('token 2')
      expect((await at(database, 3, 1, { ...always, files: 2 })).termination).toMatchObject({ code: 'superseded' })
      expect(await versions(database)).toEqual(['1', '2'])
    }))

  test('always without any file: the target being in the history counts as all', () =>
    withDatabase(server, async (database) => {
      await at(database, 3, 1, always)
      expect((await at(database, 1, 2, { ...always, files: 'none' })).code).toBe(0)
      expect(await columns(database)).toEqual(['id'])
    }))

  testEnds(
    'auto under RollingUpdate: the run waits, refuses with the cures, and a restart of a newer pod still starts',
    () =>
      withDatabase(server, async (database) => {
        await at(database, 3, 1)
        const back = await at(database, 2, 2)
        expect(back.code).toBe(12)
        expect(back.events.map(({ event }) => event)).toEqual(['connected', 'waiting', 'refused'])
        expect(back.termination).toMatchObject({ code: 'schema-ahead-incompatible' })
        expect(back.termination?.fix).toMatch(/Recreate.*on-rollback: always/)
        expect(await columns(database)).toEqual(['id', 'remark'])
        expect((await at(database, 3, 1)).code).toBe(0)
      }),
  )

  test('auto under Recreate: the down script runs', () =>
    withDatabase(server, async (database) => {
      await at(database, 3, 1, recreate)
      expect((await at(database, 2, 2, recreate)).code).toBe(0)
      expect(await columns(database)).toEqual(['id', 'note'])
    }))

  test.each(['RollingUpdate', 'Recreate'])(
    'auto under %s: a schema that is known to suit the older code stays, with every row that the newer code wrote',
    (strategy) =>
      withDatabase(server, async (database) => {
        const env = { LOCKKEEPER_STRATEGY: strategy }
        await at(database, 2, 1, { env })
        await database.sql(`insert into orders values (2, 'written by release 2')`)
        expect((await at(database, 1, 2, { env })).code).toBe(0)
        expect(await database.sql('select id, note from orders order by id')).toEqual([
          { id: 1, note: 'none' },
          { id: 2, note: 'written by release 2' },
        ])
        expect(await floors(database)).toEqual({ 1: '0', 2: '0' })
        const kept = await database.sql(
          `select version, detail from lockkeeper.journal where event = 'applied' order by n`,
        )
        expect(kept).toEqual([
          { version: '1', detail: 'floor 0' },
          { version: '2', detail: 'floor 0' },
        ])
      }),
  )

  test('the history keeps for each version whether the code before it works: yes, no, not known, and what its author says', () =>
    withDatabase(server, async (database) => {
      const files = {
        ...release(3),
        '4_unknown.up.sql': 'DO $$ BEGIN END $$;',
        '4_unknown.down.sql': 'SELECT 1;',
        '5_word.up.sql': '-- lockkeeper: compatible nothing reads it\nALTER TABLE orders DROP remark;',
        '5_word.down.sql': 'ALTER TABLE orders ADD remark text;',
        '6_said.up.sql': '-- lockkeeper: floor 4\nALTER TABLE orders ADD said text;',
        '6_said.down.sql': 'ALTER TABLE orders DROP said;',
      }
      expect((await runRunner({ url: database.url, target: '6', files })).code).toBe(0)
      expect(await floors(database)).toEqual({ 1: '0', 2: '0', 3: '3', 4: null, 5: '0', 6: '4' })
    }))

  test('what the webhook read of the files is not read again, unless they are others', () =>
    withDatabase(server, async (database) => {
      const env = { LOCKKEEPER_FLOORS: '1=?,2=2' }
      await at(database, 2, 1, { env })
      expect(await floors(database)).toEqual({ 1: null, 2: '2' })
      await at(database, 3, 2, { env: { LOCKKEEPER_FLOORS: '3=1', LOCKKEEPER_DIGEST: 'v1:other' } })
      expect(await floors(database)).toEqual({ 1: null, 2: '2', 3: '3' })
    }))

  test('keep: the schema stays, with a warning, and the older release starts', () =>
    withDatabase(server, async (database) => {
      await at(database, 3, 1)
      const back = await at(database, 2, 2, keep)
      expect(back.code).toBe(0)
      expect(back.events.find(({ level }) => level === 'warn')?.message).toContain('the schema is at 3')
      expect(await columns(database)).toEqual(['id', 'remark'])
    }))

  test('a release whose migration never went through goes back at once', () =>
    withDatabase(server, async (database) => {
      await at(database, 2, 1)
      const broken = { ...release(2), '3_x.up.sql': 'SELEC 1;\n', '3_x.down.sql': 'SELECT 1;\n' }
      expect((await runRunner({ url: database.url, target: '3', token: 2, files: broken })).code).toBe(10)
      expect((await at(database, 2, 3)).code).toBe(0)
      expect(await versions(database)).toEqual(['1', '2'])
    }))

  test('no restart ever reverts: a pod of an older release starts on the newer schema of its neighbour', () =>
    withDatabase(server, async (database) => {
      await at(database, 1, 1, { ...always, workload: 'shop/Deployment/a' })
      await at(database, 2, 1, { ...always, workload: 'shop/Deployment/b' })
      const again = await at(database, 1, 1, { ...always, workload: 'shop/Deployment/a' })
      expect(again.code).toBe(0)
      expect(await columns(database)).toEqual(['id', 'note'])
    }))

  testEnds(
    'two workloads: the first to go back waits and names the second; when it follows, the schema comes down once',
    () =>
      withDatabase(server, async (database) => {
        const a = { ...always, workload: 'shop/Deployment/a' }
        const b = { ...always, workload: 'shop/Deployment/b' }
        await at(database, 3, 1, a)
        await at(database, 3, 1, b)
        const first = await at(database, 2, 2, a)
        expect(first.termination).toMatchObject({ code: 'held-by-workload' })
        expect(first.termination?.message).toContain('shop/Deployment/b')
        expect(first.termination?.fix).toContain('forget --workload shop/Deployment/b')
        const second = await at(database, 2, 2, b)
        expect(second.code).toBe(0)
        expect((await at(database, 2, 2, a)).code).toBe(0)
        expect(await columns(database)).toEqual(['id', 'note'])
        const reverts = await database.sql(`select from lockkeeper.journal where event = 'reverted'`)
        expect(reverts).toHaveLength(1)
      }),
  )

  testEnds('a hold sinks only after its grace: older pods may still serve', () =>
    withDatabase(server, async (database) => {
      const a = { ...keep, workload: 'shop/Deployment/a' }
      await at(database, 3, 1, a)
      await at(database, 3, 1, { ...always, workload: 'shop/Deployment/b' })
      expect((await at(database, 2, 2, { ...a, env: { ...a.env, LOCKKEEPER_HOLD_GRACE: '1h' } })).code).toBe(0)
      const b = await at(database, 2, 2, { ...always, workload: 'shop/Deployment/b' })
      expect(b.termination).toMatchObject({ code: 'held-by-workload' })
      const until = () => database.sql('select lingering_until from lockkeeper.requirement where lingering is not null')
      const [before] = await until()
      await database.sql('update lockkeeper.state set epoch = epoch + 1')
      expect((await at(database, 2, 2, a)).code).toBe(0)
      expect(await until()).toEqual([before])
      await database.sql(`update lockkeeper.requirement set lingering_until = now()`)
      expect((await at(database, 2, 2, { ...always, workload: 'shop/Deployment/b' })).code).toBe(0)
    }),
  )

  testEnds('two workloads that go up together over a change that breaks both: the first waits for the second', () =>
    withDatabase(server, async (database) => {
      const [a, b] = [{ workload: 'shop/Deployment/a' }, { workload: 'shop/Deployment/b' }]
      await at(database, 2, 1, a)
      await at(database, 2, 1, b)
      const env = { LOCKKEEPER_DEADLINE: '20s' }
      const both = await Promise.all([at(database, 3, 2, { ...a, env }), at(database, 3, 2, { ...b, env })])
      expect(both.map(({ code }) => code)).toEqual([0, 0])
      expect(await columns(database)).toEqual(['id', 'remark'])
    }),
  )

  testEnds('an up that is known to break a neighbour waits for it', () =>
    withDatabase(server, async (database) => {
      await at(database, 2, 1, { workload: 'shop/Deployment/a' })
      const run = (token: number) => at(database, 3, token, { workload: 'shop/Deployment/b' })
      const refused = await run(1)
      expect(refused.code).toBe(12)
      expect(refused.termination).toMatchObject({ code: 'breaks-workload' })
      expect(refused.termination?.message).toContain('shop/Deployment/a')
      await database.sql(`delete from lockkeeper.requirement where workload = 'shop/Deployment/a'`)
      expect((await run(1)).code).toBe(0)
    }),
  )

  test('a version without a down script: nothing runs, and it is named', () =>
    withDatabase(server, async (database) => {
      const files = { ...release(2), '3_rename_note.up.sql': release(3)['3_rename_note.up.sql'] ?? '' }
      const env = { ...always.env, LOCKKEEPER_ROLLBACK_POLICY: 'off' }
      await runRunner({ url: database.url, target: '3', token: 1, files, env })
      const back = await at(database, 1, 2, { env })
      expect(back.code).toBe(12)
      expect(back.termination).toMatchObject({ code: 'rollback-impossible' })
      expect(back.termination?.message).toContain('version 3')
      expect(await versions(database)).toEqual(['1', '2', '3'])
    }))

  test('a failed down leaves its migration applied and says why', () =>
    withDatabase(server, async (database) => {
      await at(database, 3, 1, always)
      await database.sql('alter table orders rename remark to other')
      const back = await at(database, 2, 2, always)
      expect(back.code).toBe(10)
      expect(back.termination).toMatchObject({
        code: 'migration-failed',
        file: '3_rename_note.down.sql',
        line: 1,
        sqlstate: '42703',
      })
      expect(await versions(database)).toEqual(['1', '2', '3'])
    }))

  test('a corrected down script replaces the stored one', () =>
    withDatabase(server, async (database) => {
      await at(database, 2, 1, always)
      const files = { ...release(2), '2_add_note.down.sql': 'ALTER TABLE orders DROP COLUMN note;\n' }
      expect((await runRunner({ url: database.url, target: '2', token: 2, files, ...always })).code).toBe(0)
      expect(await database.sql(`select version from lockkeeper.journal where event = 'down-replaced'`)).toEqual([
        { version: '2' },
      ])
      expect((await at(database, 1, 3, { ...always, files: 'none' })).code).toBe(0)
      expect(await columns(database)).toEqual(['id'])
    }))

  test('two sets number their migrations apart in one database', () =>
    withDatabase(server, async (database) => {
      await at(database, 2, 1, { workload: 'shop/Deployment/a' })
      const files = {
        '1_create_bills.up.sql': 'CREATE TABLE bills (id int);',
        '1_create_bills.down.sql': 'DROP TABLE bills;',
      }
      const b = { url: database.url, files, workload: 'shop/Deployment/b', env: { LOCKKEEPER_SET: 'bills' } }
      expect((await runRunner({ ...b, target: '1' })).code).toBe(0)
      expect(await versions(database)).toEqual(['1', '2'])
      expect(await versions(database, 'bills')).toEqual(['1'])
    }))
})
