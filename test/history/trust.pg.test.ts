import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { historyDdl } from '../../src/history/ddl.ts'
import { trustProblem, writersOf } from '../../src/history/trust.ts'
import { withSession } from '../../src/postgres/connect.ts'
import { databaseTarget, parseDatabaseUrl } from '../../src/postgres/database-target.ts'
import type { EmbeddedPostgres } from '../../src/prove/embedded-postgres.ts'
import { majors } from '../tools/majors.ts'
import { query, startServer, type TestDatabase, withDatabase } from '../tools/postgres.ts'

/** What somebody did as a superuser or as the owner, and what is said of it. Each cure is run, and must be enough. */
const hung: readonly (readonly [what: string, sql: string, says: string])[] = [
  ['a member of pg_write_all_data', 'grant pg_write_all_data to app', 'app may write to every table'],
  ['a member of a group that may', 'grant pg_write_all_data to crew', 'crew may write to every table'],
  ['a member of the owner', 'grant mig to app', 'app may act as mig'],
  ['a group that is a member of the owner', 'grant mig to crew', 'crew may act as mig'],
  ['another owner of the schema', 'alter schema lockkeeper owner to app', 'schema lockkeeper belongs to app'],
  ['another owner of a table', 'alter table lockkeeper.migration owner to app', 'table migration belongs to app'],
  ['a right to make tables', 'grant create on schema lockkeeper to app', 'app may create in schema'],
  ['a right to write', 'grant update on lockkeeper.migration to public', 'PUBLIC may update on migration'],
  ['a right on a column', 'grant update (down_script) on lockkeeper.migration to app', 'column down_script'],
  ['a right to refer to rows', 'grant references on lockkeeper.migration to app', 'app may references on migration'],
  [
    'a child table',
    'create table public.kid () inherits (lockkeeper.migration)',
    'public.kid inherits from lockkeeper.migration',
  ],
  [
    'a parent table',
    `create table public.elder ("set" text not null); alter table lockkeeper.state inherit public.elder`,
    'lockkeeper.state inherits from public.elder',
  ],
  ['a history that a crash empties', 'alter table lockkeeper.journal set unlogged', 'journal is UNLOGGED'],
  [
    'a trigger that is switched off',
    `create trigger t before insert on lockkeeper.migration for each row execute function public.f();
     alter table lockkeeper.migration disable trigger t`,
    'trigger t on migration',
  ],
  [
    'a trigger for replicas',
    `create trigger t before insert on lockkeeper.migration for each row execute function public.f();
     alter table lockkeeper.migration enable replica trigger t`,
    'trigger t on migration',
  ],
  ['a rule', 'create rule r as on insert to lockkeeper.migration do instead nothing', 'rule r on migration'],
  [
    'a policy',
    'create policy p on lockkeeper.migration using (true); alter table lockkeeper.migration force row level security',
    'row security on migration; policy p on migration',
  ],
  [
    'a default with a function of others',
    `alter table lockkeeper.migration alter floor set default public.g('x')`,
    'a default of column floor of migration',
  ],
  [
    'a generated column',
    `alter table lockkeeper.migration add extra text generated always as (public.g('x')) stored`,
    'a default of column extra of migration',
  ],
  [
    'a constraint with a function of others',
    `alter table lockkeeper.migration add constraint k check (public.g(name) is not null)`,
    'constraint k on lockkeeper.migration',
  ],
  [
    'a foreign key that keeps rows from going',
    `create table public.refers (s text, v text, constraint k foreign key (s, v) references lockkeeper.migration)`,
    'constraint k on public.refers',
  ],
  [
    'an index with a function of others',
    `create index i on lockkeeper.migration (public.g(name))`,
    'index lockkeeper.i on migration calls a function of others',
  ],
  [
    'an index over some rows, as a function of others says',
    `create index i on lockkeeper.migration (name) where public.g(name) is not null`,
    'index lockkeeper.i on migration calls a function of others',
  ],
  [
    'statistics with a function of others',
    `create statistics public.st on (public.g(name)), floor from lockkeeper.migration`,
    'statistics public.st on migration',
  ],
  ['no primary key', 'alter table lockkeeper.state drop constraint state_pkey', 'state has no primary key'],
  [
    'a domain',
    'alter table lockkeeper.migration alter floor type public.d',
    'column floor of migration has the type public.d',
  ],
  [
    'another type',
    'alter table lockkeeper.requirement alter token type text',
    'column token of requirement has the type text',
  ],
]

describe.each(majors)('a history that others could have written, on PostgreSQL %i', (major) => {
  let server: EmbeddedPostgres
  let stop: () => Promise<void>
  beforeAll(async () => {
    ;({ server, stop } = await startServer({ major }))
    await query(
      `${server.url}/postgres`,
      'create role mig login; create role app login; create role crew; grant crew to app',
    )
  })
  afterAll(() => stop())

  const withHistory = (use: (database: TestDatabase) => Promise<void>, owner?: string) =>
    withDatabase(server, async (database) => {
      await database.sql(`grant create on database ${database.name} to mig; grant all on schema public to public;
        create function public.f() returns trigger language plpgsql as 'begin return new; end';
        create function public.g(text) returns text language sql immutable as 'select $1';
        create domain public.d as text`)
      await query(database.urlFor('mig'), `begin; ${historyDdl({ schema: 'lockkeeper', owner, readers: [] })} commit`)
      await use(database)
    })
  const problem = ({ urlFor }: TestDatabase, login = 'mig', owner?: string) =>
    withSession(databaseTarget(parseDatabaseUrl(urlFor(login)), {}), 'test', (session) =>
      trustProblem(session, 'lockkeeper', owner),
    )

  test('is refused whatever others hung on it, and the cure that it names is enough', () =>
    withHistory(async (database) => {
      expect(await problem(database)).toBeUndefined()
      for (const [what, sql, says] of hung) {
        await database.sql(sql)
        const found = await problem(database)
        expect(found?.code, what).toBe('history-untrusted')
        expect(found?.message, what).toContain(says)
        const cure = /^as a superuser, after looking at what was changed: (.*?)( Or, where .*)?$/.exec(
          found?.fix ?? '',
        )?.[1]
        await database.sql(cure ?? '')
        expect((await problem(database))?.message, what).toBeUndefined()
      }
    }))

  test('superusers, a membership that cannot act, and readers are no reason', () =>
    withHistory(async (database) => {
      await database.sql('create role boss superuser login; grant mig to boss; grant pg_write_all_data to boss')
      await database.sql(
        'grant usage on schema lockkeeper to app; grant select on all tables in schema lockkeeper to app',
      )
      await database.sql('grant pg_read_all_data to app')
      if (major >= 16) await database.sql('grant mig to app with admin true, inherit false, set false')
      expect((await problem(database))?.message).toBeUndefined()
      await database.sql(
        'revoke mig from boss, app; drop owned by boss; drop role boss; revoke pg_read_all_data from app',
      )
    }))

  test('logins of the configured owner role are ours; without it they are told how to name it', () =>
    withHistory(async (database) => {
      await database.sql(`create role app_owner; create role v1 login in role app_owner; create role v2 login in role app_owner;
        grant create on database ${database.name} to app_owner; drop schema lockkeeper cascade`)
      const ddl = historyDdl({ schema: 'lockkeeper', owner: 'app_owner', readers: [] })
      await query(database.urlFor('v1'), `begin; ${ddl} commit`)
      expect((await problem(database, 'v1', 'app_owner'))?.message).toBeUndefined()
      expect((await problem(database, 'v2', 'app_owner'))?.message).toBeUndefined()
      const unnamed = await problem(database, 'v2')
      expect(unnamed?.message).toContain('schema lockkeeper belongs to app_owner')
      expect(unnamed?.fix).toContain('--role or config.lockkeeper.dev/role')
      // A role that the login does not have is nobody that could be ours.
      expect((await problem(database, 'app', 'app_owner'))?.code).toBe('history-untrusted')
      expect((await problem(database, 'v2', 'no_such_role'))?.code).toBe('history-untrusted')
      const writers = await withSession(
        databaseTarget(parseDatabaseUrl(database.urlFor('v1')), {}),
        'test',
        (session) => writersOf(session, 'lockkeeper'),
      )
      expect(writers).toEqual({ owner: 'app_owner', members: ['v1', 'v2'] })
      await database.sql('drop schema lockkeeper cascade; drop owned by app_owner; drop role v1, v2, app_owner')
    }))
})
