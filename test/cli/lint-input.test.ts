import { describe, expect, test } from 'vitest'
import { pairs } from '../prove/prove-answer.ts'
import { lockkeeper, withFolder } from '../tools/program.ts'

/** What `lint` says, `FILE:LINE CODE`, without the drops of tables, which each of these down scripts has. */
const linted = (...scripts: readonly (readonly [up: string, down: string])[]) =>
  withFolder(pairs(...scripts), async (folder) => {
    const { code, stdout, stderr } = await lockkeeper(['lint', '-m', folder, '-o', 'json'])
    if (stdout === '') throw new Error(stderr)
    const findings = JSON.parse(stdout) as { file: string; line: number; code: string }[]
    const places = findings.filter((each) => each.code !== 'rollback-data-loss')
    return { code, found: places.map((each) => `${each.file}:${each.line} ${each.code}`) }
  })

/** As pg_dump 18 writes it, with its guards. */
const dump = `--
-- PostgreSQL database dump
--

\\restrict 8qGkJ

SET statement_timeout = 0;
SET client_encoding = 'UTF8';
SELECT pg_catalog.set_config('search_path', '', false);

CREATE TABLE public.t (
    id integer NOT NULL,
    v text
);
ALTER TABLE public.t OWNER TO owner_of_shop;
COPY public.t (id, v) FROM stdin;
1	a;b
2	DROP TABLE orders;
\\.

ALTER TABLE ONLY public.t
    ADD CONSTRAINT t_pkey PRIMARY KEY (id);
CREATE POLICY p ON public.t FOR SELECT USING (true);
GRANT SELECT ON TABLE public.t TO auditor;

\\unrestrict 8qGkJ
`
const index = 'CREATE INDEX i ON orders (note);'

describe('lint reads to the end what holds', () => {
  test.each<[string, readonly (readonly [string, string])[], readonly string[]]>([
    [
      'SQL that the parser rejects: the rest is judged, and the server has the last word',
      [[`SELECT 1;\nCREATE TABEL u ();\n${index}`, 'DROP INDEX CONCURRENTLY i;']],
      ['1_x.up.sql:2 sql-rejected', '1_x.up.sql:3 index-blocks-writes'],
    ],
    [
      'types, functions and access methods of extensions that are nowhere installed',
      [
        [
          "CREATE EXTENSION postgis; CREATE TABLE p (at geometry(Point, 4326)); SELECT create_hypertable('p', 'at');",
          'DROP TABLE p; DROP EXTENSION postgis;',
        ],
        ['CREATE INDEX n ON p USING hnsw (at vector_l2_ops);', 'DROP INDEX CONCURRENTLY n;'],
      ],
      ['2_x.up.sql:1 index-blocks-writes'],
    ],
    [
      'a dump of pg_dump, whose rows are no statements',
      [[`${dump}${index}`, 'DROP TABLE t; DROP INDEX CONCURRENTLY i;']],
      [`1_x.up.sql:${dump.split('\n').length} index-blocks-writes`],
    ],
    [
      'recursive views',
      [
        [
          'CREATE RECURSIVE VIEW tree (n) AS SELECT 1 UNION ALL SELECT n + 1 FROM tree WHERE n < 9; CREATE VIEW a AS SELECT n FROM tree;',
          'DROP VIEW a; DROP VIEW tree;',
        ],
      ],
      [],
    ],
    [
      'a recursive view that is dropped before what reads it',
      [
        [
          'CREATE RECURSIVE VIEW tree (n) AS SELECT 1 UNION ALL SELECT n + 1 FROM tree WHERE n < 9; CREATE VIEW a AS SELECT n FROM tree;',
          'DROP VIEW tree;\nDROP VIEW a;',
        ],
      ],
      ['1_x.down.sql:1 rollback-order'],
    ],
    [
      'views that were made to need each other',
      [
        [
          'CREATE VIEW a AS SELECT 1 AS n; CREATE VIEW b AS SELECT * FROM a; CREATE OR REPLACE VIEW a AS SELECT n FROM b;',
          'DROP VIEW a, b;',
        ],
      ],
      [],
    ],
    [
      'circular foreign keys, dropped together',
      [
        [
          'CREATE TABLE a (id int PRIMARY KEY, up int REFERENCES a); CREATE TABLE b (id int PRIMARY KEY, a int REFERENCES a); ALTER TABLE a ADD b int REFERENCES b;',
          'DROP TABLE a, b;',
        ],
      ],
      [],
    ],
    [
      'circular foreign keys, dropped one after the other',
      [
        [
          'CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE b (id int PRIMARY KEY, a int REFERENCES a); ALTER TABLE a ADD b int REFERENCES b;',
          'DROP TABLE a;\nDROP TABLE b;',
        ],
      ],
      ['1_x.down.sql:1 rollback-order'],
    ],
    [
      'generated columns',
      [
        ['CREATE TABLE g (n int, twice int GENERATED ALWAYS AS (n * 2) STORED);', 'DROP TABLE g;'],
        ['ALTER TABLE g ADD thrice int GENERATED ALWAYS AS (n * 3) STORED;', 'ALTER TABLE g DROP thrice;'],
      ],
      ['2_x.up.sql:1 generated-column-rewrites-table'],
    ],
    [
      'partitions of partitions',
      [
        [
          "CREATE TABLE p (at date, k int) PARTITION BY RANGE (at); CREATE TABLE p1 PARTITION OF p FOR VALUES FROM ('2003-01-01') TO ('2004-01-01') PARTITION BY LIST (k); CREATE TABLE p11 PARTITION OF p1 DEFAULT;",
          'DROP TABLE p;',
        ],
        [
          'ALTER TABLE p DETACH PARTITION p1;',
          "ALTER TABLE p ATTACH PARTITION p1 FOR VALUES FROM ('2003-01-01') TO ('2004-01-01');",
        ],
      ],
      ['2_x.up.sql:1 detach-blocks-reads', '2_x.down.sql:1 attach-scans-table'],
    ],
    [
      'inheritance, the child first',
      [
        [
          'CREATE TABLE parent (a int); CREATE TABLE child (b int) INHERITS (parent);',
          'DROP TABLE child; DROP TABLE parent;',
        ],
      ],
      [],
    ],
    [
      'inheritance, the parent first',
      [
        [
          'CREATE TABLE parent (a int); CREATE TABLE child (b int) INHERITS (parent);',
          'DROP TABLE parent;\nDROP TABLE child;',
        ],
      ],
      ['1_x.down.sql:1 rollback-order'],
    ],
    [
      'row security of a table that is new, and of one that stays',
      [
        [
          'CREATE TABLE s (id int); ALTER TABLE s ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY; CREATE POLICY own ON s USING (id = 1);',
          'DROP TABLE s;',
        ],
        [
          'ALTER TABLE orders ENABLE ROW LEVEL SECURITY; CREATE POLICY own ON orders USING (true);',
          'DROP POLICY own ON orders;',
        ],
      ],
      ['2_x.up.sql:1 rollback-not-restored'],
    ],
  ])('%s', async (_, scripts, found) => {
    const errors = found.some((each) => each.endsWith('rollback-order'))
    expect(await linted(...scripts)).toEqual({ code: errors ? 1 : 0, found })
  })

  test('10 MB', async () => {
    const row = `INSERT INTO t (a) VALUES ('${'x'.repeat(470)}');\n`
    const up = `${row.repeat(21_000)}${index}`
    expect(up.length).toBeGreaterThan(10_000_000)
    expect(await linted([up, 'DELETE FROM t WHERE a IS NOT NULL; DROP INDEX CONCURRENTLY i;'])).toEqual({
      code: 0,
      found: ['1_x.up.sql:21001 index-blocks-writes', '1_x.down.sql:1 too-many-statements'],
    })
  })
})

test.each([
  ['0', 1],
  ['1', 0],
])('lint --since %s ends with %i where only version 1 has an error', (since, code) =>
  withFolder({ '1_a.up.sql': 'SELECT 1;', '2_b.up.sql': 'SELECT 1;', '2_b.down.sql': 'SELECT 1;' }, async (folder) => {
    expect(await lockkeeper(['lint', '-m', folder, '--since', since])).toMatchObject({ code })
  }),
)
