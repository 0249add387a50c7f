import { relationName } from '../../sql/names.ts'
import { serialOf } from '../../sql/types.ts'
import { volatileIn } from '../../sql/volatile.ts'
import { constraintsOf, kindsOf } from './constraints-of.ts'
import { kept } from './kept.ts'
import { isNewTable, makes, type Piece, type Row } from './row.ts'

/** What code of the release before does not notice. Whatever is in no row counts as unknown. */
export const works: readonly Row[] = [
  {
    what: 'a new table without foreign keys into older ones, and no partition or child of one',
    verdict: 'works',
    reason: 'no code names it yet, and it checks nothing elsewhere',
    source: 'CREATE TABLE',
    matches: (piece) =>
      'CreateStmt' in piece.node &&
      (piece.node.CreateStmt.inhRelations ?? []).every(
        (each) => 'RangeVar' in each && isNewTable(piece, relationName(each.RangeVar)),
      ),
    examples: [
      'CREATE TABLE notes (id bigint PRIMARY KEY, note text NOT NULL CHECK (note <> $$$$))',
      'CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE b (a int REFERENCES a)',
    ],
  },
  {
    what: 'a new table or materialized view from a query',
    verdict: 'works',
    reason: 'it only reads what is there',
    source: 'CREATE TABLE AS; CREATE MATERIALIZED VIEW',
    matches: ({ node, effects }) => 'CreateTableAsStmt' in node && effects.length === 1,
    examples: ['CREATE TABLE copy AS SELECT * FROM orders', 'CREATE MATERIALIZED VIEW sums AS SELECT 1 AS a'],
  },
  {
    what: 'ALTER TABLE of a table that the same script made',
    verdict: 'works',
    reason: 'no code names it yet',
    source: 'ALTER TABLE',
    matches: (piece) => piece.action !== undefined && isNewTable(piece, piece.action.table) && !isBond(piece),
    examples: ['CREATE TABLE notes (id int); ALTER TABLE notes ALTER COLUMN id TYPE bigint'],
  },
  {
    what: 'a nullable column, or one with a default that is the same for every row',
    verdict: 'works',
    reason: 'an INSERT that does not know the column leaves it to its default',
    source: 'ALTER TABLE, ADD COLUMN, Notes',
    matches: isPlainColumn,
    examples: [
      'ALTER TABLE orders ADD COLUMN note text',
      "ALTER TABLE orders ADD COLUMN note text NOT NULL DEFAULT ''",
      'ALTER TABLE orders ADD COLUMN IF NOT EXISTS made timestamptz DEFAULT now()',
    ],
  },
  {
    what: 'an index that is not unique, over plain columns and all rows',
    verdict: 'works',
    reason: 'it changes no answer; an expression in it could fail for a row that was fine',
    source: 'CREATE INDEX; 11.7 Indexes on Expressions',
    matches: ({ node }) =>
      'IndexStmt' in node &&
      node.IndexStmt.unique !== true &&
      node.IndexStmt.whereClause === undefined &&
      (node.IndexStmt.indexParams ?? []).every((each) => 'IndexElem' in each && each.IndexElem.expr === undefined),
    examples: ['CREATE INDEX CONCURRENTLY orders_note ON orders (note DESC)', 'CREATE INDEX ON orders (note, id)'],
  },
  {
    what: 'an index, a trigger or a policy of a table that the same script made',
    verdict: 'works',
    reason: 'no code names the table yet',
    source: 'CREATE INDEX; CREATE TRIGGER; CREATE POLICY',
    matches: (piece) =>
      ['index', 'trigger', 'policy', 'rule'].some((kind) => {
        const table = makes(piece, kind)?.within.find((each) => each.kind === 'table')
        return table !== undefined && isNewTable(piece, table.name)
      }),
    examples: [
      'CREATE TABLE notes (id int); CREATE UNIQUE INDEX ON notes (abs(id))',
      'CREATE TABLE notes (id int); CREATE TRIGGER t BEFORE INSERT ON notes FOR EACH ROW EXECUTE FUNCTION f()',
    ],
  },
  {
    what: 'a new view, sequence, schema or type',
    verdict: 'works',
    reason: 'no code names it yet',
    source: 'CREATE VIEW; CREATE SEQUENCE; CREATE SCHEMA; CREATE TYPE; CREATE DOMAIN',
    matches: (piece) =>
      piece.effects.every((each) => each.act === 'make' && each.replace !== true) &&
      ['view', 'sequence', 'schema', 'type', 'statistics'].some((kind) => makes(piece, kind) !== undefined),
    examples: [
      'CREATE VIEW open_orders AS SELECT 1 AS id',
      "CREATE TYPE mood AS ENUM ('sad')",
      'CREATE SEQUENCE numbers',
    ],
  },
  {
    what: 'a new function of a name that no function of the files has',
    verdict: 'works',
    reason: 'no code calls it; a second one of a name can make calls ambiguous',
    source: 'CREATE FUNCTION; 10.3 Functions',
    matches: (piece) => {
      const made = makes(piece, 'function')
      const bare = made?.thing.name.replace(/\(.*$/, '') ?? ''
      return made !== undefined && made.replace !== true && !piece.schema.hasFunction(bare)
    },
    examples: ['CREATE FUNCTION total(a int) RETURNS int LANGUAGE sql AS $$ SELECT a $$'],
  },
  ...kept,
]

/** ATTACH and INHERIT bring an older table in, or the new one into an older. */
const isBond = ({ action }: Piece) => /Partition|Inherit/.test(action?.cmd.subtype ?? '')

function isPlainColumn(piece: Piece): boolean {
  const { action, schema } = piece
  const def = action?.cmd.def
  if (action?.cmd.subtype !== 'AT_AddColumn' || def === undefined || !('ColumnDef' in def)) return false
  const kinds = kindsOf(piece)
  const value = constraintsOf(piece).find(({ contype }) => contype === 'CONSTR_DEFAULT')?.raw_expr
  const plain = kinds.every((kind) => ['CONSTR_NULL', 'CONSTR_NOTNULL', 'CONSTR_DEFAULT'].includes(kind))
  const filled = value !== undefined || !kinds.includes('CONSTR_NOTNULL')
  const steady = value === undefined || volatileIn(value, schema) === undefined
  return plain && filled && steady && serialOf(def.ColumnDef.typeName) === undefined
}
