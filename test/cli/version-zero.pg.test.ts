import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { EmbeddedPostgres } from '../../src/prove/embedded-postgres.ts'
import { newest } from '../tools/majors.ts'
import { startServer, type TestDatabase, withDatabase } from '../tools/postgres.ts'
import { lockkeeper, withFolder } from '../tools/program.ts'

let server: EmbeddedPostgres
let stop: () => Promise<void>
beforeAll(async () => {
  ;({ server, stop } = await startServer({ major: newest }))
})
afterAll(() => stop())

type Files = Readonly<Record<string, string>>
const table = (version: number, name: string) => ({
  [`${version}_${name}.up.sql`]: `CREATE TABLE ${name} ();`,
  [`${version}_${name}.down.sql`]: `DROP TABLE ${name};`,
})
const files: Files = { ...table(0, 'a'), ...table(1, 'b'), ...table(2, 'c') }
const fails: Files = {
  ...table(1, 'a'),
  ...table(2, 'b'),
  '3_c.up.sql': 'SELECT 1/0;',
  '3_c.down.sql': 'DROP TABLE c;',
}

type Run = (...args: string[]) => ReturnType<typeof lockkeeper>
const inFolder = (given: Files, use: (run: Run, database: TestDatabase) => Promise<void>) =>
  withDatabase(server, (database) =>
    withFolder(Object.fromEntries(Object.entries(given).map(([name, text]) => [`migrations/${name}`, text])), (cwd) =>
      use((...args) => lockkeeper(args, { cwd, env: { DATABASE_URL: database.url } }), database),
    ),
  )
const json = async (run: Run, ...args: string[]) => JSON.parse((await run(...args, '-o', 'json')).stdout)

describe('version 0', () => {
  const stays = 'version 0 stays applied: `lockkeeper down --to none` reverts it too\n'

  test('is left by --to 0, which says so, and reverted by --to none', () =>
    inFolder(files, async (run) => {
      expect(await json(run, 'up')).toMatchObject({ from: null, to: '2', steps: [{ version: '0' }, {}, {}] })
      expect((await run('plan', '--to', '0')).stdout).toMatch(new RegExp(`down 1 b\\n${stays}$`))
      expect((await run('plan', '--to', 'none')).stdout).toBe(
        'down from 2 to nothing, with the scripts stored in the database\n  down 2 c\n  down 1 b\n  down 0 a\n',
      )
      expect((await run('down', '--to', '0')).stdout).toBe(`the schema is at 0 (2 steps)\n${stays}`)
      expect((await run('down', '--to', '0')).stdout).toBe(`nothing to do: the schema is at 0\n${stays}`)
      expect(await run('down', '--to', 'none')).toMatchObject({
        code: 0,
        stdout: 'the schema is at nothing (1 step)\n',
      })
      expect(await json(run, 'up', '--to', '0')).toMatchObject({ from: null, to: '0', steps: [{ version: '0' }] })
      expect(await json(run, 'down', '--to', 'none')).toMatchObject({ from: '0', to: null, result: 'done' })
    }))

  test('counts among --steps', () =>
    inFolder(files, async (run) => {
      await run('up')
      expect((await run('down', '--steps', '2')).stdout).toBe(`the schema is at 0 (2 steps)\n${stays}`)
      await run('up')
      expect(await json(run, 'down', '--steps', '3')).toMatchObject({
        from: '2',
        to: null,
        steps: [{}, {}, { version: '0' }],
      })
    }))

  test('where there is none, nothing is said of it', () =>
    inFolder(table(1, 'b'), async (run) => {
      await run('up')
      expect((await run('down', '--to', '0')).stdout).toBe('the schema is at nothing (1 step)\n')
      await run('up')
      expect((await run('down', '--to', 'none', '--workload', 'shop/Job/x')).stdout).toBe(
        'the schema is at nothing (1 step)\n',
      )
      expect((await run('up', '--to', 'none')).code).toBe(2)
    }))

  test('is held by what holds, and needs its way back like any other', () =>
    inFolder({ '0_a.up.sql': '-- lockkeeper: irreversible it cannot\nCREATE TABLE a ();' }, async (run) => {
      await run('up')
      expect(await run('down', '--to', 'none')).toMatchObject({
        code: 1,
        stderr: expect.stringMatching(/^rollback-impossible: .*version 0 .*so nothing is out of reach/),
      })
    }))

  test('stands before 1 where 1 is proven, and is proven itself', () =>
    inFolder(
      { ...table(0, 'a'), '1_b.up.sql': 'ALTER TABLE a ADD x int;', '1_b.down.sql': 'ALTER TABLE a DROP x;' },
      async (run) => {
        const { code, stdout } = await run('prove')
        expect({ code, stdout }).toMatchObject({ code: 0, stdout: expect.stringMatching(/^2 proven /m) })
        await inFolder({ ...files, '0_a.down.sql': 'SELECT 1;' }, async (again) => {
          const broken = await again('prove', '-o', 'json')
          expect(JSON.parse(broken.stdout).migrations[0]).toMatchObject({ version: '0', result: 'failed' })
        })
      },
    ))
})

describe('adopt --at', () => {
  test('says what counts as applied, and what is pending', () =>
    inFolder(
      { ...table(1, 'a'), '2_b.up.sql': '-- lockkeeper: irreversible no\nSELECT 1;', ...table(3, 'c') },
      async (run) => {
        expect(await run('adopt', '--at', '2')).toEqual({
          code: 0,
          stdout:
            '  1  a  with its down script\n  2  b  no down script\n2 migrations taken as applied without being run; the schema is at 2\n1 migration pending: lockkeeper up\n',
          stderr: '',
        })
        expect(await run('adopt', '--at', '3')).toMatchObject({
          code: 0,
          stdout: 'nothing to do: this database has a history already, at 2\n',
        })
      },
    ))

  test('as JSON', () =>
    inFolder(table(1, 'a'), async (run) => {
      expect(await json(run, 'adopt', '--at', '1')).toEqual({
        from: null,
        to: '1',
        steps: [],
        result: 'done',
        adopted: [{ version: '1', name: 'a', down: 'stored' }],
        findings: [],
      })
      expect((await run('adopt', '--at', '9')).code).toBe(0)
    }))

  test('0 says what it means where there is a version 0, and none takes not even that', async () => {
    await inFolder(files, async (run) => {
      expect((await run('adopt', '--at', '0')).stdout).toBe(
        '  0  a  with its down script\n1 migration taken as applied without being run; the schema is at 0\n--at 0 takes version 0 as applied, and nothing above it; where not even that is applied: --at none\n2 migrations pending: lockkeeper up\n',
      )
    })
    await inFolder(files, async (run) => {
      expect((await run('adopt', '--at', 'none')).stdout).toBe(
        '0 migrations taken as applied without being run; the schema is at nothing\n3 migrations pending: lockkeeper up\n',
      )
      expect(await json(run, 'up')).toMatchObject({ from: null, to: '2' })
    })
  })

  test('of a version that the files do not have is an error', () =>
    inFolder(files, async (run) => {
      expect(await run('adopt', '--at', '7')).toMatchObject({
        code: 1,
        stderr: expect.stringMatching(/^target-unknown/),
      })
    }))
})

describe('JSON of up and down', () => {
  test('says where a run that failed came from and got to', () =>
    inFolder(fails, async (run) => {
      const first = await json(run, 'up')
      expect(first).toMatchObject({
        from: null,
        to: '2',
        result: 'failed',
        steps: [{ version: '1' }, { version: '2' }],
      })
      expect(await json(run, 'up')).toMatchObject({ from: '2', to: '2', result: 'failed', steps: [] })
    }))

  test('says so of a refusal too, before and in the middle', () =>
    inFolder(
      { ...table(1, 'a'), ...table(2, 'b'), '3_c.up.sql': 'SELECT 1; COMMIT; SELECT 2;', '3_c.down.sql': 'SELECT 1;' },
      async (run, { sql }) => {
        expect(await json(run, 'up')).toMatchObject({ from: null, to: null, result: 'failed', steps: [] })
        expect(await json(run, 'up', '--to', '2')).toMatchObject({ from: null, to: '2', result: 'done' })
        expect(await json(run, 'up')).toMatchObject({
          from: '2',
          to: '2',
          steps: [],
          findings: [{ code: 'transaction-control' }],
        })
        await sql("update lockkeeper.migration set down_script = null, down_checksum = null where version = '1'")
        expect(await json(run, 'down', '--to', '0')).toMatchObject({ from: '2', to: '2', result: 'refused' })
      },
    ))

  test('of a down that fails on its way counts what it reverted', () =>
    inFolder(
      { ...table(1, 'a'), '2_b.up.sql': 'CREATE TABLE b ();', '2_b.down.sql': 'SELECT 1/0;', ...table(3, 'c') },
      async (run) => {
        await run('up')
        expect(await json(run, 'down', '--to', '0')).toMatchObject({
          from: '3',
          to: '2',
          result: 'failed',
          steps: [{ version: '3', direction: 'down' }],
        })
      },
    ))
})
