import { once } from 'node:events'
import { rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { createServer as createTcpServer, type Server } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { historyDdl } from '../../src/history/ddl.ts'
import { type EmbeddedPostgres, withPostgres } from '../../src/prove/embedded-postgres.ts'
import { majors, testAtEnds } from '../tools/majors.ts'
import { query, startServer, withDatabase } from '../tools/postgres.ts'
import { type Files, runRunner } from '../tools/runner.ts'

const files: Files = { '1_a.up.sql': 'CREATE TABLE a (id int);\n', '1_a.down.sql': 'DROP TABLE a;\n' }
const secret = 'hunter2-very-secret'
const soon = { LOCKKEEPER_DEADLINE: '600ms' }

describe.each(majors)('databases on PostgreSQL %i', (major) => {
  let server: EmbeddedPostgres
  let stop: () => Promise<void>
  beforeAll(async () => {
    const prepare = (data: string) =>
      writeFile(
        join(data, 'pg_hba.conf'),
        'hostssl all tls_only 127.0.0.1/32 trust\nhost all tls_only 127.0.0.1/32 reject\nhost all guarded 127.0.0.1/32 scram-sha-256\nhost all shut 127.0.0.1/32 reject\nhost all all 127.0.0.1/32 trust\n',
      )
    ;({ server, stop } = await startServer({ major, prepare, settings: ['wal_level = logical'] }))
    await query(
      `${server.url}/postgres`,
      `create role guarded login password '${secret}'; create role plain login; create role other login; create role tls_only login; create role shut login`,
    )
  })
  afterAll(() => stop())
  const testEnds = testAtEnds(major)

  const cases: [string, (port: number) => string, number, string, RegExp][] = [
    [
      'that does not resolve',
      () => `postgresql://u:${secret}@no-such-host.invalid/db`,
      13,
      'cannot-connect',
      /does not resolve/,
    ],
    ['that refuses', () => `postgresql://u:${secret}@127.0.0.1:1/db`, 13, 'cannot-connect', /refuses the connection/],
    [
      'with a wrong password',
      (port) => `postgresql://guarded:${secret}x@127.0.0.1:${port}/postgres`,
      13,
      'cannot-connect',
      /password of guarded/,
    ],
    [
      'that asks for a password where none is given',
      (port) => `postgresql://guarded@127.0.0.1:${port}/postgres`,
      13,
      'cannot-connect',
      /asks for the password of guarded/,
    ],
    [
      'that wants TLS',
      (port) => `postgresql://tls_only:${secret}@127.0.0.1:${port}/postgres?sslmode=disable`,
      13,
      'cannot-connect',
      /lets tls_only not in without TLS/,
    ],
    [
      'that lets the role not in',
      (port) => `postgresql://shut@127.0.0.1:${port}/postgres`,
      13,
      'cannot-connect',
      /lets shut not in/,
    ],
    [
      'without TLS where it is asked for',
      (port) => `postgresql://plain@127.0.0.1:${port}/postgres?sslmode=require`,
      13,
      'cannot-connect',
      /offers no TLS/,
    ],
    [
      'that does not exist',
      (port) => `postgresql://plain@127.0.0.1:${port}/nowhere`,
      13,
      'cannot-connect',
      /no database "nowhere"/,
    ],
    ['of another kind', () => `mysql://u:${secret}@127.0.0.1/db`, 14, 'bad-config', /scheme "mysql"/],
    [
      'with an unknown parameter',
      () => `postgresql://u:${secret}@127.0.0.1/db?sslmod=require`,
      14,
      'bad-config',
      /"sslmod"/,
    ],
    [
      'with a mode nobody knows',
      () => `postgresql://u:${secret}@127.0.0.1/db?sslmode=yes`,
      14,
      'bad-config',
      /sslmode is "yes"/,
    ],
  ]
  test.each(cases)(
    'a database %s is a clear error with its cure and without the password',
    async (_, url, exit, code, message) => {
      const run = await runRunner({ url: url(server.port), target: '1', files, env: soon })
      expect(run.termination).toMatchObject({ code })
      expect(run.termination?.message).toMatch(message)
      expect(String(run.termination?.fix).length).toBeGreaterThan(5)
      expect(run.code).toBe(exit)
      expect(run.output + JSON.stringify(run.termination)).not.toContain(secret)
    },
  )

  testEnds('a web server is not taken for PostgreSQL', async () => {
    const web = createServer((_, response) => response.end('hello'))
    const run = await onPort(web, (port) =>
      runRunner({ url: `postgresql://u@127.0.0.1:${port}/db`, target: '1', files, env: soon }),
    )
    expect(run.code).toBe(13)
    expect(run.termination?.message).toMatch(/not PostgreSQL|does not answer/)
  })

  testEnds('a server that accepts and says nothing is left at the deadline', async () => {
    const silent = createTcpServer(() => undefined)
    const run = await onPort(silent, (port) =>
      runRunner({ url: `postgresql://u@127.0.0.1:${port}/db?connect_timeout=1`, target: '1', files, env: soon }),
    )
    expect(run.code).toBe(13)
    expect(run.termination?.message).toMatch(/does not answer/)
  })

  test('two sets that begin at once in an empty database share the tables that one of them made', () =>
    withDatabase(server, async ({ url, sql }) => {
      const runs = await Promise.all(
        ['one', 'two', 'three'].map((set) => {
          const own: Files = Object.fromEntries(
            Object.entries(files).map(([name, text]) => [name, text.replace('TABLE a', `TABLE ${set}`)]),
          )
          const env = { LOCKKEEPER_SET: set, LOCKKEEPER_ADOPT_AT: '0' }
          return runRunner({ url, target: '1', files: own, workload: `shop/Deployment/${set}`, env })
        }),
      )
      for (const { code, output } of runs) expect(code, output).toBe(0)
      expect(await sql('select "set" from lockkeeper.migration order by 1')).toEqual(
        ['one', 'three', 'two'].map((set) => ({ set })),
      )
    }))

  test.each(['public', 'information_schema', 'pg_history'])(
    'a history is not begun in the schema %s, and the run says where to keep it',
    (schema) =>
      withDatabase(server, async ({ url, sql }) => {
        const { code, termination } = await runRunner({
          url,
          target: '1',
          files,
          env: { LOCKKEEPER_HISTORY_SCHEMA: schema },
        })
        expect([code, termination?.code]).toEqual([14, 'bad-config'])
        expect(String(termination?.fix)).toContain('--history-schema lockkeeper')
        expect(await sql(`select from pg_tables where tablename in ('a', 'migration')`)).toEqual([])
      }),
  )

  test('a role that may not create the history is told what to grant', () =>
    withDatabase(server, async (database) => {
      const run = await runRunner({ url: database.urlFor('plain'), target: '1', files })
      expect(run.code).toBe(14)
      expect(run.termination).toMatchObject({ code: 'no-rights', sqlstate: '42501' })
      expect(run.termination?.fix).toContain(`GRANT CREATE ON DATABASE "${database.name}" TO "plain"`)
    }))

  test('a role that may, but not in the schema of the application, is told the file and line', () =>
    withDatabase(server, async (database) => {
      await database.sql(
        `grant create on database ${database.name} to plain; revoke create on schema public from public`,
      )
      const run = await runRunner({ url: database.urlFor('plain'), target: '1', files })
      expect(run.termination).toMatchObject({ code: 'no-rights', file: '1_a.up.sql', line: 1 })
    }))

  test('a schema that somebody made for the role is enough', () =>
    withDatabase(server, async (database) => {
      await database.sql(`create schema lockkeeper authorization plain; grant create on schema public to plain`)
      expect((await runRunner({ url: database.urlFor('plain'), target: '1', files })).code).toBe(0)
    }))

  test('tables of an application without a history are refused, and adopt-at says what they hold', () =>
    withDatabase(server, async (database) => {
      await database.sql('create table customers (id int)')
      const run = await runRunner({ url: database.url, target: '1', files })
      expect(run.code).toBe(12)
      expect(run.termination).toMatchObject({ code: 'history-missing' })
      expect(run.termination?.message).toContain('public.customers')
      expect(run.termination?.fix).toContain('adopt')
      const adopted = await runRunner({ url: database.url, target: '1', files, env: { LOCKKEEPER_ADOPT_AT: '1' } })
      expect(adopted.code, adopted.output).toBe(0)
      expect(await database.sql('select version, origin from lockkeeper.migration')).toEqual([
        { version: '1', origin: 'adopted' },
      ])
      expect(await database.sql(`select from pg_tables where tablename = 'a'`)).toEqual([])
    }))

  test('a database that publishes all tables gets none of ours until they are made by hand', () =>
    withDatabase(server, async (database) => {
      await database.sql('create publication everything for all tables')
      await database.sql(`select pg_create_logical_replication_slot('replica_${database.name}', 'pgoutput')`)
      try {
        const run = await runRunner({ url: database.url, target: '1', files })
        expect(run.code).toBe(12)
        expect(run.termination).toMatchObject({ code: 'history-missing' })
        expect(run.termination?.message).toContain(`the subscriber replica_${database.name} of everything`)
        expect(run.termination?.fix).toContain('lockkeeper history-ddl')
        expect(await database.sql(`select from pg_namespace where nspname = 'lockkeeper'`)).toEqual([])
        await database.sql(historyDdl({ schema: 'lockkeeper', readers: [] }))
        const again = await runRunner({ url: database.url, target: '1', files })
        expect(again.code, again.output).toBe(0)
      } finally {
        await database.sql(`select pg_drop_replication_slot('replica_${database.name}')`)
      }
    }))

  const tampered: [string, string, RegExp][] = [
    [
      'made by another role',
      'alter table lockkeeper.migration owner to other',
      /ALTER TABLE lockkeeper\.migration OWNER TO postgres/,
    ],
    [
      'that others may write',
      'grant update on lockkeeper.migration to other',
      /REVOKE UPDATE ON lockkeeper\.migration FROM other/,
    ],
    [
      'that others may write in one column',
      'grant update (down_script) on lockkeeper.migration to other',
      /REVOKE UPDATE \(down_script\)/,
    ],
    [
      'with a trigger',
      `create function f() returns trigger language plpgsql as 'begin return new; end'; create trigger t before insert on lockkeeper.journal for each row execute function f()`,
      /DROP TRIGGER t ON lockkeeper\.journal/,
    ],
    [
      'with a rule',
      'create rule r as on delete to lockkeeper.migration do nothing',
      /DROP RULE r ON lockkeeper\.migration/,
    ],
    ['with row security', 'alter table lockkeeper.migration enable row level security', /DISABLE ROW LEVEL SECURITY/],
    [
      'in a schema where anybody may create',
      'grant create on schema lockkeeper to public',
      /REVOKE CREATE ON SCHEMA lockkeeper FROM PUBLIC/,
    ],
    ['of which one is gone', 'drop table lockkeeper.journal', /restore/],
  ]
  test.each(tampered)('stored scripts in tables %s are not run', (_, change, cure) =>
    withDatabase(server, async (database) => {
      const env = { LOCKKEEPER_ON_ROLLBACK: 'always' }
      const both = { ...files, '2_b.up.sql': 'CREATE TABLE b (id int);\n', '2_b.down.sql': 'DROP TABLE b;\n' }
      await runRunner({ url: database.url, target: '2', token: 1, files: both, env })
      await database.sql(change)
      const run = await runRunner({ url: database.url, target: '1', token: 2, files, env })
      expect(run.code, run.output).toBe(12)
      expect(run.termination).toMatchObject({ code: 'history-untrusted' })
      expect(run.termination?.fix).toMatch(cure)
      expect(await database.sql(`select from pg_tables where tablename = 'b'`)).toHaveLength(1)
    }),
  )

  test('default privileges of the role do not open the history to others', () =>
    withDatabase(server, async (database) => {
      await database.sql(
        'alter default privileges grant all on tables to other; alter default privileges grant all on schemas to public',
      )
      expect((await runRunner({ url: database.url, target: '1', files })).code).toBe(0)
      const both = { ...files, '2_b.up.sql': 'CREATE TABLE b (id int);\n', '2_b.down.sql': 'DROP TABLE b;\n' }
      expect((await runRunner({ url: database.url, target: '2', token: 2, files: both })).code).toBe(0)
      await expect(query(database.urlFor('other'), 'select from lockkeeper.migration')).rejects.toThrow(
        /permission denied/,
      )
    }))

  test('readers may read the history, also those who are named later; a role that is not there is refused', () =>
    withDatabase(server, async (database) => {
      const run = (readers: string, token: number) =>
        runRunner({ url: database.url, target: '1', token, files, env: { LOCKKEEPER_HISTORY_READERS: readers } })
      expect((await run('nobody_here', 1)).termination).toMatchObject({
        code: 'bad-config',
        fix: expect.stringContaining('CREATE ROLE'),
      })
      expect((await run('other', 2)).code).toBe(0)
      const versions = (role: string) => query(database.urlFor(role), 'select version from lockkeeper.migration')
      expect(await versions('other')).toEqual([{ version: '1' }])
      await expect(versions('plain')).rejects.toThrow('permission denied')
      expect((await run('other,plain', 3)).code).toBe(0)
      expect(await versions('plain')).toEqual([{ version: '1' }])
      expect((await run('nobody_here', 4)).termination).toMatchObject({ code: 'bad-config' })
    }))

  test('a history of a newer major is left alone', () =>
    withDatabase(server, async (database) => {
      await runRunner({ url: database.url, target: '1', files })
      await database.sql(`update lockkeeper.state set layout = '2.0'`)
      const run = await runRunner({ url: database.url, target: '1', token: 2, files })
      expect(run.termination).toMatchObject({ code: 'history-too-new' })
    }))

  test('a standby passes the fast path only', () =>
    withDatabase(server, async (database) => {
      await runRunner({ url: database.url, target: '1', files })
      await server.restart('fast')
      const standby = (data: string) => writeFile(join(data, 'standby.signal'), '')
      await withPostgres(
        {
          major,
          template: join(server.folder, 'data'),
          prepare: async (data) => {
            await standby(data)
            await rm(join(data, 'postmaster.pid'), { force: true })
          },
        },
        async (copy) => {
          const url = `${copy.url}/${database.name}`
          expect((await runRunner({ url, target: '1', files })).code).toBe(0)
          const run = await runRunner({ url, target: '1', token: 2, files })
          expect(run.code).toBe(13)
          expect(run.termination).toMatchObject({ code: 'standby' })
        },
      )
    }))
})

async function onPort<T>(server: Server, use: (port: number) => Promise<T>): Promise<T> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  try {
    return await use(typeof address === 'object' && address !== null ? address.port : 0)
  } finally {
    server.close()
    if ('closeAllConnections' in server && typeof server.closeAllConnections === 'function')
      server.closeAllConnections()
  }
}
