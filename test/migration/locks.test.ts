import { expect, test } from 'vitest'
import { blockedBy, locksOf } from '../../src/migration/locks.ts'

test.each<[string, string[]]>([
  ['CREATE TABLE a (id int)', []],
  ['CREATE TABLE a (b int REFERENCES s."B x" (id))', ['SHARE ROW EXCLUSIVE s."B x"']],
  ['CREATE TABLE p1 PARTITION OF p FOR VALUES IN (1)', ['ACCESS EXCLUSIVE p']],
  ['CREATE INDEX i ON ONLY t (a)', ['SHARE t']],
  ['CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS i ON t (a)', ['SHARE UPDATE EXCLUSIVE t']],
  ['CREATE OR REPLACE TRIGGER x BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION f()', ['SHARE ROW EXCLUSIVE t']],
  ['CREATE POLICY p ON t USING (true)', ['ACCESS EXCLUSIVE t']],
  ['CREATE FUNCTION f() RETURNS int LANGUAGE sql AS $$ DELETE FROM t $$', []],
  ['ALTER TABLE IF EXISTS ONLY s.t ADD COLUMN a int', ['ACCESS EXCLUSIVE s.t']],
  [
    'ALTER TABLE t ADD CONSTRAINT f FOREIGN KEY (a) REFERENCES u NOT VALID',
    ['SHARE ROW EXCLUSIVE t', 'SHARE ROW EXCLUSIVE u'],
  ],
  ['ALTER TABLE t ADD COLUMN a int REFERENCES u', ['ACCESS EXCLUSIVE t', 'SHARE ROW EXCLUSIVE u']],
  ['ALTER TABLE t VALIDATE CONSTRAINT f', ['SHARE UPDATE EXCLUSIVE t']],
  ['ALTER TABLE t DETACH PARTITION p', ['ACCESS EXCLUSIVE t']],
  ['ALTER TABLE t DETACH PARTITION p CONCURRENTLY', ['SHARE UPDATE EXCLUSIVE t']],
  ['DROP TABLE IF EXISTS t CASCADE', ['ACCESS EXCLUSIVE t']],
  ['DROP INDEX CONCURRENTLY IF EXISTS i', ['SHARE UPDATE EXCLUSIVE i']],
  ['DROP FUNCTION f()', []],
  ['TRUNCATE TABLE t', ['ACCESS EXCLUSIVE t']],
  ["UPDATE t SET a = 'DROP TABLE u'", ['ROW EXCLUSIVE t']],
  ['REFRESH MATERIALIZED VIEW CONCURRENTLY v', ['EXCLUSIVE v']],
  ['VACUUM', []],
  ['VACUUM FULL t', ['ACCESS EXCLUSIVE t']],
  ['LOCK TABLE t IN SHARE MODE', ['SHARE t']],
  ['SELECT 1', []],
])('%s', (text, expected) => expect(locksOf(text).map(({ mode, relation }) => `${mode} ${relation}`)).toEqual(expected))

test('an ACCESS EXCLUSIVE lock stops reads too, weaker ones stop writes or nothing', () => {
  expect(['ACCESS EXCLUSIVE', 'SHARE', 'SHARE UPDATE EXCLUSIVE'].map((mode) => blockedBy(mode as 'SHARE'))).toEqual([
    'reads and writes',
    'writes',
    'nothing',
  ])
})

test('a statement of megabytes is read at its beginning', () => {
  expect(locksOf(`INSERT INTO t VALUES ${"('x'), ".repeat(1_000_000)}('x')`)).toEqual([
    { mode: 'ROW EXCLUSIVE', relation: 't' },
  ])
})
