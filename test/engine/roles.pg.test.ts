import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { EmbeddedPostgres } from '../../src/prove/embedded-postgres.ts'
import { majors } from '../tools/majors.ts'
import { query, startServer, type TestDatabase, withDatabase } from '../tools/postgres.ts'
import { lockkeeper, withFolder } from '../tools/program.ts'
import { type Files, runRunner } from '../tools/runner.ts'

const files: Files = {
  '1_a.up.sql': `CREATE TABLE a AS SELECT session_user::text AS login, current_user::text AS who, current_setting('lock_timeout') AS wait,
    current_setting('default_transaction_isolation') AS isolation, current_setting('search_path') AS path, current_setting('timezone') AS zone;
    ALTER TABLE a ADD id int;`,
  '1_a.down.sql': 'DROP TABLE a;\n',
  '2_b.up.sql': 'CREATE INDEX CONCURRENTLY a_id ON a (id);\nALTER TABLE a ADD b int;\n',
  '2_b.down.sql': 'ALTER TABLE a DROP b;\nDROP INDEX CONCURRENTLY a_id;\n',
  '3_c.up.sql': 'ALTER TABLE a ADD c int;\nSELECT pg_sleep(1.2);\n',
  '3_c.down.sql': 'ALTER TABLE a DROP c;\n',
}

describe.each(majors)('roles on PostgreSQL %i', (major) => {
  let server: EmbeddedPostgres
  let stop: () => Promise<void>
  beforeAll(async () => {
    ;({ server, stop } = await startServer({ major }))
    await query(
      `${server.url}/postgres`,
      `create role app_owner; create role v1 login in role app_owner; create role v2 login in role app_owner;
       create role v3 login in role app_owner; alter role v3 set role = app_owner;
       create role weak; create role mig login; grant weak to mig;
       create role hostile login`,
    )
  })
  afterAll(() => stop())

  let token = 0
  const pod = async (url: string, target: string, env: Readonly<Record<string, string>> = {}) => {
    token += 1
    return runRunner({
      url,
      target,
      files,
      token,
      env: { LOCKKEEPER_ON_ROLLBACK: 'always', LOCKKEEPER_DEADLINE: '10s', ...env },
    })
  }
  const fine = async (...args: Parameters<typeof pod>) => {
    const { code, output } = await pod(...args)
    expect(code, output).toBe(0)
  }
  const prepared = (use: (database: TestDatabase) => Promise<void>) =>
    withDatabase(server, async (database) => {
      await database.sql(
        `grant all on database ${database.name} to app_owner, mig, hostile; grant all on schema public to app_owner, weak, mig, hostile`,
      )
      await use(database)
    })
  const owners = ({ sql }: TestDatabase) =>
    sql(`select distinct pg_get_userbyid(relowner) as owner from pg_class where relnamespace = 'lockkeeper'::regnamespace
      union select pg_get_userbyid(nspowner) from pg_namespace where nspname = 'lockkeeper'`)

  test('logins that change share the history of their owner role, on each way of naming it', () =>
    prepared(async (database) => {
      const role = { LOCKKEEPER_ROLE: 'app_owner' }
      await fine(database.urlFor('v1'), '2', role)
      await fine(database.urlFor('v2'), '3', role)
      expect(await owners(database)).toEqual([{ owner: 'app_owner' }])
      expect(await database.sql('select login, who from a')).toEqual([{ login: 'v1', who: 'app_owner' }])
      await fine(`${database.urlFor('v1')}?options=-crole%3Dapp_owner`, '1')
      await fine(database.urlFor('v3'), '3')
      expect(await database.sql(`select distinct done_by from lockkeeper.journal order by 1`)).toEqual(
        ['v1', 'v2', 'v3'].map((done_by) => ({ done_by })),
      )
      const unnamed = await pod(database.urlFor('v2'), '2')
      expect([unnamed.code, unnamed.termination?.code]).toEqual([12, 'history-untrusted'])
      expect(String(unnamed.termination?.fix)).toContain('--role')
      await withFolder(files, async (folder) => {
        const status = await lockkeeper(['status', '-m', folder, '--database', database.urlFor('v2')])
        expect(status.stdout).toMatch(/app_owner owns the history, and its members may write it: v1, v2, v3/)
      })
    }))

  test('a role that may not read the history runs the scripts, up and down and concurrently, and ours run as the login', () =>
    prepared(async (database) => {
      await fine(database.urlFor('mig'), '0')
      const role = { LOCKKEEPER_ROLE: 'weak' }
      await fine(database.urlFor('mig'), '3', role)
      expect(await database.sql('select login, who from a')).toEqual([{ login: 'mig', who: 'weak' }])
      await fine(database.urlFor('mig'), '1', role)
      await fine(database.urlFor('mig'), '0', role)
      await withFolder(files, async (folder) => {
        for (const way of [
          ['up', '-m', folder],
          ['down', '--to', '0'],
        ]) {
          const { code, stderr } = await lockkeeper([...way, '--role', 'weak', '--database', database.urlFor('mig')])
          expect(code, stderr).toBe(0)
        }
      })
      expect(await owners(database)).toEqual([{ owner: 'mig' }])
    }))

  const hostile: readonly (readonly [setting: string, value: string])[] = [
    ['default_transaction_read_only', 'on'],
    ['default_transaction_deferrable', 'on'],
    ['lock_timeout', '10ms'],
    ['statement_timeout', '1s'],
    ['idle_in_transaction_session_timeout', '10ms'],
    ['idle_session_timeout', '1s'],
    ...(major >= 17 ? ([['transaction_timeout', '1s']] as const) : []),
    ['row_security', 'off'],
    ['standard_conforming_strings', 'off'],
    ['bytea_output', 'escape'],
    ['datestyle', 'German'],
    ['intervalstyle', 'sql_standard'],
    ['timezone', 'Asia/Kolkata'],
    ['client_encoding', 'LATIN1'],
    ['extra_float_digits', '-15'],
    ['client_min_messages', 'debug5'],
    ['synchronous_commit', 'off'],
    ['search_path', 'nowhere'],
    ['quote_all_identifiers', 'on'],
    ['exit_on_error', 'on'],
    ['array_nulls', 'off'],
    ['transform_null_equals', 'on'],
    ['check_function_bodies', 'off'],
  ]

  test.each(['serializable', 'repeatable read'])(
    'whatever the role sets for itself, under %s too, runs go up and down, a second pod finds its stamp, and scripts have the settings',
    (isolation) =>
      prepared(async (database) => {
        const url = database.urlFor('hostile')
        const scripts: Files = Object.fromEntries(
          Object.entries(files).map(([name, text]) => [
            name,
            text
              .replace('TABLE a ', 'TABLE public.a ')
              .replace('TABLE a;', 'TABLE public.a;')
              .replace('ON a ', 'ON public.a ')
              .replaceAll('ALTER TABLE a ', 'ALTER TABLE public.a ')
              .replace('CONCURRENTLY a_id;', 'CONCURRENTLY public.a_id;'),
          ]),
        )
        for (const [setting, value] of [...hostile, ['default_transaction_isolation', isolation] as const]) {
          await database.sql(`alter role hostile set ${setting} = '${value}'`)
        }
        await withFolder(scripts, async (folder) => {
          for (const target of ['3', '0']) {
            const way = target === '3' ? ['up', '-m', folder] : ['down', '--to', target]
            const { code, stderr } = await lockkeeper([...way, '--database', url])
            expect(code, stderr).toBe(0)
          }
        })
        token += 1
        const pods = [1, 2, 3].map(() => runRunner({ url, target: '3', files: scripts, token }))
        for (const { code, output } of await Promise.all(pods)) expect(code, output).toBe(0)
        const again = await runRunner({ url, target: '3', files: scripts, token })
        expect(again.output).toContain('nothing to do')
        expect(await database.sql('select isolation, path, zone from public.a')).toEqual([
          { isolation, path: 'nowhere', zone: 'Asia/Kolkata' },
        ])
        await database.sql('alter role hostile reset all')
      }),
  )
})
