import fc from 'fast-check'
import { loadModule, parseSync, scanSync } from 'libpg-query'
import { beforeAll, describe, expect, test } from 'vitest'
import { OpenText } from '../../src/migration/lexer.ts'
import { splitStatements } from '../../src/migration/statements.ts'

beforeAll(() => loadModule())

/**
 * Statements as PostgreSQL's own parser cuts them, each from its first to behind its last token; undefined: no SQL. */
function byServer(text: string): string[] | undefined {
  const source = Buffer.from(text, 'utf8')
  try {
    return (parseSync(text).stmts ?? []).map(({ stmt_location: at = 0, stmt_len: length }) =>
      trimmed(source.subarray(at, length === undefined ? undefined : at + length).toString('utf8')),
    )
  } catch {
    return undefined
  }
}

/** Without the comments around it, which belong to no statement. */
function trimmed(text: string): string {
  const tokens = scanSync(text).tokens.filter(({ tokenName }) => !tokenName.endsWith('_COMMENT'))
  const bytes = Buffer.from(text, 'utf8')
  return bytes.subarray(tokens[0]?.start, tokens.at(-1)?.end).toString('utf8')
}

const ours = (text: string) => [...splitStatements(text)].map(({ start, end }) => text.slice(start, end))

/** What stands between two tokens. */
const gap = fc.constantFrom(
  ' ',
  '\n',
  '\r\n',
  '\t\n\f',
  ' /* ; */ ',
  '/* /* ; \' */ " */',
  ' -- ; \' " $$\n',
  '--\n--;\r',
  '/***/',
  '/*/ ; */',
)
/** One value, in spellings that scanners trip over. */
const value = fc.constantFrom(
  "';'",
  "''",
  "'it''s;'",
  "'\\'",
  "E'\\';'",
  "e'a\\\\'",
  "E'a'\n'b\\';'",
  "'a'\n'\\'",
  "'a'\r'b;'",
  "U&'\\0041;'",
  "u&'!0041' uescape '!'",
  "B'01'",
  "x'1F'",
  "N';'",
  '$$;$$',
  '$a$ ; $$ $b$ $a$',
  '$é$;$é$',
  '$😀_1$ ; $😀$ $😀_1$',
  '"a;""b"',
  'U&"d\\0061t;a"',
  'a$b$c',
  'ж$$',
  '😀',
  '1',
  '1.5e-3',
  '.5',
  '0x1F',
  '1_000',
  '2*-- ;\n3',
  '2 */* ; */3',
  '2+-- ;\n-1',
  '- -- ;\n 1',
  '@-5',
  "(a->>';')",
  '(array[1])[1]',
  "interval';'",
  'CASE WHEN true THEN 1 END',
  '(SELECT x."end" FROM x)',
  'begin.atomic',
)
const glued = fc.array(fc.tuple(value, gap), { minLength: 1, maxLength: 4 }).map((pairs) => pairs.flat().join(''))
const select = fc
  .array(fc.tuple(value, gap, gap), { minLength: 1, maxLength: 4 })
  .map((columns) => `SELECT${columns.map(([each, before, behind]) => `${before}${each}${behind}`).join(',')}`)
const statement = fc.oneof(
  select,
  glued.map((text) => `SELECT ${text}`),
  select.map((text) => `INSERT INTO t (a, b) ${text}`),
  fc.tuple(value, gap, value).map(([a, g, b]) => `INSERT INTO t (a) VALUES (${a}${g}),(${b})`),
  fc.tuple(select, select).map(([a, b]) => `CREATE FUNCTION f() RETURNS int BEGIN ATOMIC ${a}; ${b}; END`),
  fc.tuple(gap, select).map(([g, a]) => `create or${g}replace procedure s.f(a int) BEGIN${g}ATOMIC ${a};${g}END`),
  fc.constantFrom(
    'CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT booking.end FROM booking; END',
    'CREATE FUNCTION begin(begin int) RETURNS atomic BEGIN ATOMIC END',
    'CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT CASE WHEN a THEN 1 ELSE CASE b WHEN 1 THEN 2 END END AS "end" FROM begin atomic; END',
    'CREATE RULE r AS ON INSERT TO t DO ALSO (INSERT INTO x VALUES (1); DELETE FROM y)',
    'SELECT 1 FROM begin atomic',
    'SELECT a.begin atomic FROM a',
    'SELECT 1 AS begin, atomic.atomic FROM atomic',
    'DO $$ BEGIN COMMIT; END $$',
    'COMMIT',
    'BEGIN',
    'END',
  ),
)
const script = fc.array(fc.tuple(statement, gap), { minLength: 1, maxLength: 5 }).map((all) => all.flat().join(';'))

describe('our scanner beside the server’s', () => {
  test('cuts what the server can read where the server does', () => {
    let read = 0
    fc.assert(
      fc.property(
        fc.oneof(
          script,
          fc.array(fc.oneof(value, gap, fc.constantFrom(...';()'))).map((all) => all.join('')),
        ),
        (text) => {
          const expected = byServer(text)
          if (expected === undefined) return
          read++
          expect(ours(text).map(trimmed)).toEqual(expected)
        },
      ),
      { numRuns: 1500 },
    )
    expect(read).toBeGreaterThan(300)
  })

  test.each([
    "SELECT E'a'\n'\\'; COMMIT; --'; SELECT 1",
    "SELECT 1 AS x\nFROM begin atomic; COMMIT; SELECT 'end'",
    'SELECT $😀$ ; $😀$; COMMIT',
    "SELECT 'a' /* no line end counts \n */ ;COMMIT",
    "SELECT E'a'  \t\n\n \r'\\''; COMMIT",
    'CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT booking.end; SELECT 1; END; COMMIT',
    'SELECT ж$a$; COMMIT; SELECT b$a$',
    'SELECT 1 +-- $$ ;\n 2; COMMIT; SELECT $$ $$',
  ])('%j', (text) => {
    expect(byServer(text)).toBeDefined()
    expect(ours(text)).toEqual(byServer(text))
  })

  test('reads millions of quotes in one string', () => {
    const quotes = "''".repeat(5_000_000)
    for (const text of [
      `SELECT '${quotes}'; SELECT 2`,
      `SELECT E'${quotes}'; SELECT 2`,
      `INSERT INTO t VALUES ('${quotes}'); SELECT 2`,
    ]) {
      expect(ours(text)).toHaveLength(2)
    }
    expect(() => ours(`SELECT '${quotes}`)).toThrow(OpenText)
  })
})
