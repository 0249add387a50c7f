import { beforeAll, describe, expect, test } from 'vitest'
import { readMigrations } from '../../src/migration/read.ts'
import { judge } from '../../src/safety/judge.ts'
import { loadParser, type Parse } from '../../src/sql/parser.ts'

let parse: Parse
beforeAll(async () => {
  parse = await loadParser()
})

/** Codes that say that a down script does not restore; those about rows are not asked. */
const OF_SCHEMA = /^rollback-(?:leaves-behind|not-restored|drops-others|hides-nothing|order|only-records)$/

/** What is said of the second migration, whose schema the first one makes. */
function said(earlier: string, up: string, down: string): string[] {
  const files = { '1_a.up.sql': earlier, '1_a.down.sql': 'SELECT undo()', '2_b.up.sql': up, '2_b.down.sql': down }
  const set = readMigrations(Object.entries(files).map(([name, content]) => ({ name, content })))
  return judge(set, { parse })
    .findings.filter(({ version, code }) => version === '2' && OF_SCHEMA.test(code))
    .map(({ code, message }) => `${code} ${message}`)
}

const table = 'CREATE TABLE t (id int, a text NOT NULL, b int DEFAULT 1, c varchar(20))'

describe('a down script that restores', () => {
  test.each<[string, string, string, string]>([
    [
      'an index after DROP IF EXISTS and CREATE',
      table,
      'DROP INDEX IF EXISTS i; CREATE INDEX i ON t (a)',
      'DROP INDEX IF EXISTS i',
    ],
    [
      'a trigger after DROP IF EXISTS and CREATE',
      table,
      'DROP TRIGGER IF EXISTS x ON t; CREATE TRIGGER x BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION f()',
      'DROP TRIGGER IF EXISTS x ON t',
    ],
    ['a table likewise', '', 'DROP TABLE IF EXISTS n; CREATE TABLE n (id int)', 'DROP TABLE IF EXISTS n'],
    ['a view likewise', '', 'DROP VIEW IF EXISTS v; CREATE VIEW v AS SELECT 1', 'DROP VIEW IF EXISTS v'],
    ['a type likewise', '', "DROP TYPE IF EXISTS m; CREATE TYPE m AS ENUM ('a')", 'DROP TYPE IF EXISTS m'],
    [
      'a constraint likewise',
      table,
      'ALTER TABLE t DROP CONSTRAINT IF EXISTS k, ADD CONSTRAINT k CHECK (b > 0)',
      'ALTER TABLE t DROP CONSTRAINT IF EXISTS k',
    ],
    [
      'a function likewise, with another size of its argument',
      '',
      'DROP FUNCTION IF EXISTS f(varchar); CREATE FUNCTION f(a varchar(50)) RETURNS int LANGUAGE sql AS $$ SELECT 1 $$',
      'DROP FUNCTION IF EXISTS f(character varying)',
    ],
    [
      'a function with a numeric argument',
      '',
      'CREATE FUNCTION f(a numeric(10,2), b int4) RETURNS int LANGUAGE sql AS $$ SELECT 1 $$',
      'DROP FUNCTION f(numeric, integer)',
    ],
    ['a table that may have been there and is not wanted', table, 'DROP TABLE IF EXISTS legacy', 'SELECT f()'],
    [
      'an enum that is created again without the new value',
      "CREATE TYPE m AS ENUM ('a', 'b'); CREATE TABLE u (m m)",
      "ALTER TYPE m ADD VALUE 'c'",
      "ALTER TYPE m RENAME TO m_old; CREATE TYPE m AS ENUM ('a', 'b'); ALTER TABLE u ALTER m TYPE m USING m::text::m; DROP TYPE m_old",
    ],
    [
      'an enum that takes the place of the old one under its name',
      "CREATE TYPE m AS ENUM ('a', 'b'); CREATE TABLE u (m m)",
      "ALTER TYPE m ADD VALUE 'c'",
      "CREATE TYPE n AS ENUM ('a', 'b'); ALTER TABLE u ALTER m TYPE n USING m::text::n; DROP TYPE m; ALTER TYPE n RENAME TO m",
    ],
    [
      'the index of a partition that was attached',
      'CREATE TABLE p (k int) PARTITION BY LIST (k); CREATE TABLE p1 PARTITION OF p FOR VALUES IN (1)',
      'CREATE INDEX i ON ONLY p (k); CREATE INDEX i1 ON p1 (k); ALTER INDEX i ATTACH PARTITION i1',
      'DROP INDEX i',
    ],
    [
      'the indexes of partitions that CREATE INDEX takes over',
      'CREATE TABLE p (k int) PARTITION BY LIST (k); CREATE TABLE p1 PARTITION OF p FOR VALUES IN (1)',
      'CREATE INDEX i1 ON p1 (k); CREATE INDEX i ON p (k)',
      'DROP INDEX i',
    ],
    [
      'a partition that goes with its table',
      '',
      'CREATE TABLE p (k int) PARTITION BY LIST (k); CREATE TABLE p1 (k int); ALTER TABLE p ATTACH PARTITION p1 FOR VALUES IN (1)',
      'DROP TABLE p',
    ],
    [
      'a key whose DROP … CASCADE took foreign keys along',
      'CREATE TABLE p (id int PRIMARY KEY); CREATE TABLE q (p int REFERENCES p)',
      'ALTER TABLE p DROP CONSTRAINT p_pkey CASCADE',
      'ALTER TABLE p ADD PRIMARY KEY (id); ALTER TABLE q ADD FOREIGN KEY (p) REFERENCES p',
    ],
    [
      'a key whose foreign key goes by CASCADE',
      'CREATE TABLE p (id int, k int NOT NULL)',
      'ALTER TABLE p ADD CONSTRAINT k UNIQUE (k); CREATE TABLE q (a int); ALTER TABLE q ADD CONSTRAINT f FOREIGN KEY (a) REFERENCES p (k)',
      'ALTER TABLE p DROP CONSTRAINT k CASCADE; DROP TABLE q',
    ],
    [
      'NOT NULL, by the primary key',
      'CREATE TABLE p (id int PRIMARY KEY)',
      'ALTER TABLE p DROP CONSTRAINT p_pkey; ALTER TABLE p ALTER id DROP NOT NULL',
      'ALTER TABLE p ADD PRIMARY KEY (id)',
    ],
    [
      'a default that was a means',
      table,
      'ALTER TABLE t ALTER a SET DEFAULT 1; ALTER TABLE t ALTER a DROP DEFAULT',
      'SELECT f()',
    ],
    [
      'a default of an unknown table',
      '',
      'ALTER TABLE z ALTER a SET DEFAULT 1; ALTER TABLE z ALTER a DROP DEFAULT',
      'SELECT f()',
    ],
    [
      'temporary tables',
      table,
      'CREATE TEMP TABLE x AS SELECT * FROM t; CREATE INDEX y ON x (id); ALTER TABLE t ADD d int',
      'ALTER TABLE t DROP d',
    ],
    [
      'temporary tables that were only defined',
      table,
      'CREATE TEMPORARY TABLE x (id int) ON COMMIT DROP; ALTER TABLE t ADD d int',
      'ALTER TABLE t DROP d',
    ],
    [
      'a sequence that belongs to a column',
      '',
      'CREATE SEQUENCE s; CREATE TABLE n (id int); ALTER SEQUENCE s OWNED BY n.id',
      'DROP TABLE n',
    ],
    [
      'an index, written differently',
      `${table}; CREATE INDEX i ON t (a)`,
      'DROP INDEX i',
      'CREATE INDEX i ON public.t USING btree (a ASC)',
    ],
    [
      'a CHECK as pg_dump writes it',
      `${table}; ALTER TABLE t ADD CONSTRAINT k CHECK (c IN ('x', 'y') AND (b > 0 AND b < 9))`,
      'ALTER TABLE t DROP CONSTRAINT k',
      "ALTER TABLE t ADD CONSTRAINT k CHECK (((c)::text = ANY ((ARRAY['x'::character varying, 'y'::character varying])::text[])) AND b > 0 AND b < 9)",
    ],
    ['a column with all that it had', table, 'ALTER TABLE t DROP b', "ALTER TABLE t ADD b integer DEFAULT '1'::int"],
    [
      'an index of a column that was renamed',
      `${table}; CREATE INDEX i ON t (a)`,
      'DROP INDEX i; ALTER TABLE t RENAME a TO z',
      'CREATE INDEX i ON t (z); ALTER TABLE t RENAME z TO a',
    ],
    [
      'a table and the index of its key under other names',
      'CREATE TABLE p (id int PRIMARY KEY)',
      'ALTER TABLE p RENAME TO q; ALTER INDEX p_pkey RENAME TO q_pkey',
      'ALTER TABLE q RENAME TO p; ALTER INDEX q_pkey RENAME TO p_pkey',
    ],
    [
      'a type that no column has any more',
      '',
      "CREATE TYPE m AS ENUM ('a'); CREATE TABLE n (s m)",
      'ALTER TABLE n ALTER s TYPE text; DROP TYPE m; DROP TABLE n',
    ],
    [
      'a function with the body of before',
      'CREATE FUNCTION f() RETURNS int LANGUAGE sql AS $$ SELECT 1 $$',
      'CREATE OR REPLACE FUNCTION f() RETURNS int LANGUAGE sql AS $$ SELECT 2 $$',
      'CREATE OR REPLACE FUNCTION f() RETURNS int AS $$ SELECT 1 $$ LANGUAGE sql',
    ],
    [
      'functions that are dropped without their arguments',
      'CREATE FUNCTION f(a int) RETURNS int LANGUAGE sql AS $$ SELECT 1 $$',
      'DROP FUNCTION f',
      'CREATE FUNCTION f(a int) RETURNS int LANGUAGE sql AS $$ SELECT 1 $$',
    ],
  ])('is not found: %s', (_, earlier, up, down) => {
    expect(said(earlier || 'SELECT 1', up, down)).toEqual([])
  })
})

describe('a down script that puts something else back', () => {
  test.each<[string, string, string, string, RegExp]>([
    [
      'an index of another column',
      `${table}; CREATE INDEX i ON t (a)`,
      'DROP INDEX i',
      'CREATE INDEX i ON t (b)',
      /creates index i with another definition/,
    ],
    [
      'an index that is unique no more',
      `${table}; CREATE UNIQUE INDEX i ON t (a)`,
      'DROP INDEX i',
      'CREATE INDEX i ON t (a)',
      /creates index i with another definition/,
    ],
    [
      'a partial index that is whole',
      `${table}; CREATE INDEX i ON t (a) WHERE b > 1`,
      'DROP INDEX i',
      'CREATE INDEX i ON t (a)',
      /index i/,
    ],
    [
      'a foreign key that deletes no more',
      `CREATE TABLE p (id int PRIMARY KEY); ${table}; ALTER TABLE t ADD CONSTRAINT f FOREIGN KEY (b) REFERENCES p ON DELETE CASCADE`,
      'ALTER TABLE t DROP CONSTRAINT f',
      'ALTER TABLE t ADD CONSTRAINT f FOREIGN KEY (b) REFERENCES p',
      /constraint t\.f with another definition/,
    ],
    [
      'a CHECK with another bound',
      `${table}; ALTER TABLE t ADD CONSTRAINT k CHECK (b > 0)`,
      'ALTER TABLE t DROP CONSTRAINT k',
      'ALTER TABLE t ADD CONSTRAINT k CHECK (b > 1)',
      /constraint t\.k/,
    ],
    [
      'a CHECK that is not validated',
      `${table}; ALTER TABLE t ADD CONSTRAINT k CHECK (b > 0)`,
      'ALTER TABLE t DROP CONSTRAINT k',
      'ALTER TABLE t ADD CONSTRAINT k CHECK (b > 0) NOT VALID',
      /another validity/,
    ],
    [
      'a function with another body',
      'CREATE FUNCTION f() RETURNS int LANGUAGE sql AS $$ SELECT 1 $$',
      'CREATE OR REPLACE FUNCTION f() RETURNS int LANGUAGE sql AS $$ SELECT 2 $$',
      'CREATE OR REPLACE FUNCTION f() RETURNS int LANGUAGE sql AS $$ SELECT 3 $$',
      /function f\(\) with another definition/,
    ],
    [
      'a view with fewer columns',
      `${table}; CREATE VIEW v AS SELECT id, a FROM t`,
      'DROP VIEW v',
      'CREATE VIEW v AS SELECT id FROM t',
      /view v/,
    ],
    [
      'a column without NOT NULL',
      table,
      'ALTER TABLE t DROP a',
      'ALTER TABLE t ADD a text',
      /creates column t\.a with another not null/,
    ],
    [
      'a column without its default',
      table,
      'ALTER TABLE t DROP b',
      'ALTER TABLE t ADD b int',
      /creates column t\.b with another default/,
    ],
    [
      'a column of another type',
      table,
      'ALTER TABLE t DROP c',
      'ALTER TABLE t ADD c text',
      /creates column t\.c with another type/,
    ],
    [
      'a type that is not the one of before',
      table,
      'ALTER TABLE t ALTER c TYPE text',
      'ALTER TABLE t ALTER c TYPE varchar(30)',
      /sets another type of column t\.c/,
    ],
    [
      'a default that is not the one of before',
      table,
      'ALTER TABLE t ALTER b DROP DEFAULT',
      'ALTER TABLE t ALTER b SET DEFAULT 2',
      /sets another default of column t\.b/,
    ],
    [
      'an enum without a value of before',
      "CREATE TYPE m AS ENUM ('a', 'b')",
      'DROP TYPE m',
      "CREATE TYPE m AS ENUM ('a')",
      /type m with another values/,
    ],
    [
      'NOT NULL that a primary key brought',
      'CREATE TABLE p (id int)',
      'ALTER TABLE p ADD PRIMARY KEY (id)',
      'ALTER TABLE p DROP CONSTRAINT p_pkey',
      /not null of column p\.id/,
    ],
    [
      'foreign keys that went by CASCADE',
      'CREATE TABLE p (id int PRIMARY KEY); CREATE TABLE q (p int REFERENCES p)',
      'ALTER TABLE p DROP CONSTRAINT p_pkey CASCADE',
      'ALTER TABLE p ADD PRIMARY KEY (id)',
      /drops constraint q\.q_p_fkey/,
    ],
    [
      'an index that is replaced in the up script alone',
      `${table}; CREATE INDEX i ON t (a)`,
      'DROP INDEX i; CREATE INDEX i ON t (b)',
      'SELECT f()',
      /replaces index i by one with another definition/,
    ],
  ])('is found: %s', (_, earlier, up, down, message) => {
    expect(said(earlier, up, down)).toEqual([expect.stringMatching(message)])
  })

  test('a view of 500 terms is compared', () => {
    const sum = (last: number) => `CREATE VIEW v AS SELECT ${'1 + '.repeat(500)}${last}`
    expect(said(sum(1), 'DROP VIEW v', sum(2))).toHaveLength(1)
    expect(said(sum(1), 'DROP VIEW v', sum(1))).toEqual([])
  })
})
