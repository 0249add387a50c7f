import { afterAll, beforeAll, describe, expect, test } from 'vitest'
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

type Files = Readonly<Record<string, string>>
type Run = (...args: string[]) => ReturnType<typeof lockkeeper>
const inFolder = (given: Files, use: (run: Run, database: TestDatabase) => Promise<void>) =>
  withDatabase(server, (database) =>
    withFolder(Object.fromEntries(Object.entries(given).map(([name, text]) => [`migrations/${name}`, text])), (cwd) =>
      use((...args) => lockkeeper(args, { cwd, env: { DATABASE_URL: database.url } }), database),
    ),
  )
const first = { '1_a.up.sql': 'CREATE TABLE a (x int);', '1_a.down.sql': 'DROP TABLE a;' }
const says = '-- lockkeeper: nothing-to-undo every release reads these rows\n'

describe('nothing-to-undo', () => {
  test('is a way back for the policy, which then reverts what is above', () =>
    withDatabase(server, async ({ url, sql }) => {
      const files = {
        ...first,
        '2_b.up.sql': `${says}INSERT INTO a VALUES (1);`,
        '3_c.up.sql': 'INSERT INTO a VALUES (2);',
        '3_c.down.sql': says,
      }
      const env = { LOCKKEEPER_DIGEST: 'other', LOCKKEEPER_ON_ROLLBACK: 'always' }
      expect(await runRunner({ url, target: '3', files, env })).toMatchObject({ code: 0 })
      expect(await sql('select x from a order by x')).toEqual([{ x: 1 }, { x: 2 }])
      expect(await runRunner({ url, target: '1', token: 2, env: { LOCKKEEPER_ON_ROLLBACK: 'always' } })).toMatchObject({
        code: 0,
      })
      expect(await sql('select version from lockkeeper.migration')).toEqual([{ version: '1' }])
      expect(await sql('select x from a order by x')).toEqual([{ x: 1 }, { x: 2 }])
    }))

  test('is none where the up script does more: the runner refuses what no webhook saw', () =>
    withDatabase(server, async ({ url }) => {
      const files = { ...first, '2_b.up.sql': `${says}ALTER TABLE a ADD y int;` }
      const refused = await runRunner({ url, target: '2', files, env: { LOCKKEEPER_DIGEST: 'other' } })
      expect(refused.termination).toMatchObject({ code: 'rollback-missing', version: '2' })
    }))

  test('passes prove', () =>
    inFolder({ ...first, '2_b.up.sql': `${says}INSERT INTO a VALUES (1);` }, async (run) => {
      expect(await run('prove')).toMatchObject({ code: 0, stdout: expect.stringMatching(/^2 proven/m) })
    }))
})

describe('elsewhere', () => {
  const files = {
    ...first,
    '2_copy.up.go': 'package migrations',
    '2_copy.up.sql': '-- lockkeeper: elsewhere the copy tool of May\n',
    '3_c.up.sql': 'CREATE TABLE c ();',
    '3_c.down.sql': 'DROP TABLE c;',
  }

  test('is recorded and not run, and cannot be undone', () =>
    inFolder(files, async (run, { sql }) => {
      expect(await run('up')).toMatchObject({ code: 0, stdout: 'the schema is at 3 (3 steps)\n' })
      expect(await sql("select floor from lockkeeper.migration where version = '2'")).toEqual([{ floor: null }])
      expect(await run('down', '--to', '2')).toMatchObject({ code: 0 })
      expect(await run('down', '--to', '1')).toMatchObject({
        code: 1,
        stderr: expect.stringMatching(/^rollback-impossible/),
      })
    }))

  test('needs the namespace to allow what is irreversible', () =>
    withDatabase(server, async ({ url }) => {
      const env = { LOCKKEEPER_DIGEST: 'other' }
      const refused = await runRunner({ url, target: '3', files, env })
      expect(refused.termination).toMatchObject({ code: 'rollback-irreversible', version: '2' })
      expect(String(refused.termination?.message)).toContain('done elsewhere: the copy tool of May')
      const allowed = { ...env, LOCKKEEPER_ALLOW_IRREVERSIBLE: 'true' }
      expect(await runRunner({ url, target: '3', files, env: allowed })).toMatchObject({ code: 0 })
    }))

  test('lets a team with a few programs adopt, and without it the program is named', () =>
    inFolder(files, async (run, { sql }) => {
      await sql(
        'create table schema_migrations (version bigint primary key, dirty boolean not null); insert into schema_migrations values (3, false)',
      )
      const { '2_copy.up.sql': _, ...without } = files
      await inFolder(without, async (other, database) => {
        await database.sql(
          'create table schema_migrations (version bigint primary key, dirty boolean not null); insert into schema_migrations values (3, false)',
        )
        expect(await other('adopt', '--from', 'golang-migrate')).toMatchObject({
          code: 1,
          stderr: expect.stringMatching(/^source-unreadable: 2_copy\.up\.go[\s\S]*elsewhere REASON/),
        })
      })
      expect(await run('adopt', '--from', 'golang-migrate')).toMatchObject({ code: 0 })
      expect(await run('up')).toMatchObject({ code: 0, stdout: 'nothing to do: the schema is at 3\n' })
    }))

  test('stands for a Java migration that Flyway ran, whatever its checksum', () =>
    inFolder(
      {
        'V1__a.sql': 'CREATE TABLE a ();',
        'U1__a.sql': 'DROP TABLE a;',
        'V2__Copy.java': 'class V2__Copy {}',
        'V2__copy.sql': '-- lockkeeper: elsewhere Java\n',
      },
      async (run, { sql }) => {
        await sql(`create table flyway_schema_history (installed_rank int primary key, version varchar(50), description varchar(200) not null,
          type varchar(20) not null, script varchar(1000) not null, checksum int, installed_by varchar(100) not null,
          installed_on timestamp not null default now(), execution_time int not null, success boolean not null);
          insert into flyway_schema_history values (1, '1', 'a', 'SQL', 'V1__a.sql', null, 'x', now(), 1, true),
            (2, '2', 'Copy', 'JDBC', 'db.migration.V2__Copy', 7, 'x', now(), 1, true)`)
        expect(await run('adopt', '--from', 'flyway')).toMatchObject({ code: 0, stderr: '' })
        expect(await run('up')).toMatchObject({ code: 0, stdout: 'nothing to do: the schema is at 2\n' })
      },
    ))
})
