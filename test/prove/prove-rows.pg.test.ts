import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { withSession } from '../../src/postgres/connect.ts'
import { databaseTarget, parseDatabaseUrl } from '../../src/postgres/database-target.ts'
import type { EmbeddedPostgres } from '../../src/prove/embedded-postgres.ts'
import { fillTables } from '../../src/prove/rows/fill.ts'
import { startServer, withDatabase } from '../tools/postgres.ts'
import { ends } from './prove-answer.ts'

describe.each(ends)('generated rows, on PostgreSQL %i', (major) => {
  let server: EmbeddedPostgres
  let stop: () => Promise<void>
  beforeAll(async () => {
    ;({ server, stop } = await startServer({ major }))
  })
  afterAll(() => stop())

  /** Fills what a script makes; the rows of each table counted, and what stayed empty. */
  const filled = (ddl: string) =>
    withDatabase(server, async ({ url, sql }) => {
      await sql(ddl)
      const constraints = () =>
        sql(
          'select conrelid::regclass::text, conname, condeferrable, condeferred, convalidated from pg_constraint where conrelid <> 0 order by 1, 2',
        )
      const before = await constraints()
      const target = databaseTarget(parseDatabaseUrl(url), {})
      const unfilled = await withSession(target, 'test', async (session) => {
        await session.execute(`set search_path = ''`)
        return fillTables(session, 'lockkeeper')
      })
      expect(await constraints()).toEqual(before)
      const tables = await sql<{ name: string }>(
        `select oid::regclass::text as name from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'p') and not relispartition order by 1`,
      )
      const counts: Record<string, number> = {}
      for (const { name } of tables)
        counts[name] = Number((await sql<{ n: string }>(`select count(*) as n from only ${name}`))[0]?.n)
      // A partitioned table has no rows of its own.
      for (const { name } of await sql<{ name: string }>(
        `select oid::regclass::text as name from pg_class where relkind = 'p' and not relispartition`,
      )) {
        counts[name] = Number((await sql<{ n: string }>(`select count(*) as n from ${name}`))[0]?.n)
      }
      return { counts, unfilled }
    })

  test.each([
    [
      'foreign keys in an order that is not theirs',
      'create table a (id int primary key); create table c (b int not null); create table b (id int primary key, a int not null references a); alter table c add foreign key (b) references b',
      { a: 5, b: 5, c: 5 },
    ],
    [
      'a table that refers to itself',
      'create table t (id int primary key, up int not null references t, also int references t)',
      { t: 5 },
    ],
    [
      'two tables that refer to each other',
      'create table a (id int generated always as identity primary key); create table b (id serial primary key, a int not null references a); alter table a add b int not null references b',
      { a: 5, b: 5 },
    ],
    [
      'a circle of which one side may be NULL',
      'create table a (id int primary key, b int); create table b (id int primary key, a int not null references a deferrable); alter table a add foreign key (b) references b on delete cascade',
      { a: 5, b: 5 },
    ],
    [
      'foreign keys that share a column',
      'create table tenants (id int primary key); create table users (tenant int references tenants, id int, primary key (tenant, id)); create table orders (tenant int references tenants, by int not null, id int, foreign key (tenant, by) references users, primary key (tenant, id))',
      { tenants: 5, users: 5, orders: 5 },
    ],
    [
      'a table between two others',
      'create table a (id uuid primary key); create table b (id text primary key); create table ab (a uuid references a, b text references b, primary key (a, b))',
      { a: 5, b: 5, ab: 5 },
    ],
    [
      'checks of single columns',
      `create table t (state text not null check (state in ('new', 'paid')), n int check (n > 10), p numeric(5, 2) check (p >= 0 and p < 1), code char(3) not null check (length(code) = 3), word text check (char_length(word) between 4 and 6), d date check (d < '2000-01-01'))`,
      { t: 5 },
    ],
    [
      'enums, domains, composites, arrays and ranges',
      `create type mood as enum ('sad', 'glad'); create domain mail as text not null check (value like '%@%'); create domain small as int check (value between 1 and 9);
create type pair as (a int, b text); create table t (m mood not null, e mail, s small not null, p pair not null, ms mood[] not null, ps pair[] not null, r int4range not null, tr tstzrange not null, exclude using gist (r with &&))`,
      { t: 5 },
    ],
    [
      'what the server makes itself',
      'create table t (id int generated always as identity primary key, a int not null, twice int generated always as (a * 2) stored, n bigserial unique)',
      { t: 5 },
    ],
    [
      'unique columns of many types',
      'create table t (a smallint unique not null, b numeric(3, 1) unique not null, c varchar(2) unique not null, d date unique not null, e timestamptz unique not null, f uuid unique not null, g inet unique not null, h bytea unique not null, i jsonb not null, j time not null, k interval not null, l bit(4) not null, m point not null, n xml not null, o tsvector not null, p money not null, q "char" not null, r name not null, s macaddr not null, u float8 not null, v bit varying not null)',
      { t: 5 },
    ],
    [
      'partitions by range, by list and by hash',
      `create table r (at date not null, v text) partition by range (at); create table r1 partition of r for values from ('1999-01-01') to ('2000-01-01');
create table l (k text not null, n int not null) partition by list (k); create table l1 partition of l for values in ('x', 'y') partition by range (n); create table l11 partition of l1 for values from (100) to (200);
create table h (id int primary key) partition by hash (id); create table h0 partition of h for values with (modulus 1, remainder 0)`,
      { r: 5, l: 5, h: 5 },
    ],
    [
      'inheritance',
      'create table parent (a int not null); create table child (b int not null) inherits (parent)',
      { parent: 5, child: 5 },
    ],
    [
      'row security that is forced',
      'create table t (a int not null); alter table t enable row level security, force row level security',
      { t: 5 },
    ],
    [
      'rows that are there already',
      "create table t (id int primary key, v text unique); insert into t values (1, 'text 1'), (2, 'x')",
      { t: 7 },
    ],
    ['a table for one row', 'create table t (id int primary key check (id = 1), v text not null)', { t: 1 }],
    [
      'a check over columns that only NULL satisfies',
      `create table t (a text, b text, check ((a is null and b is null) or a ~ '^[A-Z]{7}$'))`,
      { t: 5 },
    ],
    [
      'a check that one column is above another',
      'create table t (a date not null, b date not null, check (b >= a), low int not null, high int not null, check (high > low or high = low))',
      { t: 5 },
    ],
  ] as const)('%s', async (_, ddl, wanted) => {
    const { counts, unfilled } = await filled(ddl)
    expect(unfilled).toEqual([])
    expect(counts).toEqual(wanted)
  })

  test.each([
    [
      'a check that is not understood',
      `create table t (a text not null check (a ~ '^[A-Z]{7}$'))`,
      'violates check constraint "t_a_check"',
    ],
    [
      'a trigger that refuses',
      `create function no() returns trigger language plpgsql as $$ begin raise 'not today'; end $$; create table t (a int); create trigger no before insert on t execute function no()`,
      'not today',
    ],
    [
      'a rule that takes rows away',
      'create table t (a int); create rule away as on insert to t do instead nothing',
      'a rule, a trigger or a policy takes its rows away',
    ],
    [
      'a partitioned table without partitions',
      'create table t (a int) partition by range (a)',
      'no partition of relation "t" found',
    ],
    [
      'a circle through a check',
      `create table t (id text primary key check (id ~ '^[A-Z]{7}$'), up text not null references t)`,
      'its foreign keys form a circle: public.t',
    ],
    [
      'a type that nobody knows',
      "create type odd; create function odd_in(cstring) returns odd language internal strict immutable as 'int4in'; create function odd_out(odd) returns cstring language internal strict immutable as 'int4out'; create type odd (input = odd_in, output = odd_out, internallength = 4, passedbyvalue); create table t (a odd not null)",
      'null value in column "a"',
    ],
  ])('%s: the table is named, and the others are filled', async (_, ddl, why) => {
    const { counts, unfilled } = await filled(`${ddl}; create table other (id int primary key)`)
    expect(unfilled).toMatchObject([{ table: 'public.t', why: expect.stringContaining(why) }])
    expect(counts).toEqual({ t: 0, other: 5 })
  })
})
