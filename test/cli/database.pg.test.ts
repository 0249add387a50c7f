import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { EmbeddedPostgres } from '../../src/prove/embedded-postgres.ts'
import { release } from '../tools/example-files.ts'
import { startServer, withDatabase } from '../tools/postgres.ts'
import { lockkeeper, withFolder } from '../tools/program.ts'
import { runRunner } from '../tools/runner.ts'

let server: EmbeddedPostgres
let stop: () => Promise<void>
beforeAll(async () => {
  ;({ server, stop } = await startServer({ major: 18 }))
})
afterAll(() => stop())

const files = Object.fromEntries(Object.entries(release(3)).map(([name, text]) => [`migrations/${name}`, text]))
const inDatabase = (
  use: (
    run: (...args: string[]) => ReturnType<typeof lockkeeper>,
    url: string,
    sql: (text: string) => Promise<Record<string, unknown>[]>,
  ) => Promise<void>,
) =>
  withDatabase(server, ({ url, sql }) =>
    withFolder(files, (cwd) => use((...args) => lockkeeper(args, { cwd, env: { DATABASE_URL: url } }), url, sql)),
  )

test('up, status, plan, down and history tell one story', () =>
  inDatabase(async (run) => {
    expect((await run('plan')).stdout).toContain(
      'up 1 create_orders  (1_create_orders.up.sql; back by 1_create_orders.down.sql)\n  CREATE TABLE orders',
    )
    const up = await run('up', '--to', '2')
    expect(up).toMatchObject({ code: 0, stdout: 'the schema is at 2 (2 steps)\n' })
    expect(up.stderr).toMatch(/^up {4}1 {2}1_create_orders\.up\.sql \(\d+ms\)\nup {4}2/)
    expect((await run('up', '--to', '2', '-o', 'json')).stdout).toContain('"result": "nothing"')

    const status = JSON.parse((await run('status', '-o', 'json')).stdout)
    expect(status).toMatchObject({
      live: '2',
      target: '3',
      applied: [{ version: '1', name: 'create_orders', origin: 'lockkeeper', down: 'stored' }, { version: '2' }],
      pending: [{ version: '3', name: 'rename_note' }],
      changed: [],
      missing: [],
      lock: null,
      requirements: [],
    })
    expect(status.floor).toBe('0')
    const shown = (await run('status')).stdout
    expect(shown).toContain('pending  3')
    expect(shown).toContain('floor    any code is known to work on the schema\n')
    expect((await run('plan')).stdout).toMatch(
      / {2}breaks code of the release before:\n {6}line 1: another name or schema of anything that code names: /,
    )

    const last = JSON.parse((await run('up', '-o', 'json')).stdout)
    expect(last).toMatchObject({
      from: '2',
      to: '3',
      steps: [{ version: '3', direction: 'up', retries: 0 }],
      result: 'done',
      findings: [],
    })
    expect((await run('status')).stdout).toContain('floor    only code from 3 on is known to work on the schema\n')
    expect((await run('plan', '--to', '1')).stdout).toContain('down from 3 to 1')
    const down = JSON.parse((await run('down', '--steps', '1', '-o', 'json')).stdout)
    expect(down).toMatchObject({ from: '3', to: '2', steps: [{ version: '3', direction: 'down' }], result: 'done' })
    expect((await run('down', '--to', '0')).stdout).toBe('the schema is at nothing (2 steps)\n')
    const history = JSON.parse((await run('history', '-o', 'json')).stdout)
    expect(history.map(({ event, version }: { event: string; version: string }) => `${event} ${version}`)).toEqual([
      ...['applied 1', 'applied 2', 'applied 3', 'reverted 3', 'reverted 2', 'reverted 1'],
    ])
  }))

test('plan says which locks are taken on what is there, how large that is, and how long others may wait', () =>
  inDatabase(async (run, _url, sql) => {
    await run('up', '--to', '2')
    await sql('insert into orders (id) select i from generate_series(2, 1000) i; analyze orders')
    const text = (await run('plan')).stdout
    expect(text).toMatch(/ {6}ACCESS EXCLUSIVE on orders \(\d+ kB, about 1000 rows\): blocks reads and writes\n/)
    expect(text).toContain('may hold up others for at most 500ms at a time')
    expect(JSON.parse((await run('plan', '-o', 'json')).stdout)).toMatchObject({
      steps: [
        {
          version: '3',
          transactional: true,
          stallMs: 500,
          locks: [{ line: 1, relation: 'orders', rows: 1000 }],
          compatibility: { floor: '3', verdict: 'breaks', reasons: [{ line: 1 }] },
        },
      ],
    })
  }))

test('a failing script is named by file and line, and ends with 1', () =>
  withDatabase(server, ({ url }) =>
    withFolder(
      { 'migrations/1_a.up.sql': 'SELECT 1;\nSELEC 2;\n', 'migrations/1_a.down.sql': 'SELECT 1;' },
      async (cwd) => {
        const { code, stderr, stdout } = await lockkeeper(['up', '-o', 'json'], { cwd, env: { DATABASE_URL: url } })
        expect(code).toBe(1)
        expect(stderr).toContain('migration-failed: 1_a.up.sql line 2: syntax error')
        expect(JSON.parse(stdout)).toMatchObject({
          result: 'failed',
          findings: [{ code: 'migration-failed', file: '1_a.up.sql', line: 2, sqlstate: '42601' }],
        })
      },
    ),
  ))

test('down refuses what a workload requires, names it, and goes with --force or after forget', () =>
  inDatabase(async (run, url) => {
    await runRunner({ url, target: '3', files: release(3), env: { LOCKKEEPER_DEADLINE: '1s' } })
    const refused = await run('down', '--to', '2')
    expect(refused.code).toBe(1)
    expect(refused.stderr).toContain('shop/Deployment/orders holds the schema at 3')
    expect((await run('forget', '--workload', 'shop/Deployment/nobody')).code).toBe(3)
    expect((await run('forget')).code).toBe(2)
    const forced = await run('down', '--to', '2', '--force')
    expect(forced.code).toBe(0)
    expect(forced.stderr).toContain('warning: --force')
    expect((await run('forget', '--workload', 'shop/Deployment/orders')).stdout).toContain(
      'forgot shop/Deployment/orders',
    )
    expect((await run('down', '--to', '1')).code).toBe(0)
  }))

test('adopt takes an existing database over at a version, and up goes on from there', () =>
  inDatabase(async (run, _url, sql) => {
    await sql("create table orders (id int primary key); alter table orders add note text default 'x'")
    const up = await run('up')
    expect(up.code).toBe(1)
    expect(up.stderr).toContain('history-missing')
    expect((await run('adopt')).code).toBe(2)
    expect((await run('adopt', '--at', '7')).code).toBe(1)
    expect((await run('adopt', '--at', '2')).code).toBe(0)
    expect((await run('up')).stdout).toContain('the schema is at 3 (1 step)')
    expect((await run('down', '--to', '2')).code).toBe(0)
  }))

test('a changed script is refused, and accepted for the versions that a person names', () =>
  withDatabase(server, ({ url }) =>
    withFolder({ 'm/1_a.up.sql': 'CREATE TABLE a (id int);\n', 'm/1_a.down.sql': 'DROP TABLE a;\n' }, async (cwd) => {
      const run = (...args: string[]) => lockkeeper([...args, '-m', 'm'], { cwd, env: { DATABASE_URL: url } })
      expect((await run('up')).code).toBe(0)
      await writeFile(join(cwd, 'm/1_a.up.sql'), '-- a comment\nCREATE TABLE a (id int);\n')
      await writeFile(join(cwd, 'm/2_b.up.sql'), 'CREATE TABLE b (id int);\n')
      await writeFile(join(cwd, 'm/2_b.down.sql'), 'DROP TABLE b;\n')
      const refused = await run('up')
      expect([refused.code, refused.stderr]).toEqual([1, expect.stringContaining('lockkeeper up --accept-changed 1')])
      expect((await run('up', '--accept-changed', '7')).code).toBe(1)
      const accepted = await run('up', '--accept-changed', '1', '-o', 'json')
      expect(JSON.parse(accepted.stdout)).toMatchObject({ from: '1', to: '2' })
      expect(JSON.parse((await run('status', '-o', 'json')).stdout)).toMatchObject({ changed: [], live: '2' })
    }),
  ))

test('a workload named by a person is recorded, holds the schema, and may lower itself', () =>
  inDatabase(async (run) => {
    expect((await run('up', '--workload', 'ci/Pipeline/orders')).code).toBe(0)
    expect(JSON.parse((await run('status', '-o', 'json')).stdout)).toMatchObject({
      requirements: [{ cluster: 'none', workload: 'ci/Pipeline/orders', target: '3', reached: '3' }],
    })
    const refused = await run('down', '--to', '2')
    expect([refused.code, refused.stderr]).toEqual([1, expect.stringContaining('ci/Pipeline/orders')])
    expect((await run('down', '--to', '2', '--workload', 'ci/Pipeline/orders')).code).toBe(0)
    expect(JSON.parse((await run('status', '-o', 'json')).stdout)).toMatchObject({
      live: '2',
      requirements: [{ target: '2' }],
    })
  }))

test('history-ddl prints what a superuser can run for a role that may not create schemas', () =>
  inDatabase(async (run, _url, sql) => {
    const { stdout } = await run('history-ddl')
    await sql(stdout)
    expect((await run('up')).code).toBe(0)
  }))

test('a database that is not there ends with 2, at once and without the password', async () => {
  const { code, stderr } = await lockkeeper([
    'status',
    '-m',
    import.meta.dirname,
    '--database',
    'postgresql://u:sesame@127.0.0.1:1/x',
  ])
  expect(code).toBe(2)
  expect(stderr).toContain('refuses the connection')
  expect(stderr).not.toContain('sesame')
})

test('the demo ends well and shows every turn of the story', async () => {
  const { code, stdout } = await lockkeeper(['demo'])
  expect(code).toBe(0)
  for (const line of [
    'applied 2 2_add_note.up.sql',
    'rollback-missing  3_rename_note.up.sql has no down script',
    'reverted 3 3_rename_note.down.sql',
    'The schema is back at 2',
  ]) {
    expect(stdout).toContain(line)
  }
})
