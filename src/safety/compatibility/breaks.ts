import { type Thing, thing } from '../../sql/effects/effect.ts'
import { relationName } from '../../sql/names.ts'
import { constraintsOf, kindsOf } from './constraints-of.ts'
import { isNew, isNewTable, makes, type Piece, type Row } from './row.ts'

/** What code of the release before fails on, in some use of it. */
export const breaks: readonly Row[] = [
  {
    what: 'a foreign key into a table that was there before',
    verdict: 'breaks',
    reason: 'a DELETE or UPDATE of a row that is now referred to fails, and so does an INSERT without its counterpart',
    source: '5.5.5 Foreign Keys',
    matches: (piece) =>
      constraintsOf(piece).some((each) => each.pktable !== undefined && !isNewTable(piece, relationName(each.pktable))),
    examples: [
      'ALTER TABLE orders ADD FOREIGN KEY (customer_id) REFERENCES customers NOT VALID',
      'CREATE TABLE notes (order_id bigint REFERENCES orders)',
    ],
  },
  {
    what: 'a column NOT NULL without a default',
    verdict: 'breaks',
    reason: 'an INSERT that does not know the column fails',
    source: 'ALTER TABLE, ADD COLUMN',
    matches: (piece) =>
      isOld(piece, 'AT_AddColumn') &&
      kindsOf(piece).includes('CONSTR_NOTNULL') &&
      !kindsOf(piece).includes('CONSTR_DEFAULT'),
    examples: ['ALTER TABLE orders ADD COLUMN note text NOT NULL'],
  },
  {
    what: 'another type of a column, a wider one too',
    verdict: 'breaks',
    reason: 'clients that know the type read or send it wrongly (int to bigint), and prepared statements fail',
    source: 'ALTER TABLE, SET DATA TYPE',
    matches: (piece) => isOld(piece, 'AT_AlterColumnType'),
    examples: ['ALTER TABLE orders ALTER COLUMN id TYPE bigint', 'ALTER TABLE orders ALTER note TYPE varchar(99)'],
  },
  {
    what: 'SET NOT NULL',
    verdict: 'breaks',
    reason: 'an INSERT or UPDATE that leaves the column NULL fails',
    source: '5.5.2 Not-Null Constraints',
    matches: (piece) =>
      isOld(piece, 'AT_SetNotNull') || (isOld(piece, 'AT_AddConstraint') && kindsOf(piece).includes('CONSTR_NOTNULL')),
    examples: ['ALTER TABLE orders ALTER COLUMN note SET NOT NULL'],
  },
  {
    what: 'DROP NOT NULL',
    verdict: 'breaks',
    reason: 'code that never met NULL in this column will',
    source: '5.5.2 Not-Null Constraints',
    matches: (piece) => isOld(piece, 'AT_DropNotNull'),
    examples: ['ALTER TABLE orders ALTER COLUMN note DROP NOT NULL'],
  },
  {
    what: 'CHECK, UNIQUE, PRIMARY KEY or EXCLUDE on a table that was there before, NOT VALID or not',
    verdict: 'breaks',
    reason: 'an INSERT or UPDATE that was fine is refused',
    source: '5.5 Constraints',
    matches: (piece) => isOld(piece) && kindsOf(piece).some((kind) => strict.has(kind)),
    examples: [
      'ALTER TABLE orders ADD CONSTRAINT total CHECK (total > 0) NOT VALID',
      'ALTER TABLE orders ADD UNIQUE USING INDEX orders_note',
      'ALTER TABLE orders ADD COLUMN note text UNIQUE',
    ],
  },
  {
    what: 'a unique index on a table that was there before',
    verdict: 'breaks',
    reason: 'an INSERT or UPDATE that was fine is refused',
    source: '11.6 Unique Indexes',
    matches: (piece) =>
      'IndexStmt' in piece.node &&
      piece.node.IndexStmt.unique === true &&
      !isNewTable(piece, relationName(piece.node.IndexStmt.relation)),
    examples: ['CREATE UNIQUE INDEX CONCURRENTLY orders_note ON orders (note)'],
  },
  {
    what: 'a new value of an enum',
    verdict: 'breaks',
    reason: 'code that reads the column meets a value that it does not know',
    source: '8.7 Enumerated Types; ALTER TYPE',
    matches: (piece) =>
      makes(piece, 'enum value') !== undefined &&
      !isNew(piece, makes(piece, 'enum value')?.within[0] ?? thing('type', '')),
    examples: ["ALTER TYPE order_state ADD VALUE 'lost'"],
  },
  {
    what: 'another name or schema of anything that code names',
    verdict: 'breaks',
    reason: 'code that uses the old name fails',
    source: 'ALTER TABLE, RENAME',
    matches: (piece) =>
      piece.effects.some((each) => each.act === 'move' && named.has(each.from.kind) && isOldThing(piece, each.from)),
    examples: ['ALTER TABLE orders RENAME COLUMN note TO remark', 'ALTER VIEW open_orders SET SCHEMA archive'],
  },
  {
    what: 'DROP of anything that code names',
    verdict: 'breaks',
    reason: 'code that uses it fails',
    source: 'DROP TABLE; ALTER TABLE, DROP COLUMN; DROP VIEW; DROP FUNCTION; DROP TYPE',
    matches: (piece) =>
      piece.effects.some((each) => each.act === 'drop' && named.has(each.thing.kind) && isOldThing(piece, each.thing)),
    examples: ['ALTER TABLE orders DROP COLUMN note', 'DROP FUNCTION total(bigint)', 'DROP SCHEMA shop'],
  },
  {
    what: 'REVOKE',
    verdict: 'breaks',
    reason: 'a role loses what it may have used',
    source: 'REVOKE',
    matches: ({ node }) => 'GrantStmt' in node && node.GrantStmt.is_grant !== true,
    examples: ['REVOKE SELECT ON orders FROM reports'],
  },
  {
    what: 'ENABLE or FORCE ROW LEVEL SECURITY',
    verdict: 'breaks',
    reason: 'code sees no rows, or fewer',
    source: '5.9 Row Security Policies',
    matches: (piece) => isOld(piece, 'AT_EnableRowSecurity') || isOld(piece, 'AT_ForceRowSecurity'),
    examples: ['ALTER TABLE orders ENABLE ROW LEVEL SECURITY'],
  },
]

const strict: ReadonlySet<string> = new Set(['CONSTR_CHECK', 'CONSTR_UNIQUE', 'CONSTR_PRIMARY', 'CONSTR_EXCLUSION'])

const named: ReadonlySet<string> = new Set([
  ...['table', 'column', 'view', 'materialized view', 'sequence', 'function', 'aggregate', 'operator', 'type'],
  ...['attribute', 'enum value', 'schema', 'foreign table', 'extension', 'database', 'server'],
])

/** An action on a table that the script did not make. */
const isOld = (piece: Piece, subtype?: string): boolean =>
  piece.action !== undefined &&
  (subtype === undefined || piece.action.cmd.subtype === subtype) &&
  !isNewTable(piece, piece.action.table)

const isOldThing = (piece: Piece, it: Thing) =>
  !isNew(piece, it) && !isNewTable(piece, it.name.split('.').slice(0, -1).join('.'))
