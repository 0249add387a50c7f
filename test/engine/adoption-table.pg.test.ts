import { afterAll, beforeAll, expect, test } from 'vitest'
import type { EmbeddedPostgres } from '../../src/prove/embedded-postgres.ts'
import { newest } from '../tools/majors.ts'
import { startServer, type TestDatabase, withDatabase } from '../tools/postgres.ts'
import { lockkeeper, withFolder } from '../tools/program.ts'
import { runRunner } from '../tools/runner.ts'

let server: EmbeddedPostgres
let stop: () => Promise<void>
beforeAll(async () => {
  ;({ server, stop } = await startServer({ major: newest }))
})
afterAll(() => stop())

const pair = (app: string, version: number) => ({
  [`${app}/${version}_m.up.sql`]: `CREATE TABLE ${app}_${version} ();`,
  [`${app}/${version}_m.down.sql`]: `DROP TABLE ${app}_${version};`,
})
const files = { ...pair('a', 1), ...pair('a', 2), ...pair('a', 3), ...pair('b', 1), ...pair('b', 2) }
const golangMigrate = (table: string, version: number) =>
  `create table ${table} (version bigint primary key, dirty boolean not null); insert into ${table} values (${version}, false);`

type Run = (args: string) => ReturnType<typeof lockkeeper>
const inFolder = (given: Readonly<Record<string, string>>, use: (run: Run, database: TestDatabase) => Promise<void>) =>
  withDatabase(server, (database) =>
    withFolder(given, (cwd) =>
      use((args) => lockkeeper(args.split(' '), { cwd, env: { DATABASE_URL: database.url } }), database),
    ),
  )

test('two tables of one tool become two sets, each kept current by itself', () =>
  inFolder(files, async (run, { sql }) => {
    await sql(golangMigrate('app_a_migrations', 2) + golangMigrate('app_b_migrations', 1))
    await sql('create table a_1 (); create table a_2 (); create table b_1 ();')
    expect(await run('adopt -m a --from golang-migrate')).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(
        /app_a_migrations.* and .*app_b_migrations[\s\S]*--from golang-migrate --table public\.app_a_migrations --set NAME/,
      ),
    })
    const a = 'adopt -m a --from golang-migrate --table app_a_migrations --set app_a --keep'
    expect((await run(`${a} --dry-run`)).stdout).toContain('would be taken over from public.app_a_migrations')
    expect((await run(a)).stdout).toContain('the schema is at 2; public.app_a_migrations is kept current')
    expect((await run('adopt -m b --table public.app_b_migrations --set app_b')).stdout).toContain(
      'the schema is at 1\n',
    )
    expect(await run('up -m a --set app_a')).toMatchObject({ code: 0 })
    expect(await run('up -m b --set app_b')).toMatchObject({ code: 0 })
    expect(
      await sql(
        'select (select version from app_a_migrations)::int as a, (select version from app_b_migrations)::int as b',
      ),
    ).toEqual([{ a: 3, b: 1 }])
    await sql('update app_a_migrations set version = 9')
    expect(await run('down --to 2 --set app_a')).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^adopted-tool-active/),
    })
    expect(await run('down --to 1 --set app_b')).toMatchObject({ code: 0 })
  }))

test.each([
  [
    'golang-migrate, in a schema of its own',
    'golang-migrate',
    'create schema x;' + golangMigrate('x."My.table"', 1),
    'x."My.table"',
  ],
  [
    'goose',
    'goose',
    'create table versions (id serial primary key, version_id bigint, is_applied boolean, tstamp timestamp default now()); insert into versions (version_id, is_applied) values (0, true), (1, true);',
    'versions',
  ],
  [
    'dbmate, whose one column says too little',
    'dbmate',
    "create table versions (version varchar primary key); insert into versions values ('1');",
    'versions',
  ],
  [
    'DBDeploy',
    'dbdeploy',
    "create table changes (change_number bigint primary key, complete_dt timestamp not null, applied_by varchar not null, description varchar not null); insert into changes values (1, now(), 'x', '1 m.sql');",
    'changes',
  ],
])('a table by another name is taken over and kept: %s', (_, tool, sqlText, table) => {
  const marker: Record<string, readonly [string, string]> = {
    goose: ['-- +goose Up\n', '-- +goose Down\n'],
    dbmate: ['-- migrate:up\n', '-- migrate:down\n'],
    dbdeploy: ['', '--//@UNDO\n'],
  }
  const own = (version: number): Record<string, string> => {
    const [up, down] = marker[tool] ?? ['', '']
    if (tool === 'golang-migrate') return pair('a', version)
    const name = tool === 'dbdeploy' ? `${version} m.sql` : `${version}_m.sql`
    return { [`a/${name}`]: `${up}CREATE TABLE a_${version} ();\n${down}DROP TABLE a_${version};\n` }
  }
  return inFolder({ ...own(1), ...own(2) }, async (run, { sql, url }) => {
    await sql(`${sqlText} create table a_1 ();`)
    if (tool === 'dbmate') expect((await run(`adopt -m a --table ${table}`)).code).toBe(2)
    expect(await run(`adopt -m a --from ${tool} --table ${table} --keep`)).toMatchObject({ code: 0 })
    expect(await run('up -m a')).toMatchObject({ code: 0, stdout: 'the schema is at 2 (1 step)\n' })
    const column = { 'golang-migrate': 'version', goose: 'version_id', dbmate: 'version', dbdeploy: 'change_number' }[
      tool
    ]
    expect(await sql(`select max(${column}::int) as n from ${table}`)).toEqual([{ n: 2 }])
    expect((await runRunner({ url, target: '2' })).code).toBe(0)
  })
})

test('a table that is not there, or has other columns, is said so', () =>
  inFolder(files, async (run, { sql }) => {
    await sql('create table other (version text)')
    for (const table of ['nowhere', 'other', 'x.other']) {
      expect(await run(`adopt -m a --from golang-migrate --table ${table}`)).toMatchObject({
        code: 2,
        stderr: expect.stringMatching(/^bad-config: .*(nowhere|other)[\s\S]*--table NAME/),
      })
    }
    expect((await run('adopt -m a --table a.b.c')).code).toBe(2)
    expect((await run('adopt -m a --at 1 --table other')).code).toBe(2)
  }))
