import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { EmbeddedPostgres } from '../../src/prove/embedded-postgres.ts'
import { query, startServer } from '../tools/postgres.ts'
import { lockkeeper, withFolder } from '../tools/program.ts'
import { type Files, pairs, proved, provedAt, resultsOf, scratchServer } from './prove-answer.ts'

const table = ['CREATE TABLE t (id int);', 'DROP TABLE t;'] as const

/** Exit 2: the program says what is wrong and the cure, and nothing on stdout. */
const refused = async (folder: string, ...args: string[]): Promise<string> => {
  const { code, stdout, stderr } = await lockkeeper(['prove', '-m', folder, ...args])
  expect([code, stdout]).toEqual([2, ''])
  expect(stderr).toMatch(/\n {2}fix: /)
  return stderr
}

let shared: Awaited<ReturnType<typeof scratchServer>>
beforeAll(async () => {
  shared = await scratchServer(18)
})
afterAll(() => shared.stop())

describe('scripts that', () => {
  const tried = (files: Files, ...args: string[]) => proved(files, '--scratch', shared.url, ...args)

  test('the server rejects are named by file, line and SQLSTATE, and what is behind them is not reached', async () => {
    const answer = await tried(
      pairs(table, ['SELECT 1;\n\nCREATE TABEL u ();', 'SELECT 1;'], ['CREATE TABLE v ();', 'DROP TABLE v;']),
    )
    expect(resultsOf(answer)).toEqual(['1 proven', '2 failed', '3 unreached'])
    expect(answer.findings).toMatchObject([
      {
        code: 'rollback-unproven',
        version: '2',
        file: '2_x.up.sql',
        line: 3,
        message: expect.stringMatching(/2_x\.up\.sql cannot be applied: .*syntax error at or near "TABEL" \(42601\)$/),
      },
    ])
    expect(answer.code).toBe(1)
  })

  test('the server rejects on the way down are named too, and the next is tried', async () => {
    const answer = await tried(
      pairs(table, ['CREATE TABLE u ();', '-- first\nDROP TABLE uu;'], ['CREATE TABLE v ();', 'DROP TABLE v;']),
    )
    expect(resultsOf(answer)).toEqual(['1 proven', '2 failed', '3 proven'])
    expect(answer.findings).toMatchObject([
      { file: '2_x.down.sql', line: 2, message: expect.stringContaining('2_x.down.sql fails:') },
    ])
  })

  test('never end in their quotes, or end their transaction, are findings of the files', async () => {
    const answer = await tried(
      pairs(
        table,
        ["SELECT 'open;", 'SELECT 1;'],
        ['CREATE TABLE v ();', 'DROP TABLE v;'],
        ['COMMIT; SELECT 1;', 'SELECT 1;'],
      ),
    )
    expect(resultsOf(answer)).toEqual(['1 proven', '2 failed', '3 unreached', '4 failed'])
    expect(answer.findings.map(({ version, code }) => `${version} ${code}`)).toEqual([
      '2 source-unreadable',
      '4 transaction-control',
    ])
  })

  test.each([
    [
      'recursive and nested views',
      `CREATE RECURSIVE VIEW tree (n) AS SELECT 1 UNION ALL SELECT n + 1 FROM tree WHERE n < 9; ${Array.from({ length: 60 }, (_, i) => `CREATE VIEW v${i} AS SELECT * FROM ${i === 0 ? 'tree' : `v${i - 1}`};`).join('\n')}`,
      'DROP VIEW tree CASCADE;',
    ],
    [
      'views that were made to need each other',
      'CREATE VIEW a AS SELECT 1 AS n; CREATE VIEW b AS SELECT * FROM a; CREATE OR REPLACE VIEW a AS SELECT n FROM b;',
      'DROP VIEW a CASCADE;',
    ],
    [
      'a function that calls itself',
      'CREATE FUNCTION f(n int) RETURNS int LANGUAGE plpgsql AS $$ BEGIN RETURN f(n - 1); END $$;',
      'DROP FUNCTION f(int);',
    ],
    [
      'everything that COPY brings',
      'CREATE TABLE c (a int, b text);\nCOPY c FROM stdin;\n1\tx\n2\t\\N\n\\.\n',
      'DROP TABLE c;',
    ],
    [
      'no transaction',
      'CREATE TABLE n (a int); VACUUM n; CREATE INDEX CONCURRENTLY n_a ON n (a);',
      'DROP INDEX CONCURRENTLY n_a; DROP TABLE n;',
    ],
    ['a transaction of their own', 'BEGIN;\nCREATE TABLE n (a int);\nCOMMIT;', 'BEGIN; DROP TABLE n; COMMIT;'],
    [
      'temporary tables and settings',
      'SET search_path = pg_temp, public; CREATE TEMP TABLE x (); CREATE TABLE public.n (); SET ROLE pg_monitor;',
      'DROP TABLE n;',
    ],
  ])('hold %s are proven', async (_, up, down) => {
    const answer = await tried(pairs([up, down]), '--data')
    expect(answer.findings).toEqual([])
    expect(resultsOf(answer)).toEqual(['1 proven'])
  })

  test('are of 10 MB are proven', async () => {
    const rows = Array.from({ length: 100_000 }, (_, i) => `(${i}, '${'x'.repeat(88)}')`).join(',\n')
    const up = `CREATE TABLE big (id int PRIMARY KEY, v text);\nINSERT INTO big VALUES\n${rows};`
    expect(up.length).toBeGreaterThan(10_000_000)
    const answer = await tried(
      pairs(
        [up, 'DROP TABLE big;'],
        ['DELETE FROM big WHERE id = 3;', `INSERT INTO big VALUES (3, '${'x'.repeat(88)}');`],
      ),
      '--data',
    )
    expect(answer).toMatchObject({ code: 0, result: 'proven', findings: [] })
  }, 120_000)

  test('create an extension that the server lacks are refused before anything runs, each named with where to get it', () =>
    withFolder(
      pairs(table, [
        'CREATE EXTENSION citext; CREATE EXTENSION IF NOT EXISTS "postgis" SCHEMA public; create extension vector;',
        'DROP EXTENSION citext;',
      ]),
      async (folder) => {
        const said = await refused(folder)
        expect(said).toContain(
          'the embedded PostgreSQL 18 does not have the extensions postgis, vector, which the scripts create',
        )
        expect(said).toContain('--scratch postgresql://')
      },
    ))

  test('create it where nobody could have read it fail with the same cure', async () => {
    const answer = await tried(pairs(["DO $$ BEGIN EXECUTE 'CREATE EXTENSION ' || 'postgis'; END $$;", 'SELECT 1;']))
    expect(answer.findings).toMatchObject([
      { message: expect.stringContaining('postgis'), fix: expect.stringContaining('name a server that has postgis') },
    ])
  })
})

describe('what an extension brings that nobody created is named with the extension, and the ways to have it:', () => {
  test.each([
    ['a type', 'CREATE TABLE p (at geometry);', 'it comes with the extension postgis: write CREATE EXTENSION into'],
    ['a function', 'SELECT public.uuid_generate_v4();', 'it comes with the extension uuid-ossp: '],
    ['an access method', 'CREATE INDEX t_id ON t USING hnsw (id);', 'it comes with the extension vector: '],
    ['an operator class', 'CREATE TABLE p (a int, EXCLUDE USING gist (a WITH =));', 'the extension btree_gist: '],
    ['a type that nobody knows', 'CREATE TABLE p (a odd);', 'correct 2_x.up.sql; or, if an extension brings it, write'],
  ])('%s', async (_, up, fix) => {
    const answer = await proved(pairs(table, [up, 'SELECT 1;']), '--scratch', shared.url)
    expect(resultsOf(answer)).toEqual(['1 proven', '2 failed'])
    expect(answer.findings).toMatchObject([{ file: '2_x.up.sql', line: 1, fix: expect.stringContaining(fix) }])
  })

  test('there is nothing to say of it where template1 of the scratch server has it', async () => {
    const template = shared.url.replace(/postgres$/, 'template1')
    await query(template, 'CREATE EXTENSION citext')
    try {
      const answer = await proved(pairs(['CREATE TABLE c (a citext);', 'DROP TABLE c;']), '--scratch', shared.url)
      expect(answer).toMatchObject({ code: 0, result: 'proven', findings: [] })
    } finally {
      await query(template, 'DROP EXTENSION citext')
    }
  })
})

describe('files that', () => {
  test('are none are a finding, and no server is started', async () => {
    const answer = await proved({ '.keep': '' })
    expect(answer).toMatchObject({
      code: 1,
      result: 'failed',
      migrations: [],
      findings: [{ code: 'source-unreadable' }],
    })
  })

  test('are two of one version are a finding of that version', async () => {
    const answer = await proved({ ...pairs(table), '01_b.up.sql': '' })
    expect(answer).toMatchObject({ code: 1, result: 'failed', findings: [{ code: 'version-duplicate', version: '1' }] })
  })
})

describe('options that make no sense end with 2 and a cure:', () => {
  test.each([
    ['--major 9', ['--major', '9'], 'it may be 14, 15, 16, 17, 18'],
    ['--major with --scratch', ['--major', '18', '--scratch', 'postgresql://localhost'], 'leave one of them out'],
    ['--since with no version', ['--since', 'x'], '--since is "x"'],
    ['--sign alone', ['--sign', 'k'], 'add --proof FILE'],
    ['--sign with no key there', ['--proof', 'p', '--sign', '/nowhere/k'], 'openssl genpkey'],
    ['--from with no file there', ['--from', '/nowhere/d.sql'], 'pg_dump --schema-only'],
    ['--scratch with no URL', ['--scratch', 'mysql://u:secret@h'], 'mysql'],
    ['--scratch with nobody there', ['--scratch', 'postgresql://u:secret@127.0.0.1:1/x'], 'refuses the connection'],
    ['--proof in a folder that is not there', ['--proof', '/nowhere/p'], 'cannot be written'],
  ])('%s', (_, args, message) =>
    withFolder(pairs(table), async (folder) => {
      const { code, stderr } = await lockkeeper(['prove', '-m', folder, ...args])
      expect(code).toBe(2)
      expect(stderr).toContain(message)
      expect(stderr).toContain('fix: ')
      expect(stderr).not.toContain('secret')
    }),
  )

  test('a --proof file that is no proof is left alone', () =>
    withFolder({ ...pairs(table), '.p': 'my notes\n' }, async (folder) => {
      expect(await refused(folder, '--proof', join(folder, '.p'))).toContain('it is no proof of lockkeeper')
      expect(await readFile(join(folder, '.p'), 'utf8')).toBe('my notes\n')
    }))
})

/** As pg_dump 18 writes it. */
const dump = `--
-- PostgreSQL database dump
--

\\restrict 8qGkJ

SET statement_timeout = 0;
SET transaction_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET default_tablespace = '';
SET default_table_access_method = heap;

CREATE SCHEMA lockkeeper;
ALTER SCHEMA lockkeeper OWNER TO owner_of_shop;
CREATE TABLE lockkeeper.state (
    set text NOT NULL
);
ALTER TABLE lockkeeper.state OWNER TO owner_of_shop;

CREATE TABLE public.t (
    id integer NOT NULL,
    v text
);
ALTER TABLE public.t OWNER TO owner_of_shop;

COPY public.t (id, v) FROM stdin;
1	a;b
2	\\N
\\.

ALTER TABLE ONLY public.t
    ADD CONSTRAINT t_pkey PRIMARY KEY (id);
CREATE POLICY p ON public.t FOR SELECT TO "Reader One", auditor USING (true);
GRANT SELECT ON TABLE public.t TO "Reader One";
ALTER DEFAULT PRIVILEGES FOR ROLE owner_of_shop IN SCHEMA public GRANT SELECT ON TABLES TO auditor;

\\unrestrict 8qGkJ
`
const after = {
  ...pairs(table),
  '2_x.up.sql': 'ALTER TABLE t DROP v;\n',
  '2_x.down.sql': 'ALTER TABLE t ADD v text;\n',
  '3_x.up.sql': 'CREATE INDEX t_v ON t (id);\n',
  '3_x.down.sql': 'DROP INDEX t_v;\n',
}

describe('prove --since', () => {
  const { '2_x.down.sql': _, ...lacking } = pairs(
    ['CREATE TABLE t (a int);', 'SELECT 1;'],
    ['CREATE INDEX i ON t (a);', ''],
    ['CREATE INDEX j ON t (a);', 'DROP INDEX j;'],
  )
  test.each<[string, string, Files, string[]]>([
    ['runs what is older, and asks nothing of its down scripts', '2', lacking, ['3 proven']],
    ['takes versions as versions', '002', lacking, ['3 proven']],
    ['finds faults above it', '1', lacking, ['2 failed', '3 proven']],
    ['with the newest version has nothing to do', '3', lacking, []],
    [
      'names an older one that cannot be applied',
      '2',
      { ...lacking, '2_x.up.sql': 'CREATE TABEL;' },
      ['2 failed', '3 unreached'],
    ],
  ])('%s', async (__, since, files, results) => {
    const answer = await proved(files, '--since', since, '--scratch', shared.url)
    expect(resultsOf(answer)).toEqual(results)
    expect(answer.code).toBe(results.some((each) => each.endsWith('failed')) ? 1 : 0)
  })
})

test('a dump of pg_dump may be the first migration, rows and all; its down script is the author’s', async () => {
  const roles = 'DO $$ BEGIN CREATE ROLE owner_of_shop; CREATE ROLE "Reader One"; CREATE ROLE auditor; END $$;\n'
  const own = dump.replace(/CREATE SCHEMA lockkeeper[\s\S]*?(?=CREATE TABLE public\.t)/, '')
  const back = `DROP TABLE t; DROP OWNED BY owner_of_shop; DROP ROLE auditor, "Reader One", owner_of_shop;`
  const answer = await proved(pairs([`${roles}${own}`, back], ["UPDATE t SET v = 'x';", 'SELECT 1;']), '--data')
  expect(resultsOf(answer)).toEqual(['1 proven', '2 failed'])
  expect(answer.migrations[1]?.losses).toMatchObject([
    { object: 'public.t', what: 'v has another value', example: "id = '1': v 'a;b' → 'x'" },
  ])
})

describe('prove --from', () => {
  const withDump = (text: string | Buffer, use: (folder: string, path: string) => Promise<void>) =>
    withFolder(after, async (folder) => {
      const path = join(folder, '.dump.sql')
      await writeFile(path, text)
      await use(folder, path)
    })

  test.each(['14', '18'])(
    'begins with a dump as pg_dump writes it, its rows, roles and old history, on PostgreSQL %s',
    (major) =>
      withDump(dump, async (folder, path) => {
        const proof = join(folder, '.proof')
        const answer = await provedAt(
          folder,
          '--from',
          path,
          '--since',
          '1',
          '--data',
          '--major',
          major,
          '--proof',
          proof,
        )
        expect(resultsOf(answer)).toEqual(['2 failed', '3 proven'])
        expect(answer.migrations[0]?.losses).toMatchObject([
          { object: 'public.t', what: 'v has another value', rows: 6, of: 7, example: "id = '1': v 'a;b' → NULL" },
        ])
        expect(await readFile(proof, 'utf8')).toMatch(/^3 .* dump:[0-9a-f]{64} schema\/1=restored,rows\/1=restored/m)
        await writeFile(path, `${dump}\n`)
        expect(
          resultsOf(
            await provedAt(folder, '--from', path, '--since', '2', '--data', '--major', major, '--proof', proof),
          ),
        ).toEqual(['3 proven'])
        expect(
          resultsOf(
            await provedAt(folder, '--from', path, '--since', '2', '--data', '--major', major, '--proof', proof),
          ),
        ).toEqual(['3 cached'])
      }),
  )

  test('asks which version the dump stands at, where its tables are in the way', () =>
    withDump(dump, async (folder, path) => {
      const answer = await provedAt(folder, '--from', path)
      expect(resultsOf(answer)).toEqual(['1 failed', '2 unreached', '3 unreached'])
      expect(answer.findings).toMatchObject([
        {
          version: '1',
          message: expect.stringContaining('already exists'),
          fix: expect.stringContaining('--since VERSION'),
        },
      ])
    }))

  test.each([
    ['of the custom format', 'PGDMP\u0001\u000f', "PostgreSQL's own format"],
    ['with a database of its own', 'CREATE DATABASE shop;\n\\connect shop\n', 'line 1 creates a database of its own'],
    ['with other commands of psql', 'SELECT 1;\n\\connect shop\n', 'line 2 has \\connect'],
    ['that ends in the middle', "SELECT 1;\nINSERT INTO t VALUES ('a", 'line 2: a quote is never closed'],
    ['that the server rejects', 'SELECT 1;\nCREATE TABLE t (id nonsense);\n', 'line 2: type "nonsense" does not exist'],
    ['with an extension that is not there', 'CREATE EXTENSION postgis;', 'does not have the extension postgis'],
    ['that is no UTF-8', Buffer.from([0x53, 0xff, 0xfe]), 'is no UTF-8'],
  ])('refuses one %s', (_, text, message) =>
    withDump(text, async (folder, path) => {
      expect(await refused(folder, '--from', path, '--since', '1')).toContain(message)
    }),
  )
})

describe('prove --scratch', () => {
  let server: EmbeddedPostgres
  let stop: () => Promise<void>
  beforeAll(async () => {
    ;({ server, stop } = await startServer({ major: 16 }))
    await query(
      `${server.url}/postgres`,
      'create role poor login; create role maker login createdb; create table mine (id int)',
    )
    await query(`${server.url}/postgres`, 'create database other')
    await query(`${server.url}/other`, 'create table theirs (id int)')
  })
  afterAll(() => stop())
  const databases = () => query(`${server.url}/postgres`, 'select datname from pg_database order by 1')
  const url = (user = 'postgres') => `postgresql://${user}@127.0.0.1:${server.port}/postgres`

  test('makes databases of its own, drops them again, and touches no other', async () => {
    const before = await databases()
    const answer = await proved(
      pairs(
        table,
        ['CREATE INDEX t_id ON t (id);', 'SELECT 1;'],
        ['ALTER TABLE t ADD v text;', 'ALTER TABLE t DROP v;'],
      ),
      '--scratch',
      url(),
      '--data',
    )
    expect(resultsOf(answer)).toEqual(['1 proven', '2 failed', '3 proven'])
    expect(answer.postgres).toBe(16)
    expect(await databases()).toEqual(before)
    expect(
      await query(
        `${server.url}/postgres`,
        `select oid::regclass::text as name from pg_class where relkind = 'r' and oid >= 16384`,
      ),
    ).toEqual([{ name: 'mine' }])
  })

  test('needs no superuser', async () => {
    const answer = await proved(
      pairs(table, ['ALTER TABLE t ADD v text;', 'ALTER TABLE t DROP v;']),
      '--scratch',
      url('maker'),
      '--data',
    )
    expect(answer).toMatchObject({ code: 0, result: 'proven', findings: [] })
  })

  test('says what its user may not do, and which roles of a dump it lacks', () =>
    withFolder({ ...pairs(table), '.d.sql': dump }, async (folder) => {
      expect(await refused(folder, '--scratch', url('poor'))).toContain('may not create databases')
      const said = await refused(folder, '--scratch', url(), '--from', join(folder, '.d.sql'))
      expect(said).toContain('names roles that the scratch server does not have: owner_of_shop, Reader One, auditor')
      expect(said).toContain('--no-owner')
    }))

  test('interrupted, drops its databases and keeps what it had seen', () =>
    withFolder(pairs(table, ['SELECT pg_sleep(600);', 'SELECT 1;']), async (folder) => {
      const before = await databases()
      const main = join(import.meta.dirname, '../../src/cli/main.ts')
      const proof = join(folder, '.proof')
      const child = spawn(process.execPath, [main, 'prove', '-m', folder, '--scratch', url(), '--proof', proof], {
        stdio: ['ignore', 'ignore', 'pipe'],
      })
      let said = ''
      child.stderr.setEncoding('utf8').on('data', (text: string) => {
        said += text
        if (text.includes('1/2')) child.kill('SIGINT')
      })
      const [code] = await once(child, 'close')
      expect([code, said]).toEqual([2, expect.stringContaining('error: interrupted')])
      expect(await readFile(proof, 'utf8')).toMatch(/^lockkeeper-proof 1\n1 .*=restored.*\n$/)
      expect(await databases()).toEqual(before)
    }))
})
