import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { requestOf } from '../../src/cli/database.ts'
import { run } from '../../src/engine/run.ts'
import { readMigrations } from '../../src/migration/read.ts'
import { databaseTarget, parseDatabaseUrl } from '../../src/postgres/database-target.ts'
import { ends } from '../tools/majors.ts'
import { type Calls, type ListeningServer, withListeningServer } from '../tools/parse-log.ts'
import { query } from '../tools/postgres.ts'
import { lockkeeper, withFolder } from '../tools/program.ts'
import { type Files, runRunner } from '../tools/runner.ts'

const files: Files = {
  '1_a.up.sql': `CREATE TABLE a (id int PRIMARY KEY, path varchar DEFAULT pg_catalog.current_setting('search_path'));\nINSERT INTO a VALUES (1);\n`,
  '1_a.down.sql': 'DROP TABLE a;\n',
  '2_b.up.sql': 'ALTER TABLE a ADD b int;\nCREATE INDEX CONCURRENTLY a_b ON a (b);\n',
  '2_b.down.sql': 'DROP INDEX CONCURRENTLY a_b;\nALTER TABLE a DROP b;\n',
  '3_c.up.sql': 'ALTER TABLE a ADD c int;\n',
  '3_c.down.sql': 'ALTER TABLE a DROP c;\n',
}
const legacy: Files = { '1_old.up.sql': 'CREATE TABLE old (id int);\n', '1_old.down.sql': 'DROP TABLE old;\n' }
const sets = Object.entries(legacy).map(([name, text]) => [`old/${name}`, text] as const)
const ours = /^(lockkeeper|prove)/

/** Everything that talks to a database, as the login `mig`. */
async function everything({ url: server }: ListeningServer, database: string): Promise<void> {
  const url = `${server.replace('postgres@', 'mig@')}/${database}`
  await query(
    `${server}/${database}`,
    'create table public.schema_migrations (version bigint primary key, dirty boolean not null); insert into public.schema_migrations values (1, false); create table public.old (id int); alter table public.schema_migrations owner to mig; alter table public.old owner to mig',
  )
  const pod = (target: string, token: number) => ({
    url,
    target,
    files,
    token,
    env: { LOCKKEEPER_ON_ROLLBACK: 'always', LOCKKEEPER_ADOPT_AT: '0', LOCKKEEPER_HISTORY_READERS: 'app' },
  })
  const lines: string[] = []
  const fine = async (options: Parameters<typeof runRunner>[0]) => {
    const { code, output } = await runRunner(options)
    expect(code, output).toBe(0)
  }
  await fine(pod('2', 1))
  await fine(pod('2', 1))
  await withFolder(Object.fromEntries([...Object.entries(files), ...sets]), async (folder) => {
    const program = async (expected: number, ...args: string[]) => {
      const { code, stdout, stderr } = await lockkeeper([...args, '--database', url], { cwd: folder })
      expect(code, `${args.join(' ')}\n${stdout}${stderr}`).toBe(expected)
    }
    await program(0, 'adopt', '--from', 'golang-migrate', '--set', 'legacy', '--keep', '-m', join(folder, 'old'))
    await program(0, 'status', '-m', folder)
    await program(0, 'plan', '-m', folder)
    // Somebody is in the way for a moment, so that whoever blocks is looked at, and progress is told.
    const blocker = query(`${server}/${database}`, 'begin; lock table a; select pg_sleep(3); commit')
    const held = `select 1 from pg_catalog.pg_locks where relation operator(pg_catalog.=) 'public.a'::pg_catalog.regclass
      and mode operator(pg_catalog.=) 'AccessExclusiveLock' and granted`
    while ((await query(`${server}/${database}`, held)).length === 0) await sleep(20)
    const set = readMigrations(Object.entries(files).map(([name, content]) => ({ name, content })))
    await run({
      request: requestOf({ lockTimeout: '200ms' }, '3'),
      database: databaseTarget(parseDatabaseUrl(url), {}),
      who: 'test',
      files: async () => set,
      emit: ({ message = '' }) => lines.push(message),
      progressEveryMs: 20,
    })
    await blocker
    await program(0, 'down', '--set', 'legacy', '--to', '0')
    await program(0, 'down', '--steps', '1')
    await program(0, 'history')
    await program(3, 'resolve', '3', '--retry')
  })
  await fine(pod('1', 2))
  await withFolder(files, async (folder) => {
    const { code, stdout, stderr } = await lockkeeper(
      ['forget', '--workload', 'shop/Deployment/orders', '--database', url],
      { cwd: folder },
    )
    expect(code, stdout + stderr).toBe(0)
    const proof = await lockkeeper(
      ['prove', '-m', folder, '--data', '--scratch', `${server.replace('postgres@', 'mig@')}/postgres`],
      { cwd: folder },
    )
    expect(proof.code, proof.stdout + proof.stderr).toBe(0)
  })
  expect(lines.join('\n')).toMatch(/waits for .*lock timeout/s)
}

/** Makes, as the login `app`, something of the same name and arguments for everything that was called, in a schema of the path. */
async function plant(url: string, { functions, operators }: Calls): Promise<number> {
  const wanted = [...functions].flatMap(([oid, calls]) =>
    calls.map((types) => `(${oid}, '${types.join(' ')}'::oidvector)`),
  )
  const rows = await query<{ name: string; args: string[]; result: string; oid: number }>(
    url,
    `
    select distinct p.oid::int, p.proname::text as name, case when p.proretset then 'setof ' else '' end || p.prorettype::regtype as result,
      array(select u::regtype::text from unnest(case when p.provariadic = '"any"'::regtype then w.types::oid[] else p.proargtypes::oid[] end) with ordinality a (u, n) order by n) as args
    from (values ${[...new Set(wanted)].join(', ')}) w (oid, types) join pg_proc p on p.oid = w.oid where p.oid < 16384`,
  )
  const found = await query<{ name: string; l: string; r: string; fn: string }>(
    url,
    `
    select oprname::text as name, oprleft::regtype::text as l, oprright::regtype::text as r from pg_operator where oid in (${[...operators].join(', ')}) and oid < 16384`,
  )
  let planted = 0
  const as = (text: string) => query(url, `set role app; set search_path = pg_catalog; ${text}`)
  const attempt = async (text: string) => {
    try {
      await as(text)
      planted += 1
    } catch {
      // Not every signature of the server's own can be written in PL/pgSQL: "any", internal, cstring.
    }
  }
  const body = `language plpgsql as $f$ begin perform pg_catalog.nextval('public.ran'); return null; end $f$`
  for (const { name, args, result } of rows)
    await attempt(`create or replace function public."${name}"(${args.join(', ')}) returns ${result} ${body}`)
  for (const [i, { name, l, r }] of found.entries()) {
    const [left, right] = [l === '-' ? [] : [`leftarg = ${l}`], [`rightarg = ${r}`]]
    const args = [...(l === '-' ? [] : [l]), r].join(', ')
    await attempt(
      `create function public.op_${i}(${args}) returns boolean ${body}; create operator public.${name} (${[...left, ...right].join(', ')}, function = public.op_${i})`,
    )
  }
  for (const type of ['text', 'oid', 'regclass', 'timestamptz', 'float8', 'int4', 'int8', 'name']) {
    await as(`create domain public.${type} as pg_catalog.${type} check (pg_catalog.nextval('public.ran') > 0)`)
  }
  for (const table of ['pg_class', 'pg_namespace', 'pg_roles', 'pg_stat_activity', 'pg_locks', 'pg_settings']) {
    await as(
      `create view public.${table} as select *, pg_catalog.nextval('public.ran') as trap from pg_catalog.${table}`,
    )
  }
  return planted
}

describe.each(ends)('on PostgreSQL %i', (major) => {
  test(
    'nothing that an app login planted on the path runs in a session of ours',
    () =>
      withListeningServer(major, async (server) => {
        const template = `${server.url}/template1`
        await query(
          template,
          `create role mig login createdb; create role app login; create sequence public.ran; grant all on sequence public.ran to public; grant all on schema public to public, mig, app`,
        )
        const make = (name: string) =>
          query(`${server.url}/postgres`, `create database ${name}; `).then(() =>
            query(`${server.url}/postgres`, `grant create on database ${name} to mig`),
          )
        await make('before')
        await everything(server, 'before')
        const calls = server.understood(ours)
        expect(calls.functions.size).toBeGreaterThan(50)
        expect(await plant(template, calls)).toBeGreaterThan(60)

        await make('attacked')
        await query(
          `${server.url}/postgres`,
          `alter role mig set search_path = public, pg_catalog; alter database attacked set search_path = public, pg_catalog`,
        )
        server.understood(ours)
        await everything(server, 'attacked')
        const attacked = server.understood(ours)
        const foreign = [...attacked.functions.keys(), ...attacked.operators].filter((oid) => oid >= 16384)
        expect(foreign).toEqual([])
        expect(await query(`${server.url}/attacked`, 'select is_called from public.ran')).toEqual([
          { is_called: false },
        ])
        // The scripts had the path of their role.
        expect(await query(`${server.url}/attacked`, 'select path from public.a')).toEqual([
          { path: 'public, pg_catalog' },
        ])
      }),
    240_000,
  )
})
