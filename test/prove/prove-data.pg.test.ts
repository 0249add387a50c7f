import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Files, pairs, proved, scratchServer } from './prove-answer.ts'

let server: Awaited<ReturnType<typeof scratchServer>>
beforeAll(async () => {
  server = await scratchServer(18)
})
afterAll(() => server.stop())

/** With rows. */
const compared = (files: Files, ...args: string[]) => proved(files, '--data', '--scratch', server.url, ...args)

const orders = [
  'CREATE TABLE customers (id int PRIMARY KEY, name text NOT NULL); CREATE TABLE orders (id int PRIMARY KEY, customer int NOT NULL REFERENCES customers, note text, total numeric(10, 2) NOT NULL DEFAULT 0);',
  'DROP TABLE orders; DROP TABLE customers;',
] as const
const last = async (up: string, down: string) => {
  const answer = await compared(pairs(orders, [up, down]), '--since', '1')
  return { ...answer, migration: answer.migrations[0] }
}

describe('prove --data shows what a rollback loses', () => {
  test.each([
    [
      'a dropped column, which comes back empty',
      'ALTER TABLE orders DROP note;',
      'ALTER TABLE orders ADD note text;',
      [
        {
          object: 'public.orders',
          rows: 5,
          of: 5,
          what: 'note has another value',
          example: "id = '1001': note 'text 1001' → NULL",
        },
      ],
    ],
    [
      'a dropped table, which comes back empty',
      'DROP TABLE orders;',
      `${orders[0].split('; ')[1]}`,
      [{ object: 'public.orders', rows: 5, of: 5, what: 'rows are gone', example: "id = '1001'" }],
    ],
    [
      'a narrower type that truncates',
      'ALTER TABLE orders ALTER note TYPE varchar(4) USING left(note, 4);',
      'ALTER TABLE orders ALTER note TYPE text;',
      [
        {
          object: 'public.orders',
          rows: 5,
          of: 5,
          what: 'note has another value',
          example: "id = '1001': note 'text 1001' → 'text'",
        },
      ],
    ],
    [
      'digits behind the point',
      'ALTER TABLE customers ADD n numeric DEFAULT 1.5; UPDATE orders SET total = 7; ',
      'ALTER TABLE customers DROP n; UPDATE orders SET total = 8;',
      [
        {
          object: 'public.orders',
          rows: 5,
          of: 5,
          what: 'total has another value',
          example: "id = '1001': total '1001.00' → '8.00'",
        },
      ],
    ],
    [
      'rows that the down script takes too many of',
      "INSERT INTO customers VALUES (1, 'Ada');",
      'DELETE FROM orders; DELETE FROM customers;',
      [
        { object: 'public.customers', what: 'rows are gone', rows: 5 },
        { object: 'public.orders', what: 'rows are gone', rows: 5 },
      ],
    ],
    [
      'rows that are left',
      "INSERT INTO customers VALUES (1, 'Ada') ON CONFLICT DO NOTHING;",
      'SELECT 1;',
      [{ object: 'public.customers', rows: 1, of: 5, what: 'rows are new', example: "id = '1'" }],
    ],
    [
      'keys that are others',
      'UPDATE orders SET id = id + 1000;',
      'SELECT 1;',
      [
        { object: 'public.orders', what: 'rows are gone', rows: 5, example: "id = '1001'" },
        { object: 'public.orders', what: 'rows are new', rows: 5, example: "id = '2001'" },
      ],
    ],
  ])('%s', async (_, up, down, losses) => {
    const { migration, code } = await last(up, down)
    expect(migration?.losses).toMatchObject(losses)
    expect(migration).toMatchObject({
      result: 'failed',
      unfilled: [],
      compared: { schema: 'restored', rows: 'differs' },
    })
    expect(migration?.findings).toMatchObject([
      {
        code: 'rollback-data-loss',
        severity: 'error',
        file: '2_x.down.sql',
        fix: expect.stringContaining('-- lockkeeper: irreversible REASON'),
      },
    ])
    expect(code).toBe(1)
  })

  test('a sequence that starts again, whose numbers rows have already', async () => {
    const answer = await compared(
      pairs(
        [
          "CREATE TABLE t (id int PRIMARY KEY); CREATE SEQUENCE s OWNED BY t.id; ALTER TABLE t ALTER id SET DEFAULT nextval('s');",
          'DROP TABLE t;',
        ],
        [
          'ALTER TABLE t ALTER id DROP DEFAULT; DROP SEQUENCE s;',
          "CREATE SEQUENCE s OWNED BY t.id; ALTER TABLE t ALTER id SET DEFAULT nextval('s');",
        ],
      ),
    )
    expect(answer.migrations[1]?.losses).toMatchObject([
      { object: 'sequence public.s', what: 'starts again', example: 'stands at its start, before at 1001' },
    ])
  })

  test('nothing, where the down script gives back what the up script set aside', async () => {
    const { migration, code } = await last(
      'CREATE TABLE kept AS SELECT id, note FROM orders; ALTER TABLE orders DROP note;',
      'ALTER TABLE orders ADD note text; UPDATE orders SET note = kept.note FROM kept WHERE kept.id = orders.id; DROP TABLE kept;',
    )
    expect(migration).toMatchObject({
      result: 'proven',
      losses: [],
      compared: { schema: 'restored', rows: 'restored' },
    })
    expect(code).toBe(0)
  })

  test('nothing is lost of rows without a key, and a table that is renamed there and back keeps its own', async () => {
    const answer = await compared(
      pairs(
        ['CREATE TABLE t (a int, b text);', 'DROP TABLE t;'],
        ['ALTER TABLE t RENAME TO u;', 'ALTER TABLE u RENAME TO t;'],
        ['UPDATE t SET b = b;', 'SELECT 1;'],
      ),
    )
    expect(answer).toMatchObject({ code: 1, result: 'failed' })
    expect(answer.migrations.map(({ losses }) => losses)).toEqual([[], [], []])
  })
})

describe('prove --data blocks nothing by what it cannot do', () => {
  test('a table that no row can be made for is named with the reason, and the others are compared', async () => {
    const { migration, code } = await last(
      "ALTER TABLE orders ADD CONSTRAINT odd CHECK (note ~ '^[A-Z]{7}$') NOT VALID;",
      'ALTER TABLE orders DROP CONSTRAINT odd;',
    )
    expect([code, migration?.result, migration?.unfilled]).toEqual([0, 'proven', []])
    const answer = await compared(
      pairs(
        [
          "CREATE TABLE odd (a text NOT NULL CHECK (a ~ '^[A-Z]{7}$')); CREATE TABLE t (a int PRIMARY KEY, b int);",
          'DROP TABLE odd; DROP TABLE t;',
        ],
        ['ALTER TABLE t DROP b;', 'ALTER TABLE t ADD b int;'],
      ),
    )
    expect(answer.migrations[1]).toMatchObject({
      unfilled: [{ table: 'public.odd', why: expect.stringContaining('violates check constraint "odd_a_check"') }],
      losses: [{ object: 'public.t', what: 'b has another value' }],
    })
  })

  test('an up script that generated rows are in the way of is a warning', async () => {
    const { migration, code } = await last(
      'ALTER TABLE orders ADD paid date NOT NULL;',
      'ALTER TABLE orders DROP paid;',
    )
    expect(migration?.findings).toMatchObject([
      { code: 'rollback-data-loss', severity: 'warning', message: expect.stringContaining('contains null values') },
    ])
    expect([code, migration?.result, migration?.compared]).toEqual([0, 'proven', { schema: 'restored' }])
  })

  test('a down script that fails on rows is an error', async () => {
    const { migration, code } = await last(
      'ALTER TABLE orders ALTER note DROP NOT NULL; UPDATE orders SET note = NULL; CREATE TABLE x ();',
      'ALTER TABLE orders ALTER note SET NOT NULL; ALTER TABLE orders ALTER note DROP NOT NULL; DROP TABLE x;',
    )
    expect(migration?.findings).toMatchObject([
      {
        code: 'rollback-unproven',
        severity: 'error',
        file: '2_x.down.sql',
        line: 1,
        message: expect.stringMatching(/contains null values .*with rows in the tables$/),
      },
    ])
    expect([code, migration?.compared]).toEqual([1, { schema: 'restored', rows: 'differs' }])
  })

  test('circular foreign keys, partitions, inheritance, generated columns and row security are filled and compared', async () => {
    const answer = await compared(
      pairs(
        [
          `CREATE TABLE a (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, n int NOT NULL, twice int GENERATED ALWAYS AS (n * 2) STORED);
CREATE TABLE b (id int PRIMARY KEY, a int NOT NULL REFERENCES a); ALTER TABLE a ADD b int NOT NULL REFERENCES b;
CREATE TABLE p (at date NOT NULL, v text, PRIMARY KEY (at)) PARTITION BY RANGE (at); CREATE TABLE p1 PARTITION OF p FOR VALUES FROM ('2003-01-01') TO ('2004-01-01');
CREATE TABLE parent (id int PRIMARY KEY, v text); CREATE TABLE child (w text) INHERITS (parent);
CREATE TABLE s (id int PRIMARY KEY, v text); ALTER TABLE s ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;`,
          'DROP TABLE s, child, parent, p; ALTER TABLE a DROP b; DROP TABLE b, a;',
        ],
        [
          'ALTER TABLE p DROP v; ALTER TABLE child DROP w; ALTER TABLE s DROP v; UPDATE a SET n = 0;',
          'ALTER TABLE p ADD v text; ALTER TABLE child ADD w text; ALTER TABLE s ADD v text; UPDATE a SET n = 1;',
        ],
      ),
    )
    expect(answer.migrations[1]).toMatchObject({ unfilled: [], compared: { schema: 'restored', rows: 'differs' } })
    expect(answer.migrations[1]?.losses.map(({ object, what, rows }) => `${object}: ${what} (${rows})`)).toEqual([
      'public.a: n has another value (5)',
      'public.a: twice has another value (5)',
      'public.child: rows are gone (5)',
      'public.child: rows are new (5)',
      'public.p: v has another value (5)',
      'public.s: v has another value (5)',
    ])
  })
})
