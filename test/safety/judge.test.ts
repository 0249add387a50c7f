import { beforeAll, describe, expect, test } from 'vitest'
import { LIMITS } from '../../src/limits.ts'
import type { Finding } from '../../src/migration/finding.ts'
import { readMigrations } from '../../src/migration/read.ts'
import { type Judgement, type JudgeOptions, judge } from '../../src/safety/judge.ts'
import { loadParser, type Parse } from '../../src/sql/parser.ts'

let parse: Parse
beforeAll(async () => {
  parse = await loadParser()
})

type Options = Omit<JudgeOptions, 'parse'>
const judged = (files: Readonly<Record<string, string>>, options: Options = {}): Judgement =>
  judge(readMigrations(Object.entries(files).map(([name, content]) => ({ name, content }))), { parse, ...options })
const up = (text: string, options?: Options) => judged({ '1_a.up.sql': text }, options).findings
const brief = ({ file, line, code }: Finding) => `${file}:${line} ${code}`

const index = 'CREATE INDEX i ON orders (note)'

describe('findings', () => {
  test('come by version, up before down, in the order of the file', () => {
    const { findings } = judged({
      '10_b.up.sql': `${index};\nTRUNCATE orders;`,
      '10_b.down.sql': 'DROP INDEX i;',
      '9_a.up.sql': 'LOCK TABLE orders;\n\n\n-- why\nVACUUM FULL orders;',
      '9_a.down.sql': 'SELECT f();\nCLUSTER orders;',
    })
    expect(findings.map((each) => `${each.version} ${brief(each)}`)).toEqual([
      '9 9_a.up.sql:1 lock-table-blocks-clients',
      '9 9_a.up.sql:5 vacuum-full-blocks-reads',
      '9 9_a.down.sql:2 cluster-blocks-reads',
      '10 10_b.up.sql:1 index-blocks-writes',
      '10 10_b.up.sql:2 truncate-loses-data',
      '10 10_b.up.sql:2 rollback-data-gone',
      '10 10_b.down.sql:1 index-drop-blocks-reads',
    ])
  })

  test('name file, line, what is wrong, and the statements to paste, in one line each', () => {
    expect(
      up(`-- Ünï\r\nCREATE INDEX "Note's"\r\n  ON shop."Orders" (note) -- all\r\n  WHERE note <> ';';\r\n`),
    ).toEqual([
      {
        code: 'index-blocks-writes',
        severity: 'warning',
        version: '1',
        file: '1_a.up.sql',
        line: 2,
        message: `1_a.up.sql line 2 builds index Note's on shop."Orders", and nobody can write to shop."Orders" until it is built`,
        fix: `in a migration of its own: CREATE INDEX CONCURRENTLY "Note's" ON shop."Orders" (note) WHERE note <> ';';`,
      },
    ])
  })

  test('name the line of the action, not that of the ALTER TABLE', () => {
    const found = up('ALTER TABLE orders\n  ADD a int,\n  ADD b int[] DEFAULT ARRAY[1, 2],\n  ALTER c\n  SET NOT NULL')
    expect(found.map(brief)).toEqual(['1_a.up.sql:4 not-null-scans-table'])
  })

  test('name the line of the file where several scripts share one', () => {
    const text = `-- migrate:up\nCREATE VIEW a AS SELECT 1;\n${index};\n-- migrate:down\n\nDROP VIEW a;\nDROP INDEX i;\n`
    const { findings } = judged({ '1_a.sql': text })
    expect(findings.map(brief)).toEqual(['1_a.sql:3 index-blocks-writes', '1_a.sql:7 index-drop-blocks-reads'])
  })

  test('are those of a repeatable migration too, without a version', () => {
    const { findings } = judged({ 'V1__a.sql': 'SELECT 1', 'R__a.sql': 'REFRESH MATERIALIZED VIEW v' })
    expect(findings).toEqual([expect.objectContaining({ code: 'refresh-blocks-reads', file: 'R__a.sql' })])
    expect(findings[0]).not.toHaveProperty('version')
  })

  test('quote the names that need it', () => {
    const [found] = up('ALTER TABLE "order"\n ALTER "Note" SET NOT NULL')
    expect(found?.fix).toContain('ALTER TABLE "order" ADD CONSTRAINT "order_Note_not_null" CHECK ("Note" IS NOT NULL)')
  })

  test('say once for a transaction that it locks several tables', () => {
    const add = (table: string) => `ALTER TABLE ${table} ADD COLUMN a int;\n`
    expect(up(['a', 'b', 'c', 'd', 'a'].map(add).join('')).map(brief)).toEqual(['1_a.up.sql:2 several-exclusive-locks'])
  })

  test('do not see the BEGIN and COMMIT around a script', () =>
    expect(up(`BEGIN;\n${index};\nCOMMIT;`)).toHaveLength(1))
})

describe('a table that is new', () => {
  const make = { '1_a.up.sql': 'CREATE TABLE orders (id int, note text)', '2_b.up.sql': index }
  const codes = (files: Readonly<Record<string, string>>, options?: Options) =>
    judged(files, options).findings.map(({ code }) => code)

  test('is new in its own migration, and in its release where that is said', () => {
    expect(codes(make)).toEqual(['index-blocks-writes'])
    expect(codes(make, { since: '0' })).toEqual([])
    expect(codes(make, { since: '1' })).toEqual(['index-blocks-writes'])
  })

  test('is new under its new name, and not after IF NOT EXISTS of an older one', () => {
    expect(
      codes({ '1_a.up.sql': 'CREATE TABLE t (a int); ALTER TABLE t RENAME TO orders; CREATE INDEX i ON orders (a)' }),
    ).toEqual([])
    expect(codes({ ...make, '2_b.up.sql': `CREATE TABLE IF NOT EXISTS orders (id int); ${index}` })).toEqual([
      'index-blocks-writes',
    ])
  })

  test('is not new any more for the down script of its migration', () => {
    const files = { '1_a.up.sql': 'CREATE TABLE t (a int)', '1_a.down.sql': 'LOCK TABLE t; SELECT drop_it(1)' }
    expect(codes(files)).toContain('lock-table-blocks-clients')
  })

  test('of another schema is another table', () =>
    expect(codes({ '1_a.up.sql': `CREATE TABLE shop.orders (note text); ${index}` })).toEqual(['index-blocks-writes']))
})

describe('a partitioned table', () => {
  const events = 'CREATE TABLE events (id int) PARTITION BY RANGE (id)'
  const fix = (text: string, server?: number) =>
    judged({ '1_a.up.sql': events, '2_b.up.sql': text }, server === undefined ? {} : { server }).findings.map(
      (each) => each.fix,
    )

  test('takes no index CONCURRENTLY, so that another way is advised, and nothing is repaired', () => {
    expect(fix('CREATE INDEX i ON events (id)')).toEqual([expect.stringContaining('ON ONLY events')])
    expect(judged({ '1_a.up.sql': events, '2_b.up.sql': 'CREATE INDEX i ON events (id)' }).repaired).toEqual([])
    expect(judged({ '2_b.up.sql': 'CREATE INDEX i ON events (id)' }).repaired).toHaveLength(1)
  })

  test('takes a foreign key NOT VALID from PostgreSQL 18 on', () => {
    const key = 'ALTER TABLE events ADD FOREIGN KEY (id) REFERENCES t'
    expect(fix(key, 17)).toEqual([expect.stringContaining('each partition of events')])
    expect(fix(key, 18)).toEqual([expect.stringContaining('REFERENCES t NOT VALID;')])
  })
})

describe('a comment', () => {
  const allow = '-- lockkeeper: allow index-blocks-writes the table is small'

  test.each([
    ['on the line before', `${allow}\n${index}`],
    ['before other comments', `${allow}\n-- It has ten rows.\n${index}`],
    ['beside another one', `-- lockkeeper: allow lock-table-blocks-clients x\n${allow}\n${index}`],
    ['indented, with CRLF', `SELECT 1;\r\n\t${allow}\r\n${index}`],
  ])('%s a statement allows what it names', (_, text) => {
    const { findings, allowed } = judged({ '1_a.up.sql': text })
    expect(findings).toEqual([])
    expect(allowed.map(({ finding, reason }) => [finding.code, reason])).toEqual([
      ['index-blocks-writes', 'the table is small'],
    ])
  })

  test.each([
    ['behind the statement', `${index};\n${allow}`],
    ['before another statement', `${allow}\nSELECT 1;\n${index}`],
    ['with a blank line between', `${allow}\n\n${index}`],
    ['on the same line', `/* */ ${index} ${allow}`],
    ['that names another code', `${allow.replace('blocks-writes', 'drop-blocks-reads')}\n${index}`],
    ['without a reason', `-- lockkeeper: allow index-blocks-writes\n${index}`],
  ])('%s allows nothing', (_, text) => expect(up(text).map(({ code }) => code)).toEqual(['index-blocks-writes']))

  test('allows no error: that a down script undoes nothing is not the author’s to waive', () => {
    const down = '-- lockkeeper: allow rollback-only-records we never go back\nSELECT 1'
    const { findings } = judged({ '1_a.up.sql': 'CREATE VIEW v AS SELECT 1', '1_a.down.sql': down })
    expect(findings.map(({ code, severity }) => `${severity} ${code}`)).toContain('error rollback-only-records')
    const early = {
      '1_a.up.sql': 'CREATE TABLE t (a int); CREATE VIEW v AS SELECT a FROM t',
      '1_a.down.sql': '-- lockkeeper: allow rollback-order x\nDROP TABLE t;\nDROP VIEW v',
    }
    expect(judged(early).findings.map(({ code }) => code)).toContain('rollback-order')
  })

  test.each([
    ['allow', 'error', 'without its code'],
    ['allow index-blocks-writes', 'error', 'allows index-blocks-writes without a reason'],
    ['allow nonsense it is fine', 'warning', 'allows nonsense, which is no code'],
    ['compatible', 'error', 'says compatible without a reason'],
    ['allows index-blocks-writes it is fine', 'error', 'unknown directive "allows"'],
  ])('that says "%s" is itself a finding', (said, severity, message) => {
    const content = `-- lockkeeper: ${said}\nSELECT 1`
    const { findings } = readMigrations([{ name: '1_a.up.sql', content }])
    expect(findings.filter(({ code }) => code === 'marker-unclear')).toEqual([
      expect.objectContaining({ severity, line: 1, message: expect.stringContaining(message) }),
    ])
  })
})

describe('what cannot be read', () => {
  test('is a warning with line, column and the parser’s own words, and the rest is judged', () => {
    const found = up(`SELECT '🚢', 'ü';\nSELECT '🚢'\n  FROM WHERE;\n${index}`)
    expect(found.map(brief)).toEqual(['1_a.up.sql:3 sql-rejected', '1_a.up.sql:4 index-blocks-writes'])
    expect(found[0]).toMatchObject({
      severity: 'warning',
      message: '1_a.up.sql line 3 column 8 is not valid SQL for PostgreSQL 18: syntax error at or near "WHERE"',
    })
  })

  test.each([
    ['parentheses', `SELECT ${'('.repeat(60_000)}1${')'.repeat(60_000)}`],
    ['a sum', `SELECT ${'1+'.repeat(60_000)}1`],
  ])('because %s go too deep is a finding, and the next statement is read', (_, deep) =>
    expect(up(`${deep};\n${index}`).map(({ code }) => code)).toEqual(['sql-rejected', 'index-blocks-writes']),
  )

  test('a sum of 2,000 terms is deep, and judged', () =>
    expect(up(`DELETE FROM t WHERE a = ${'1 + '.repeat(2000)}1`)).toEqual([]))

  test('a statement of more than 128 KiB is not given to the parser, and said so; rows are no such statement', () => {
    const long = 'x'.repeat(LIMITS.parsedStatement.value)
    const found = up(`SELECT '${long}';\nINSERT INTO t VALUES ('${long}'), ('update');\n${index}`)
    expect(found.map(brief)).toEqual(['1_a.up.sql:1 sql-too-long', '1_a.up.sql:3 index-blocks-writes'])
  })

  test('in a script of 10 MB of rows the statements between them are judged', () => {
    const row = `INSERT INTO t (a) VALUES ('${'x'.repeat(470)}');\n`
    expect(up(`${row.repeat(20_000)}${index};\n${row}`).map(brief)).toEqual(['1_a.up.sql:20001 index-blocks-writes'])
  })

  test('the rows of COPY are no SQL', () =>
    expect(up(`COPY t (a) FROM stdin;\nDELETE FROM t;\n\\.\n${index}`).map(brief)).toEqual([
      '1_a.up.sql:4 index-blocks-writes',
    ]))

  test('a quote that is never closed is said by the reader, and nothing else is', () =>
    expect(up("SELECT 'a")).toEqual([]))

  describe('in a down script', () => {
    const severities = (down: string, options?: Options, upText = 'CREATE TABLE t (a int)') =>
      judged({ '1_a.up.sql': upText, '1_a.down.sql': down }, options).findings.map(
        ({ code, file, severity }) => `${file} ${severity} ${code}`,
      )
    test.each([
      ['a word that does not exist', 'ALTER TABLE t DELETE COLUMN a;'],
      ['prose', 'nothing to do here'],
      ['a statement that is cut off', 'DROP TABLE'],
      ['another dialect', 'ALTER TABLE `t` DROP `a`'],
      ['one of several', 'DROP TABLE t; DROP TABEL u; SELECT 1'],
    ])('is an error: %s', (_, down) => {
      expect(severities(down)).toContain('1_a.down.sql error sql-rejected')
    })

    test('is a warning for a server newer than the parser, which may know it', () => {
      expect(severities('DROP TABLE t GENTLY', { server: 19 })).toEqual(['1_a.down.sql warning sql-rejected'])
      expect(severities('DROP TABLE t GENTLY', { server: 18 })).toEqual(['1_a.down.sql error sql-rejected'])
    })

    test('is a warning where the migration is declared irreversible, so that it never runs', () => {
      const up = '-- lockkeeper: irreversible rows are gone\nCREATE TABLE t (a int)'
      expect(severities('SELEC 1', {}, up)).toEqual(['1_a.down.sql warning sql-rejected'])
    })

    test('cannot be allowed by a comment', () => {
      expect(severities('-- lockkeeper: allow sql-rejected we know\nSELEC 1')).toContain(
        '1_a.down.sql error sql-rejected',
      )
    })
  })

  test('keeps the two scripts from being matched: what is missed may be in there', () => {
    const files = { '1_a.up.sql': 'CREATE TABLE t (a int)', '1_a.down.sql': 'SELEC 1' }
    expect(judged(files).findings.map(({ code }) => code)).toEqual(['sql-rejected'])
  })
})

describe('a down script', () => {
  const codes = (files: Readonly<Record<string, string>>) =>
    judged(files)
      .findings.filter(({ code }) => code.startsWith('rollback-'))
      .map((each) => `${brief(each)} ${each.severity}`)

  test('is not matched where the up script says that it cannot be undone', () =>
    expect(
      codes({ '1_a.up.sql': '-- lockkeeper: irreversible law\nDROP TABLE t', '1_a.down.sql': 'SELECT 1' }),
    ).toEqual([]))

  test('may drop what a repeatable migration makes', () =>
    expect(
      codes({
        'V1__a.sql': 'CREATE INDEX i ON t (a)',
        'U1__a.sql': 'DROP VIEW IF EXISTS v; DROP INDEX i',
        'R__v.sql': 'CREATE OR REPLACE VIEW v AS SELECT 1',
      }),
    ).toEqual([]))

  test('names what it forgot where the up script makes it, with the statement that undoes it', () => {
    const { findings } = judged({
      '1_a.up.sql':
        'CREATE VIEW v AS SELECT 1;\nCREATE TRIGGER "T x" BEFORE INSERT ON shop.t FOR EACH ROW EXECUTE FUNCTION f()',
      '1_a.down.sql': 'DROP VIEW v',
    })
    expect(findings).toEqual([
      expect.objectContaining({
        code: 'rollback-leaves-behind',
        file: '1_a.up.sql',
        line: 2,
        message: '1_a.up.sql line 2 makes trigger shop.t."T x", which the down script leaves behind',
        fix: 'in the down script: DROP TRIGGER "T x" ON shop.t;',
      }),
    ])
  })

  test('of a migration sees what earlier ones made', () =>
    expect(
      codes({
        '1_a.up.sql': 'CREATE TABLE a (id int)',
        '1_a.down.sql': 'DROP TABLE a',
        '2_b.up.sql': 'CREATE VIEW v AS SELECT 1',
        '2_b.down.sql': 'DROP VIEW v;\nDROP TABLE IF EXISTS a',
      }),
    ).toEqual([
      '1_a.down.sql:1 rollback-data-loss warning',
      '2_b.down.sql:2 rollback-data-loss warning',
      '2_b.down.sql:2 rollback-drops-others warning',
    ]))
})
