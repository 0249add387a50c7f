import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { EmbeddedPostgres } from '../../src/prove/embedded-postgres.ts'
import { gate, meanwhile } from '../tools/gate.ts'
import { ends } from '../tools/majors.ts'
import { startServer, type TestDatabase, withDatabase } from '../tools/postgres.ts'
import { type Files, type RunnerOptions, runRunner } from '../tools/runner.ts'

const always = { LOCKKEEPER_ON_ROLLBACK: 'always' }
const two: Files = {
  '1_a.up.sql': 'create table a (id int, x int);',
  '1_a.down.sql': 'drop table a;',
  '2_b.up.sql': 'create table b (id int);',
  '2_b.down.sql': 'drop table b;',
}
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

describe.each(ends)('what comes while a step runs, on PostgreSQL %i', (major) => {
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

  test('a step that hides a newer rollout from itself is rolled back', () =>
    withDatabase(server, async (database) => {
      const trap = `create function gone() returns trigger language plpgsql as 'begin return null; end';
        create trigger gone before update on lockkeeper.requirement for each row execute function gone();`
      const three = {
        ...two,
        '3_drop.up.sql': `alter table a drop column x; ${gate} ${trap}`,
        '3_drop.down.sql': 'alter table a add column x int;',
      }
      expect((await at(database, '2', 4, two)).code).toBe(0)
      const late = await meanwhile(
        database,
        () => at(database, '3', 5, three),
        async () => expect((await at(database, '2', 6, two)).code).toBe(0),
      )
      expect(late.termination).toMatchObject({ code: 'history-untrusted', version: '3' })
      expect(await has(database, 'a', 'x')).toBe(true)
    }))

  test('what only the commit refuses is told in the words of the server', () =>
    withDatabase(server, async (database) => {
      const rows = `create temp table p (id int primary key) on commit delete rows;
        create temp table c (id int references p); insert into p values (1); insert into c values (1);`
      const run = await at(database, '1', 1, { '1_a.up.sql': rows, '1_a.down.sql': 'select 1;' })
      expect(run.termination, run.output).toMatchObject({ code: 'migration-failed', sqlstate: '0A000' })
      expect(run.termination?.message).toContain('could not be committed: unsupported ON COMMIT')
    }))

  test('a rollout that takes the workload to another set during its step takes the step back', () =>
    withDatabase(server, async (database) => {
      const slow = { '1_a.up.sql': `create table a (id int); ${gate}`, '1_a.down.sql': 'drop table a;' }
      const other = { '1_o.up.sql': 'create table o (id int);', '1_o.down.sql': 'drop table o;' }
      const late = await meanwhile(
        database,
        () => at(database, '1', 1, slow),
        async () => expect((await at(database, '1', 2, other, { env: { LOCKKEEPER_SET: 'other' } })).code).toBe(0),
      )
      expect(late.termination).toMatchObject({ code: 'superseded' })
      expect(await has(database, 'a', 'id')).toBe(false)
      expect(await has(database, 'o', 'id')).toBe(true)
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

  test('of several steps on their way at once, those before the one that is taken back stay, and go down with their scripts', () =>
    withDatabase(server, async (database) => {
      const four = {
        ...two,
        '3_c.up.sql': 'create table c (id int);',
        '3_c.down.sql': 'drop table c;',
        '4_drop.up.sql': `alter table a drop column x; ${gate}`,
        '4_drop.down.sql': 'alter table a add column x int;',
        '5_d.up.sql': 'create table d (id int);',
        '5_d.down.sql': 'drop table d;',
      }
      expect((await at(database, '2', 4, two, { env: always })).code).toBe(0)
      const late = await meanwhile(
        database,
        () => at(database, '5', 5, four, { env: always }),
        // It is recorded, and waits for the lock.
        async () =>
          expect((await at(database, '2', 6, two, { env: always })).termination).toMatchObject({ code: 'deadline' }),
      )
      expect(late.termination).toMatchObject({ code: 'superseded' })
      expect(await versions(database)).toBe('1 2 3')
      expect((await at(database, '2', 6, two, { env: always })).code).toBe(0)
      expect(await versions(database)).toBe('1 2')
      expect(await has(database, 'a', 'x')).toBe(true)
    }))

  test('forward again while a down script runs: the down is taken back, and nothing that the newer code needs is gone', () =>
    withDatabase(server, async (database) => {
      const files = { ...two, '2_b.down.sql': `drop table b; ${gate}` }
      expect((await at(database, '2', 1, files, { env: always })).code).toBe(0)
      const late = await meanwhile(
        database,
        () =>
          at(
            database,
            '1',
            2,
            { '1_a.up.sql': two['1_a.up.sql'] ?? '', '1_a.down.sql': 'drop table a;' },
            { env: always },
          ),
        async () => expect((await at(database, '2', 3, files, { env: always })).code).toBe(0),
      )
      expect(late.code, late.output).toBe(0)
      expect(await versions(database)).toBe('1 2')
      expect(await has(database, 'b', 'id')).toBe(true)
    }))

  test('a neighbour that starts while a down script runs holds what it needs', () =>
    withDatabase(server, async (database) => {
      const [a, b] = ['a', 'b'].map((name) => ({ workload: `shop/Deployment/${name}` }))
      const files = { ...two, '2_b.down.sql': `drop table b; ${gate}` }
      const one = { '1_a.up.sql': two['1_a.up.sql'] ?? '', '1_a.down.sql': 'drop table a;' }
      expect((await at(database, '2', 1, files, { ...a, env: always })).code).toBe(0)
      const down = await meanwhile(
        database,
        () => at(database, '1', 2, one, { ...a, env: always }),
        async () => expect((await at(database, '2', 1, files, b)).code).toBe(0),
      )
      expect(down.termination, down.output).toMatchObject({ code: 'held-by-workload' })
      expect(down.termination?.message).toContain('shop/Deployment/b')
      expect(await has(database, 'b', 'id')).toBe(true)
    }))

  test('a script that chose its isolation level sees nothing of others, so they wait for it', () =>
    withDatabase(server, async (database) => {
      const three = {
        ...two,
        '3_drop.up.sql': `begin isolation level serializable; alter table a drop column x; ${gate} commit;`,
        '3_drop.down.sql': 'alter table a add column x int;',
      }
      const env = { ...always, LOCKKEEPER_DEADLINE: '20s' }
      expect((await at(database, '2', 4, two, { env })).code).toBe(0)
      let newer: ReturnType<typeof at> | undefined
      const first = await meanwhile(
        database,
        () => at(database, '3', 5, three, { env }),
        async () => {
          newer = at(database, '2', 6, two, { env })
          const blocked = `select from pg_locks where relation = 'lockkeeper.requirement'::regclass and not granted`
          while ((await database.sql(blocked)).length === 0) await sleep(50)
        },
      )
      expect(first.output).toContain('"event":"applied"')
      expect((await newer)?.code).toBe(0)
      expect(await versions(database)).toBe('1 2')
      expect(await has(database, 'a', 'x')).toBe(true)
    }))

  test.each([
    [
      'a trigger',
      `create function gone() returns trigger language plpgsql as 'begin return null; end';
      create trigger gone before insert on lockkeeper.migration for each row execute function gone();`,
    ],
    ['a rule', 'create rule gone as on insert to lockkeeper.migration do instead nothing;'],
    [
      'a trigger for one version',
      `create function gone() returns trigger language plpgsql as 'begin return null; end';
      create trigger gone before insert on lockkeeper.migration for each row when (new.version = ''1'') execute function gone();`.replaceAll(
        "''1''",
        "'1'",
      ),
    ],
    [
      'a trigger on the journal',
      `create function gone() returns trigger language plpgsql as 'begin return null; end';
      create trigger gone before insert on lockkeeper.journal for each row execute function gone();`,
    ],
    ['a rule on the journal', 'create rule gone as on insert to lockkeeper.journal do instead nothing;'],
    [
      'a trigger that takes it away again',
      `create function gone() returns trigger language plpgsql as 'begin delete from lockkeeper.migration; return null; end';
      create trigger gone after insert on lockkeeper.migration for each row execute function gone();`,
    ],
    [
      "a trigger on the workload's row",
      `create function gone() returns trigger language plpgsql as 'begin return null; end';
      create trigger gone before update on lockkeeper.requirement for each row execute function gone();`,
    ],
    [
      'a trigger on the epoch',
      `create function gone() returns trigger language plpgsql as 'begin return null; end';
      create trigger gone before update on lockkeeper.state for each row execute function gone();`,
    ],
  ])('a step that makes %s which swallows its row in the history is rolled back, once', (_, trap) =>
    withDatabase(server, async (database) => {
      const files = { '1_a.up.sql': `create table a (id int); ${trap}`, '1_a.down.sql': 'drop table a;' }
      const run = await at(database, '1', 1, files)
      expect(run.termination, run.output).toMatchObject({ code: 'history-untrusted', version: '1' })
      expect(await has(database, 'a', 'id')).toBe(false)
      expect(run.events.filter(({ event }) => event === 'applying')).toHaveLength(1)
    }),
  )

  test('a start that the history does not take ends the run, and not only its deadline', () =>
    withDatabase(server, async (database) => {
      expect(
        (await at(database, '1', 1, { '1_a.up.sql': 'create table a (id int);', '1_a.down.sql': 'drop table a;' }))
          .code,
      ).toBe(0)
      await database.sql(`create function gone() returns trigger language plpgsql as 'begin return null; end';
        create trigger gone before update on lockkeeper.requirement for each row when (new.stamp is not null) execute function gone();
        update lockkeeper.state set epoch = epoch + 1`)
      const run = await at(
        database,
        '1',
        1,
        { '1_a.up.sql': 'create table a (id int);', '1_a.down.sql': 'drop table a;' },
        { env: { LOCKKEEPER_DEADLINE: '1h' } },
      )
      expect(run.termination).toMatchObject({ code: 'history-untrusted' })
    }))
})
