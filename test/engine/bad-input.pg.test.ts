import { truncateSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { EmbeddedPostgres } from '../../src/prove/embedded-postgres.ts'
import { majors, newest } from '../tools/majors.ts'
import { startServer, type TestDatabase, withDatabase } from '../tools/postgres.ts'
import { lockkeeper, withFolder } from '../tools/program.ts'
import { type Files, runRunner } from '../tools/runner.ts'

const accents = 'naïve, Ünïcode – 😀'

/** What a dump begins with; the rest of it is left out. */
const dumpHeader = `SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;
`

/** What a script leaves in its session. */
const leaks: readonly (readonly [what: string, script: string, before?: string])[] = [
  ['a role', 'SET ROLE pg_monitor;\n'],
  ['a session authorization', 'SET SESSION AUTHORIZATION pg_monitor;\n'],
  ['a search_path', 'SET search_path = nowhere;\n'],
  ['a client_encoding', "SET client_encoding = 'LATIN1';\nSET standard_conforming_strings = off;\n"],
  ['the header of a dump', dumpHeader],
]
const manners = [
  ['in a transaction', ''],
  ['statement by statement', '-- lockkeeper: no-transaction\n'],
] as const

/** Read-only transactions record nothing, and only in a transaction of its own does a script say it of later ones. */
const beginning = ['how transactions begin', 'SET default_transaction_read_only = on;\nCOMMIT;\n', 'BEGIN;\n'] as const

/** The first leaves something; the second, with accents in name and text, says what it finds. */
const leaving = (script: string, manner: string): Files => ({
  '1_leak.up.sql': `${manner}CREATE TABLE public.a (id int);\n${script}`,
  '1_leak.down.sql': 'DROP TABLE public.a;\n',
  '2_prénom.up.sql': `CREATE TABLE b AS SELECT session_user::text AS login, current_user::text AS role, current_setting('search_path') AS path,
    current_setting('client_encoding') AS encoding, current_setting('lock_timeout') AS bound, '${accents}' AS text;\n`,
  '2_prénom.down.sql': `DROP TABLE b;\nCOMMENT ON TABLE a IS '${accents}';\n`,
})

/** What lies between them makes no difference here, and these wait for seconds. */
const ends = [...new Set([Math.min(...majors), newest])]

describe.each(ends)('scripts that meddle, on PostgreSQL %i', (major) => {
  let server: EmbeddedPostgres
  let stop: () => Promise<void>
  beforeAll(async () => {
    ;({ server, stop } = await startServer({ major }))
  })
  afterAll(() => stop())
  const always = { LOCKKEEPER_ON_ROLLBACK: 'always' }

  for (const [how, manner] of manners) {
    for (const [what, script, before = manner] of manner === '' ? [...leaks, beginning] : leaks) {
      test(`${what} that a script sets, ${how}, does not reach the next, up or down`, () =>
        withDatabase(server, async ({ url, sql }) => {
          const files = leaving(script, before)
          const up = await runRunner({ url, target: '2', files, env: always })
          expect(up.code, up.output).toBe(0)
          expect(await sql('select * from public.b')).toEqual([
            {
              login: 'postgres',
              role: 'postgres',
              path: '"$user", public',
              encoding: 'UTF8',
              bound: '500ms',
              text: accents,
            },
          ])
          expect(await sql(`select name, applied_by from lockkeeper.migration order by version`)).toEqual([
            { name: 'leak', applied_by: 'postgres' },
            { name: 'prénom', applied_by: 'postgres' },
          ])
          const down = await runRunner({ url, target: '1', token: 2, env: always })
          expect(down.code, down.output).toBe(0)
          expect(await sql(`select obj_description('public.a'::regclass) as text`)).toEqual([{ text: accents }])
        }))
    }
  }

  const corrected: readonly (readonly [what: string, script: string, failure: object])[] = [
    ['drops our schema', 'DROP SCHEMA lockkeeper CASCADE;\n', { sqlstate: '42P01' }],
    ['renames our schema', 'ALTER SCHEMA lockkeeper RENAME TO other;\n', { sqlstate: '42P01' }],
    ['drops a column of ours', 'ALTER TABLE lockkeeper.journal DROP n;\n', { sqlstate: '42703' }],
    ['releases our lock', 'DO $$ BEGIN PERFORM pg_advisory_unlock_all(); END $$;\n', { sqlstate: 'LK003' }],
    ['commits by a text', `DO $$ BEGIN EXECUTE 'COMMIT'; END $$;\n`, { sqlstate: '0A000' }],
  ]
  for (const [what, script, failure] of corrected) {
    for (const [how, manner] of manners) {
      test(`a script that ${what}, ${how}, fails, nothing is lost, and it goes through when that is gone`, () =>
        withDatabase(server, async ({ url, sql }) => {
          const files = (bad: string): Files => ({
            '1_a.up.sql': 'CREATE TABLE a (id int);\n',
            '1_a.down.sql': 'DROP TABLE a;\n',
            '2_b.up.sql': `${manner}CREATE TABLE b (id int);\n${bad}CREATE TABLE c (id int);\n`,
            '2_b.down.sql': 'DROP TABLE b, c;\n',
          })
          const run = await runRunner({ url, target: '2', files: files(script) })
          expect(run.termination, run.output).toMatchObject({
            code: 'migration-failed',
            version: '2',
            file: '2_b.up.sql',
            ...failure,
          })
          expect(await sql('select version from lockkeeper.migration')).toEqual([{ version: '1' }])
          const again = await runRunner({ url, target: '2', token: 2, files: files('') })
          expect(again.code, again.output).toBe(0)
          expect(await sql('select version from lockkeeper.migration order by 1')).toEqual([
            { version: '1' },
            { version: '2' },
          ])
        }))
    }
  }

  test('a script that locks our tables holds up another pod while it runs, and both are ready then', () =>
    withDatabase(server, async (database) => {
      const { url, sql } = database
      const a: Files = { '1_a.up.sql': 'CREATE TABLE a (id int);\n', '1_a.down.sql': 'DROP TABLE a;\n' }
      expect((await runRunner({ url, target: '1', files: a })).code).toBe(0)
      const b = {
        ...a,
        '2_b.up.sql': `LOCK TABLE lockkeeper.requirement, lockkeeper.migration, lockkeeper.journal, lockkeeper.state IN ACCESS EXCLUSIVE MODE;
          SELECT pg_advisory_lock(42);\n`,
        '2_b.down.sql': 'SELECT 1;\n',
      }
      const hold = await holdAdvisory(database, 42)
      const first = runRunner({ url, target: '2', token: 2, files: b, env: { LOCKKEEPER_LOCK_TIMEOUT: '60s' } })
      await until(sql, `select from pg_locks where locktype = 'advisory' and objid = 42 and not granted`)
      const second = runRunner({ url, target: '1', token: 1, files: a, workload: 'shop/Deployment/other' })
      await until(sql, `select from pg_locks where relation = 'lockkeeper.requirement'::regclass and not granted`)
      await hold()
      expect((await Promise.all([first, second])).map(({ code }) => code)).toEqual([0, 0])
      expect(await sql('select version from lockkeeper.migration order by 1')).toEqual([
        { version: '1' },
        { version: '2' },
      ])
    }))
})

describe('files that cannot be read', () => {
  let server: EmbeddedPostgres
  let stop: () => Promise<void>
  beforeAll(async () => {
    ;({ server, stop } = await startServer({ major: newest }))
  })
  afterAll(() => stop())
  const pair = { '1_a.up.sql': 'SELECT 1;\n', '1_a.down.sql': 'SELECT 1;\n' }

  const cases: readonly (readonly [what: string, added: Files, code: string])[] = [
    ['two formats', { 'V2__b.sql': 'SELECT 1;\n' }, 'source-unreadable'],
    ['a name that is none', { 'two.sql': 'SELECT 1;\n' }, 'version-invalid'],
    ['a NUL byte', { '2_b.up.sql': 'SELECT \0;\n' }, 'source-unreadable'],
    ['more than 100 MB', { '2_b.up.sql': 'SELECT 1;\n' }, 'source-too-large'],
  ]
  test.each(cases)(
    '%s: a person who asks for the highest version hears of it, whatever is applied',
    (what, added, code) =>
      withDatabase(server, async ({ url, sql }) => {
        const up = (files: Files) =>
          withFolder(files, (folder) => {
            if (what === 'more than 100 MB' && files !== pair)
              truncateSync(join(folder, '2_b.up.sql'), 101 * 1024 * 1024)
            return lockkeeper(['up', '-m', folder, '--database', url])
          })
        const empty = await up({ ...pair, ...added })
        expect([empty.code, empty.stderr]).toEqual([1, expect.stringContaining(`${code}: `)])
        expect((await up(pair)).code).toBe(0)
        const applied = await up({ ...pair, ...added })
        expect([applied.code, applied.stderr]).toEqual([1, expect.stringContaining(`${code}: `)])
        expect(await sql('select version from lockkeeper.migration')).toEqual([{ version: '1' }])
      }),
  )
})

/** Holds an advisory lock until it is told to let go. */
async function holdAdvisory({ url }: TestDatabase, key: number): Promise<() => Promise<void>> {
  const client = new Client({ connectionString: url })
  await client.connect()
  await client.query(`select pg_advisory_lock(${key})`)
  return () => client.end()
}

async function until(sql: TestDatabase['sql'], condition: string): Promise<void> {
  for (;;) {
    const [row] = await sql<{ yes: boolean }>(`select exists (${condition}) as yes`)
    if (row?.yes) return
    await sleep(25)
  }
}
