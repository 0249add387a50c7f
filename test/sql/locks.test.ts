import { beforeAll, expect, test } from 'vitest'
import { blockedBy, locksOf } from '../../src/sql/locks.ts'
import { loadParser, type Parse } from '../../src/sql/parser.ts'

let parse: Parse
beforeAll(async () => {
  parse = await loadParser()
})

const locksIn = (text: string) => {
  const nodes = parse(text)
  if ('message' in nodes) throw new Error(nodes.message)
  return nodes.flatMap((node) => locksOf(node))
}

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
  ['ALTER TABLE t VALIDATE CONSTRAINT c, DROP COLUMN d', ['ACCESS EXCLUSIVE t']],
  ['ALTER TABLE t DROP COLUMN d, VALIDATE CONSTRAINT c', ['ACCESS EXCLUSIVE t']],
  ['ALTER TABLE t ALTER a SET STATISTICS 5, VALIDATE CONSTRAINT c', ['SHARE UPDATE EXCLUSIVE t']],
  ['ALTER TABLE t VALIDATE CONSTRAINT c, DISABLE TRIGGER x', ['SHARE ROW EXCLUSIVE t']],
  ['ALTER TABLE t SET (fillfactor = 50), CLUSTER ON i', ['SHARE UPDATE EXCLUSIVE t']],
  ['ALTER TABLE t SET (fillfactor = 50, user_catalog_table = true)', ['ACCESS EXCLUSIVE t']],
  [
    'ALTER TABLE t ADD FOREIGN KEY (a) REFERENCES u, ADD FOREIGN KEY (b) REFERENCES w',
    ['SHARE ROW EXCLUSIVE t', 'SHARE ROW EXCLUSIVE u', 'SHARE ROW EXCLUSIVE w'],
  ],
  [
    'ALTER TABLE t ADD FOREIGN KEY (a) REFERENCES u, ALTER b SET NOT NULL',
    ['ACCESS EXCLUSIVE t', 'SHARE ROW EXCLUSIVE u'],
  ],
  ["ALTER TABLE t ADD CHECK (a <> 'validate constraint')", ['ACCESS EXCLUSIVE t']],
  ['ALTER TABLE t RENAME a TO "validate constraint"', ['ACCESS EXCLUSIVE t']],
  ['ALTER TABLE public.t SET SCHEMA s', ['ACCESS EXCLUSIVE public.t']],
  ['TRUNCATE a, b', ['ACCESS EXCLUSIVE a', 'ACCESS EXCLUSIVE b']],
  ['DROP TABLE a, s.b', ['ACCESS EXCLUSIVE a', 'ACCESS EXCLUSIVE s.b']],
  ['DROP TRIGGER x ON s.t', ['ACCESS EXCLUSIVE s.t']],
  ['VACUUM (FULL, ANALYZE) t', ['ACCESS EXCLUSIVE t']],
  ['VACUUM (FULL false) t', ['SHARE UPDATE EXCLUSIVE t']],
  ['REINDEX TABLE CONCURRENTLY t', ['SHARE UPDATE EXCLUSIVE t']],
  ['LOCK a, b', ['ACCESS EXCLUSIVE a', 'ACCESS EXCLUSIVE b']],
  ['LOCK t IN ACCESS SHARE MODE', []],
  ['WITH x AS (DELETE FROM t RETURNING *) INSERT INTO u SELECT * FROM x', ['ROW EXCLUSIVE u', 'ROW EXCLUSIVE t']],
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
])('%s', (text, expected) => expect(locksIn(text).map(({ mode, relation }) => `${mode} ${relation}`)).toEqual(expected))

test('an ACCESS EXCLUSIVE lock stops reads too, weaker ones stop writes or nothing', () => {
  expect(['ACCESS EXCLUSIVE', 'SHARE', 'SHARE UPDATE EXCLUSIVE'].map((mode) => blockedBy(mode as 'SHARE'))).toEqual([
    'reads and writes',
    'writes',
    'nothing',
  ])
})
