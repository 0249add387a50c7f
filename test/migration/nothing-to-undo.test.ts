import { describe, expect, test } from 'vitest'
import { catalogueOf } from '../../src/migration/catalogue.ts'
import { readMigrations } from '../../src/migration/read.ts'

const says = '-- lockkeeper: nothing-to-undo the rows are the same to every release\n'
const read = (files: Readonly<Record<string, string>>) =>
  readMigrations(Object.entries(files).map(([name, content]) => ({ name, content })))
const codesOf = (files: Readonly<Record<string, string>>) => read(files).findings.map(({ code }) => code)

const data = [
  "UPDATE orders SET note = 'TRUNCATE; DROP TABLE x' WHERE note IS NULL;",
  'INSERT INTO states VALUES (1), (2); DELETE FROM states WHERE id > 2;',
  'WITH gone AS (DELETE FROM a RETURNING *) INSERT INTO b SELECT lower(x), my_own(y) FROM gone;',
  'MERGE INTO a USING b ON a.id = b.id WHEN MATCHED THEN UPDATE SET x = b.x;',
  "SELECT setval('orders_id_seq', (SELECT max(id) FROM orders));",
  "SET LOCAL search_path = shop; SELECT pg_catalog.set_config('a.b', 'c', true);",
  'BEGIN; UPDATE a SET x = 1 WHERE id IN (SELECT id FROM b); COMMIT;',
  'COPY a FROM STDIN;\n1\n\\.\n',
  'ANALYZE a;',
  '',
]
const more: [string, RegExp][] = [
  ['CREATE TABLE x ();', /CREATE TABLE/],
  ['UPDATE a SET x = 1;\nALTER TABLE a ADD y int;', /line 3 has ALTER TABLE/],
  ['TRUNCATE a;', /TRUNCATE/],
  ['DO $$ BEGIN END $$;', /DO/],
  ['CALL f();', /CALL/],
  ['SELECT * INTO x FROM a;', /SELECT INTO/],
  ['WITH q AS (SELECT 1) SELECT * INTO x FROM q;', /SELECT INTO/],
  ['CREATE TABLE x AS SELECT 1;', /CREATE TABLE/],
  ['/* data only */ DROP INDEX i;', /DROP INDEX/],
  ['SELECT migrate_all();', /migrate_all\(\)/],
  ["SELECT shop.setval('x', 1);", /setval\(\)/],
  ['COMMENT ON TABLE a IS NULL;', /COMMENT ON/],
  ['GRANT SELECT ON a TO b;', /GRANT SELECT/],
  ["COPY a FROM PROGRAM 'x';", /COPY with PROGRAM/],
  ['EXPLAIN ANALYZE CREATE TABLE x AS SELECT 1;', /EXPLAIN/],
  ['PREPARE p AS SELECT 1; EXECUTE p;', /PREPARE/],
  ['REFRESH MATERIALIZED VIEW v;', /REFRESH/],
]

describe('nothing-to-undo', () => {
  test.each(data)('counts, in the up script or in the down: %s', (up) => {
    for (const files of [
      { '1_a.up.sql': says + up },
      { '1_a.up.sql': says + up, '1_a.down.sql': '' },
      { '1_a.up.sql': up, '1_a.down.sql': says },
    ]) {
      const set = read(files)
      expect(set.findings).toEqual([])
      expect(set.migrations[0]).toMatchObject({ nothingToUndo: true, down: { text: expect.anything() } })
      expect(catalogueOf(set).entries[0]).toMatchObject({
        downFile: expect.anything(),
        down: expect.anything(),
        findings: [],
      })
    }
  })

  test.each(more)('does not count where the up script does more: %s', (up, what) => {
    for (const files of [{ '1_a.up.sql': says + up }, { '1_a.up.sql': up.replace(/^/, '\n'), '1_a.down.sql': says }]) {
      const set = read(files)
      expect(set.findings).toMatchObject([
        { code: 'rollback-missing', severity: 'error', version: '1', message: expect.stringMatching(what) },
      ])
      expect(set.migrations[0]?.nothingToUndo).toBeUndefined()
    }
  })

  test('needs a reason, and a down script without statements', () => {
    expect(codesOf({ '1_a.up.sql': '-- lockkeeper: nothing-to-undo\nSELECT 1;' })).toEqual([
      'rollback-missing',
      'marker-unclear',
    ])
    expect(codesOf({ '1_a.up.sql': says, '1_a.down.sql': 'DELETE FROM a;' })).toEqual(['marker-unclear'])
  })

  test('is read in every section of a file that holds both', () => {
    expect(codesOf({ '1_a.sql': `-- migrate:up\nUPDATE a SET x = 1;\n-- migrate:down\n${says}` })).toEqual([])
    expect(codesOf({ '1_a.sql': `-- +goose Up\n${says}UPDATE a SET x = 1;\n` })).toEqual([])
    expect(codesOf({ '1 a.sql': `${says}CREATE TABLE a ();\n` })).toEqual(['rollback-missing'])
    expect(codesOf({ 'V1__a.sql': `${says}UPDATE a SET x = 1;\n` })).toEqual([])
  })
})
