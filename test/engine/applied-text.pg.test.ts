import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { flywayChecksum } from '../../src/migration/formats/flyway/checksum.ts'
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

const pair = (version: number, up: string, down = 'SELECT 1;') => ({
  [`${version}_m.up.sql`]: up,
  [`${version}_m.down.sql`]: down,
})
/** What another tool ran once, and the runner never could. */
const applied = {
  ...pair(1, 'CREATE EXTENSION IF NOT EXISTS plpgsql;\nBEGIN;\nCREATE TABLE a ();\nCOMMIT;\n', 'DROP TABLE a;'),
  ...pair(
    2,
    'BEGIN;\nCREATE TABLE b ();\nCOMMIT;\nBEGIN;\nCREATE TABLE c ();\nCOMMIT;\n',
    'BEGIN; DROP TABLE c; ROLLBACK; SELECT 1;',
  ),
  ...pair(3, "SELECT 'ca\0fe';"),
  ...pair(4, "SELECT 'open;"),
  ...pair(5, '\\connect shop\nSELECT 1;'),
  ...pair(6, '-- lockkeeper: irreversable\nSELECT 1;'),
  ...pair(7, 'SELECT pg_advisory_unlock_all();'),
}
const next = pair(8, 'CREATE TABLE h ();\nCOMMIT;\n', 'DROP TABLE h;\nEND;\n')
const files = { ...applied, ...next }
const tables = `select string_agg(relname, ',' order by relname) as names from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace`

type Run = (...args: string[]) => ReturnType<typeof lockkeeper>
const inFolder = (given: Readonly<Record<string, string>>, use: (run: Run, database: TestDatabase) => Promise<void>) =>
  withDatabase(server, (database) =>
    withFolder(Object.fromEntries(Object.entries(given).map(([name, text]) => [`migrations/${name}`, text])), (cwd) =>
      use((...args) => lockkeeper(args, { cwd, env: { DATABASE_URL: database.url } }), database),
    ),
  )

describe('the text of what is applied', () => {
  test('refuses neither adoption from a tool, nor up, nor a rollout, nor a plan', () =>
    inFolder(files, async (run, { sql, url }) => {
      await sql(
        'create table schema_migrations (version bigint primary key, dirty boolean not null); insert into schema_migrations values (7, false)',
      )
      expect(await run('adopt', '--from', 'golang-migrate')).toMatchObject({ code: 0, stderr: '' })
      expect(await run('plan')).toMatchObject({ code: 0, stdout: expect.stringMatching(/^up 8 /) })
      expect(await run('up')).toMatchObject({ code: 0, stdout: 'the schema is at 8 (1 step)\n' })
      expect(await run('up')).toMatchObject({ code: 0, stdout: 'nothing to do: the schema is at 8\n' })
      expect(await run('down', '--to', '7')).toMatchObject({ code: 0 })
      expect((await sql(tables))[0]?.names).toBe('schema_migrations')
      expect(await runRunner({ url, target: '8', files })).toMatchObject({ code: 0 })
      expect((await sql(tables))[0]?.names).toBe('h,schema_migrations')
    }))

  test('of a repeatable migration refuses nothing as long as it stays as it ran', () => {
    const bad = 'SELECT 1;\nCOMMIT;\nSELECT 2;\n'
    const set = { 'V1__a.sql': 'CREATE TABLE a ();', 'U1__a.sql': 'DROP TABLE a;', 'R__v.sql': bad }
    return inFolder(
      { ...set, 'V2__b.sql': 'CREATE TABLE b ();', 'U2__b.sql': 'DROP TABLE b;' },
      async (run, { sql }) => {
        await sql(`create table flyway_schema_history (installed_rank int primary key, version varchar(50), description varchar(200) not null,
        type varchar(20) not null, script varchar(1000) not null, checksum int, installed_by varchar(100) not null,
        installed_on timestamp not null default now(), execution_time int not null, success boolean not null);
        insert into flyway_schema_history values (1, '1', 'a', 'SQL', 'V1__a.sql', null, 'x', now(), 1, true),
          (2, null, 'v', 'SQL', 'R__v.sql', ${flywayChecksum(bad)}, 'x', now(), 1, true)`)
        expect(await run('adopt', '--from', 'flyway')).toMatchObject({ code: 0 })
        expect(await run('up')).toMatchObject({ code: 0, stdout: 'the schema is at 2 (1 step)\n' })
        await sql("delete from lockkeeper.migration where version like 'R%'")
        expect(await run('up')).toMatchObject({ code: 1, stderr: expect.stringMatching(/^transaction-control: R__v/) })
      },
    )
  })

  test('refuses no adoption at a version, neither by the program nor by a rollout', async () => {
    await inFolder(files, async (run) => {
      expect(await run('adopt', '--at', '7')).toMatchObject({ code: 0 })
      expect(await run('up')).toMatchObject({ code: 0, stdout: 'the schema is at 8 (1 step)\n' })
    })
    await withDatabase(server, async ({ url, sql }) => {
      const env = { LOCKKEEPER_ADOPT_AT: '7' }
      expect(await runRunner({ url, target: '8', files, env })).toMatchObject({ code: 0 })
      expect((await sql(tables))[0]?.names).toBe('h')
    })
  })

  test('still refuses its own way down, and a script with a character that was replaced is never stored as one', () =>
    inFolder({ ...files, '3_m.down.sql': "SELECT 'ca\0fe';" }, async (run, { sql }) => {
      expect(await run('adopt', '--at', '7')).toMatchObject({ code: 0 })
      expect(await sql('select version from lockkeeper.migration where down_script is null')).toEqual([
        { version: '3' },
      ])
      expect(await run('down', '--to', '2')).toMatchObject({
        code: 1,
        stderr: expect.stringMatching(/^rollback-impossible.*version 3/),
      })
      await sql("delete from lockkeeper.migration where version in ('3', '4', '5', '6', '7')")
      expect(await run('down', '--to', '1')).toMatchObject({
        code: 1,
        stderr: expect.stringMatching(/transaction-control.*2_m\.down\.sql line 1/),
      })
    }))
})

test.each(['1', '2', '3', '4', '5', '6', '7'])('what is pending of it is refused: %s', (version) => {
  const own = Object.fromEntries(Object.entries(applied).filter(([name]) => name.startsWith(version)))
  return inFolder(own, async (run, { sql, url }) => {
    const up = await run('up')
    expect(up).toMatchObject({
      code: expect.toSatisfy((code) => code === 1 || code === 2),
      stderr: expect.stringMatching(/transaction-control|source-unreadable|marker-unclear/),
    })
    expect((await runRunner({ url, target: version, files: own })).code).toBe(14)
    expect((await sql(tables))[0]?.names).toBeNull()
  })
})
