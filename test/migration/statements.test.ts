import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { concurrentTarget } from '../../src/migration/concurrent.ts'
import { OpenText } from '../../src/migration/lexer.ts'
import { lineOf, splitStatements } from '../../src/migration/statements.ts'
import { transactionBody } from '../../src/migration/transaction.ts'
import { unitsOf } from '../../src/migration/units.ts'

const cut = (text: string) => [...splitStatements(text)].map(({ start, end }) => text.slice(start, end))
const script = (text: string) => ({ file: 'x.sql', line: 1, text, checksum: '' })

describe('statements', () => {
  test.each<[string, string, string[]]>([
    ['nothing', ' \n-- only a comment\n/* and /* another */ */ ;', []],
    ['two', 'SELECT 1; SELECT 2', ['SELECT 1', 'SELECT 2']],
    [
      'semicolons in strings',
      "SELECT ';' || E'\\';' || U&';'; SELECT 2;",
      ["SELECT ';' || E'\\';' || U&';'", 'SELECT 2'],
    ],
    ['doubled quotes', 'SELECT \'it\'\'s; one\'; SELECT "a""b;c"', ["SELECT 'it''s; one'", 'SELECT "a""b;c"']],
    ['backslashes in plain strings', "SELECT '\\'; SELECT 2", ["SELECT '\\'", 'SELECT 2']],
    ['dollar quotes', 'DO $$ BEGIN; END; $$; SELECT $a$ $$; $a$;', ['DO $$ BEGIN; END; $$', 'SELECT $a$ $$; $a$']],
    ['dollars in names and parameters', 'SELECT a$b$c; SELECT $1;', ['SELECT a$b$c', 'SELECT $1']],
    ['nested comments', 'SELECT 1 /* ; /* ; */ ; */ + 2; SELECT 3', ['SELECT 1 /* ; /* ; */ ; */ + 2', 'SELECT 3']],
    [
      'a rule with parentheses',
      'CREATE RULE r AS ON INSERT TO t DO (SELECT 1; SELECT 2); SELECT 3',
      ['CREATE RULE r AS ON INSERT TO t DO (SELECT 1; SELECT 2)', 'SELECT 3'],
    ],
    [
      'an atomic body',
      'CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT CASE WHEN true THEN 1 END; SELECT 2; END; SELECT 3',
      ['CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT CASE WHEN true THEN 1 END; SELECT 2; END', 'SELECT 3'],
    ],
    [
      'an operator that looks like a comment’s end',
      'SELECT 2 */* x */ 3; SELECT 4',
      ['SELECT 2 */* x */ 3', 'SELECT 4'],
    ],
    [
      'rows, whatever stands in them',
      "INSERT INTO t VALUES (1, 'a;'), (E'\\';'), ($$;$$) -- ;\n; INSERT INTO t (a) SELECT 1 /* ; /* ; */ ; */; SELECT 1",
      ["INSERT INTO t VALUES (1, 'a;'), (E'\\';'), ($$;$$) -- ;\n", 'INSERT INTO t (a) SELECT 1', 'SELECT 1'],
    ],
    ['letters of other alphabets', 'CREATE TABLE größe (ж int); SELECT 1', ['CREATE TABLE größe (ж int)', 'SELECT 1']],
  ])('%s', (_, text, expected) => expect(cut(text)).toEqual(expected))

  test.each([
    ["SELECT 'open", 'a quote', 7],
    ['SELECT "open', 'a quoted name', 7],
    ['SELECT $a$ open $b$', 'a dollar quote', 7],
    ['/* open /* */', 'a comment', 0],
  ])('%s is text that is never closed', (text, what, offset) => {
    try {
      cut(text)
      expect.unreachable()
    } catch (error) {
      expect(error).toBeInstanceOf(OpenText)
      expect(error).toMatchObject({ what, offset })
    }
  })

  test('of any quoted text stay whole', () => {
    const quoted = fc.oneof(
      fc.string().map((text) => `'${text.replaceAll("'", "''")}'`),
      fc.string().map((text) => `"${text.replaceAll('"', '""')}"`),
      fc.string().map((text) => `$q$${text.replaceAll('$', '')}$q$`),
      fc.string().map((text) => `E'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`),
      fc.string().map((text) => `'\\'||"e"||E'\\''||$1||a$b$ -- ${text.replace(/[\r\n]/g, '')};'\n`),
      fc.string().map((text) => `/*${text.replaceAll('*', '').replaceAll('/', '')}*/ 1`),
    )
    fc.assert(
      fc.property(fc.array(quoted, { minLength: 1 }), (pieces) => {
        expect([...splitStatements(pieces.map((piece) => `SELECT ${piece}`).join(';'))]).toHaveLength(pieces.length)
        // Statements that bring rows are skipped without reading their words.
        const inserts = pieces.map((piece) => `INSERT INTO t (a) VALUES (1, ${piece}), (2)`)
        expect(cut(inserts.join(';\n'))).toEqual(inserts)
      }),
    )
  })

  test('of a file of 20 MB are cut one at a time', () => {
    const text = `INSERT INTO t VALUES ('${'x'.repeat(90)}');\n`.repeat(180_000)
    let count = 0
    for (const _ of splitStatements(text)) count++
    expect(count).toBe(180_000)
  })

  test('lines count from one', () => {
    expect([lineOf('a\nb\nc', 0), lineOf('a\nb\nc', 2), lineOf('a\nb\nc', 4)]).toEqual([1, 2, 3])
  })
})

describe('a transaction body', () => {
  test.each([
    ['BEGIN;\nSELECT 1;\nCOMMIT;\n', '     ;\nSELECT 1;\n      ;\n', 'begin'],
    [
      'start transaction isolation level serializable, read write; select 1; end work;',
      undefined,
      'begin isolation level serializable, read write',
    ],
    ['-- first\nBEGIN WORK;\nSELECT 1;\nCOMMIT TRANSACTION', undefined, 'begin'],
  ])('of %s is blanked in place', (text, expected, begin) => {
    const body = transactionBody(script(text))
    expect(body.findings).toEqual([])
    expect(body.begin).toBe(begin)
    expect(body.statements).toHaveLength(1)
    expect(body.text).toHaveLength(text.length)
    expect(body.text).toMatch(/select 1/i)
    expect(body.text).not.toMatch(/begin|commit|start transaction|\bend\b/i)
    if (expected !== undefined) expect(body.text).toBe(expected)
  })

  test.each([
    'BEGIN; SELECT 1; COMMIT; SELECT 2;',
    'SELECT 1; COMMIT; COMMIT;',
    'SELECT 1; COMMIT AND CHAIN;',
    'SELECT 1; ROLLBACK; COMMIT;',
    'CREATE EXTENSION x; BEGIN; SELECT 1; COMMIT;',
    'BEGIN; SELECT 1;',
    'ROLLBACK;',
    'SELECT 1; ABORT;',
    "PREPARE TRANSACTION 'x'",
    'BEGIN; COMMIT; BEGIN; COMMIT;',
    'RESET ALL',
    'DISCARD ALL',
    'SELECT pg_advisory_unlock_all()',
    'INSERT INTO t (a, b, c) VALUES (1, 2, 3), (4, 5, PG_ADVISORY_UNLOCK(1)::int)',
    'BEGIN; CREATE INDEX CONCURRENTLY i ON t (a); COMMIT;',
  ])('refuses %s', (text) =>
    expect(transactionBody(script(text)).findings[0]).toMatchObject({ code: 'transaction-control', severity: 'error' }),
  )

  test.each<[string, string, number]>([
    ['BEGIN; SET TRANSACTION ISOLATION LEVEL SERIALIZABLE; SELECT 1; COMMIT;', 'begin isolation level serializable', 1],
    [
      'SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, NOT DEFERRABLE;\nSELECT 1',
      'begin isolation level repeatable read, not deferrable',
      1,
    ],
    [
      'set /* x */ local transaction isolation level serializable read write deferrable; select 1',
      'begin isolation level serializable, read write, deferrable',
      1,
    ],
    [
      "BEGIN READ WRITE; SET lock_timeout = '1s'; LOCK TABLE t; SET transaction_isolation TO 'Repeatable Read'; SELECT 1; END",
      'begin isolation level repeatable read, read write',
      3,
    ],
    [
      'BEGIN ISOLATION LEVEL SERIALIZABLE; SET LOCAL "transaction_isolation" = \'read committed\'; SELECT 1; COMMIT',
      'begin isolation level read committed',
      1,
    ],
    [
      'SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL SERIALIZABLE; SELECT 1',
      'begin isolation level serializable',
      2,
    ],
    ['SET default_transaction_isolation = serializable; SELECT 1', 'begin isolation level serializable', 2],
    ['BEGIN; SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL SERIALIZABLE; SELECT 1; COMMIT', 'begin', 2],
    ['SET LOCAL default_transaction_isolation = serializable; SELECT 1', 'begin', 2],
    ['SET CONSTRAINTS ALL DEFERRED; SET transaction_deferrable = off; SELECT 1', 'begin not deferrable', 2],
  ])('takes the modes that %s sets into its BEGIN', (text, begin, count) => {
    const body = transactionBody(script(text))
    expect(body.findings).toEqual([])
    expect(body.begin).toBe(begin)
    expect(body.statements).toHaveLength(count)
    expect(body.text).not.toMatch(/\btransaction\b(?! isolation level serializable)|"transaction_isolation/i)
  })

  test.each([
    'SELECT 1; SET TRANSACTION ISOLATION LEVEL SERIALIZABLE',
    'BEGIN; CREATE TABLE t (a int); SET LOCAL TRANSACTION ISOLATION LEVEL SERIALIZABLE; COMMIT',
    'SAVEPOINT a; SET TRANSACTION ISOLATION LEVEL SERIALIZABLE',
    "SELECT 1; SET transaction_isolation = 'serializable'",
    'SET transaction_isolation TO DEFAULT; SELECT 1',
    'CREATE TABLE t (a int); SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL SERIALIZABLE; SELECT 1',
    "SET TRANSACTION SNAPSHOT '00000003-0000001B-1'; SELECT 1",
    'SET TRANSACTION READ ONLY; SELECT 1',
    'BEGIN READ ONLY; SELECT 1; COMMIT',
    'SET transaction_read_only = on; SELECT 1',
    'VACUUM; SET TRANSACTION ISOLATION LEVEL SERIALIZABLE',
    "SET standard_conforming_strings = off; SELECT 1; SELECT 'a\\\\b'",
    "SET SESSION standard_conforming_strings TO 'off'; INSERT INTO t (a) VALUES (1, '\\\\'''); SELECT 1",
  ])('refuses what cannot count: %s', (text) => {
    expect(transactionBody(script(text)).findings).toMatchObject([{ code: 'transaction-control', severity: 'error' }])
  })

  test.each([
    ['COPY t FROM stdin; COMMIT;\n1\n\\.\n', 'more SQL on the line'],
    ['COPY t FROM stdin; /* a\n1\n\\.\n*/', 'more SQL on the line'],
    ['SELECT 1 \\; COMMIT;\nSELECT 2', 'a command of psql'],
    ['SELECT 1 \\gexec', 'a command of psql'],
  ])('refuses %j, which psql reads in its own way', (text, what) => {
    expect(transactionBody(script(text)).findings[0]).toMatchObject({
      code: 'source-unreadable',
      message: expect.stringContaining(what),
    })
  })

  test.each([
    ['COPY t FROM STDOUT;\n1\n\\.\n', 1],
    ['COPY t (a) FROM stdin WHERE a > 0; -- the rows\n1\n\\.\n', 1],
    ['COPY (SELECT 1 FROM stdin) TO STDOUT;\nSELECT 1', 0],
    ["COPY t FROM 'stdin';\nSELECT 1", 0],
    ['COPY "from" TO STDOUT;\nSELECT 1', 0],
  ])('of %j reads the rows that belong to it', (text, count) => {
    const body = transactionBody(script(text))
    expect([body.findings, body.rows.length]).toEqual([[], count])
  })
  test.each(['SELECT 1; COMMIT;', 'SELECT 1;\nEND', 'SELECT 1; commit work -- done\n', 'COMMIT', 'VACUUM t; COMMIT;'])(
    'ends where %s ends the transaction that the tools run it in, and says so',
    (text) => {
      const { findings, statements, text: sent } = transactionBody(script(text))
      expect(findings).toMatchObject([{ code: 'transaction-control', severity: 'warning' }])
      expect(sent).toHaveLength(text.length)
      expect(sent).not.toMatch(/commit|end/i)
      expect(statements).toHaveLength(text === 'COMMIT' ? 0 : 1)
    },
  )

  test.each<[string, string]>([
    ['CREATE INDEX CONCURRENTLY i ON t (a)', 'concurrent'],
    ['CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS i ON t (a)', 'concurrent'],
    ['CREATE INDEX concurrently_made ON t (a)', 'plain'],
    ['CREATE INDEX i ON "concurrently" (a)', 'plain'],
    ['CREATE TABLE index (concurrently int)', 'plain'],
    ['DROP INDEX CONCURRENTLY i', 'concurrent'],
    ['REINDEX TABLE CONCURRENTLY t', 'concurrent'],
    ['REINDEX (VERBOSE, CONCURRENTLY) INDEX i', 'concurrent'],
    ['REINDEX (CONCURRENTLY OFF) TABLE t', 'plain'],
    ['REINDEX (VERBOSE) DATABASE x', 'repeatable'],
    ['ALTER TABLE t DETACH PARTITION p CONCURRENTLY', 'concurrent'],
    ['REFRESH MATERIALIZED VIEW CONCURRENTLY v', 'plain'],
    ['VACUUM t', 'repeatable'],
    ['CLUSTER', 'repeatable'],
    ['CLUSTER t USING i', 'plain'],
    ['ALTER SYSTEM SET work_mem = 1', 'repeatable'],
    ['CREATE DATABASE x', 'uncertain'],
    ['DROP TABLESPACE x', 'uncertain'],
    ['SET search_path = a', 'session'],
    ['SET LOCAL search_path = a', 'plain'],
    ["SELECT pg_catalog.set_config('search_path', '', false)", 'session'],
    ['CREATE TEMP TABLE t (a int)', 'session'],
    ['CREATE OR REPLACE TEMPORARY VIEW v AS SELECT 1', 'session'],
    ['PREPARE p AS SELECT 1', 'session'],
    ["COMMENT ON TABLE t IS 'vacuum; concurrently'", 'plain'],
  ])('knows %s as %s', (text, kind) => {
    const body = transactionBody(script(text))
    expect(body.findings).toEqual([])
    expect(body.statements.map((each) => each.kind)).toEqual([kind])
    expect(body.alone).toBe(kind !== 'plain' && kind !== 'session')
  })

  test('takes the rows of COPY and the guards of pg_dump out, line for line', () => {
    const text =
      '\\restrict abc\nSELECT 1;\nCOPY t (a, b) FROM stdin;\n1\tit\'s; "open\n\\N\t$$\n\\.\n\nSELECT 2;\n\\unrestrict abc\n'
    const body = transactionBody(script(text))
    expect(body.findings).toEqual([])
    expect(body.rows).toEqual(['1\tit\'s; "open\n\\N\t$$\n'])
    expect(body.text.split('\n').map((line) => line.trim())).toEqual([
      '',
      'SELECT 1;',
      'COPY t (a, b) FROM stdin;',
      '',
      '',
      '',
      '',
      'SELECT 2;',
      '',
      '',
    ])
    expect(unitsOf(script(text)).map(({ n, line, kind }) => [n, line, kind])).toEqual([
      [1, 2, 'plain'],
      [2, 3, 'plain'],
      [3, 8, 'plain'],
    ])
  })

  test('COPY without the line that ends its rows is open text', () => {
    expect(() => transactionBody(script('COPY t FROM STDIN;\n1\n'))).toThrow(OpenText)
  })

  test.each([
    [
      'CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS i ON ONLY s."T x" USING btree (a)',
      { index: 'i', table: 's."T x"' },
    ],
    ['create index /* c */ concurrently on t(a)', { kind: 'create-index', index: undefined, table: 't' }],
    ['DROP INDEX CONCURRENTLY IF EXISTS s.i CASCADE', { kind: 'drop-index', index: 's.i' }],
    ['REINDEX TABLE CONCURRENTLY t', { kind: 'reindex' }],
    [
      'ALTER TABLE IF EXISTS ONLY s.t DETACH PARTITION s.p CONCURRENTLY',
      { kind: 'detach', table: 's.t', partition: 's.p' },
    ],
  ])('finds what %s works on', (text, target) => expect(concurrentTarget(text)).toMatchObject(target))

  test.each([
    'SAVEPOINT a; ROLLBACK TO a; RELEASE a',
    "SET standard_conforming_strings = off; SELECT 'a', E'\\\\n'",
    "SET standard_conforming_strings = on; SELECT '\\\\'",
    "SELECT 'COMMIT;'",
    'DO $$ BEGIN COMMIT; END $$',
    'CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; END',
    'RESET search_path',
    'CREATE INDEX i ON t (a)',
    'REINDEX TABLE t',
    'COPY t TO STDOUT',
    "COMMENT ON TABLE t IS 'vacuum; concurrently'",
    'SELECT pg_advisory_xact_lock(1)',
  ])('lets %s pass', (text) => expect(transactionBody(script(text)).findings).toEqual([]))
})
