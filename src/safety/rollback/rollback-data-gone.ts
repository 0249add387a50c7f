import { columnsIn, relationsIn } from '../../sql/effects/constraints.ts'
import { type Effect, labelOf, type Rows, type Thing, thing } from '../../sql/effects/effect.ts'
import { changedTypes } from '../changed-types.ts'
import type { Doing, Pair, PairFound, RollbackRule } from './pair.ts'
import { isSame, ownerOf } from './same.ts'

export const rollbackDataGone: RollbackRule = {
  code: 'rollback-data-gone',
  severity: 'warning',
  finds:
    'Rows and values that the up script destroys without a copy: a dropped table or column, TRUNCATE, DELETE and UPDATE of a whole table, a type that holds less.',
  why: 'The down script can make the table or the column again, but not what was in it. The release before then runs on an empty one.',
  certainty:
    'A warning: whether rows are there, only the database knows. `-- lockkeeper: irreversible REASON` says that it is known.',
  find(pair) {
    return pair.doing.up.flatMap((each, i) => {
      const before = pair.doing.up.slice(0, i)
      return [...each.effects.flatMap((effect) => lostBy(effect, pair)), ...narrowed(each, pair)]
        .filter(({ table, column }) => !before.some((earlier) => copies(earlier, table, column)))
        .map(({ what }) => gone(each, what))
    })
  },
  examples: {
    finds: [
      { up: 'DROP TABLE orders', down: 'CREATE TABLE orders (id int)' },
      { up: 'ALTER TABLE orders DROP COLUMN note', down: 'ALTER TABLE orders ADD COLUMN note text' },
      { up: 'TRUNCATE orders; ALTER TABLE orders ADD a int', down: 'ALTER TABLE orders DROP a' },
      { up: "UPDATE orders SET state = 'new'; CREATE VIEW v AS SELECT 1", down: 'DROP VIEW v' },
      {
        earlier: 'CREATE TABLE orders (note text)',
        up: 'ALTER TABLE orders ALTER note TYPE varchar(9) USING left(note, 9)',
        down: 'ALTER TABLE orders ALTER note TYPE text',
      },
    ],
    passes: [
      { up: 'CREATE TABLE kept AS TABLE orders; DROP TABLE orders', down: 'ALTER TABLE kept RENAME TO orders' },
      {
        up: 'ALTER TABLE t ADD b text; UPDATE t SET b = a; ALTER TABLE t DROP a',
        down: 'ALTER TABLE t ADD a text; UPDATE t SET a = b; ALTER TABLE t DROP b',
      },
      {
        earlier: 'CREATE TABLE t (a int, b int GENERATED ALWAYS AS (a * 2) STORED)',
        up: 'ALTER TABLE t DROP b',
        down: 'ALTER TABLE t ADD b int GENERATED ALWAYS AS (a * 2) STORED',
      },
      { up: 'CREATE TABLE t (a int); DELETE FROM t; DROP TABLE t', down: 'SELECT 1' },
      {
        up: 'ALTER TABLE t DROP CONSTRAINT c; DELETE FROM t WHERE a < 0',
        down: 'ALTER TABLE t ADD CONSTRAINT c CHECK (a > 0) NOT VALID',
      },
    ],
  },
}

interface Lost {
  readonly what: string
  readonly table: string
  readonly column?: string
}

function lostBy(effect: Effect, pair: Pair): Lost[] {
  if (effect.act === 'drop') {
    const { kind, name } = effect.thing
    if (!['table', 'column', 'schema'].includes(kind) || isOwn(effect.thing, pair)) return []
    // What a generated column holds is in other columns.
    if (pair.schema.find(effect.thing)?.facts.generated === true) return []
    const table = kind === 'column' ? ownerOf(effect.thing) : name
    if (kind === 'column' && isOwn(thing('table', table), pair)) return []
    return [{ what: `what is in ${labelOf(effect.thing)}`, table, ...(kind === 'column' && { column: last(name) }) }]
  }
  if (effect.act !== 'rows' || !effect.whole || isOwn(effect.table, pair)) return []
  if (effect.verb !== 'update') return [{ what: `all rows of ${effect.table.name}`, table: effect.table.name }]
  return overwritten(effect, pair)
}

/** A column that the script adds has nothing to lose. */
const overwritten = ({ table, columns }: Rows, pair: Pair): Lost[] =>
  columns
    .filter((column) => !isOwn(thing('column', `${table.name}.${column}`), pair))
    .slice(0, 1)
    .map((column) => ({ what: `what was in ${table.name}.${column}`, table: table.name, column }))

const narrowed = ({ statement }: Doing, { schema }: Pair): Lost[] =>
  changedTypes(statement, { schema })
    .filter(({ change }) => change === 'narrows')
    .map(({ table, column, next }) => ({ what: `what ${table}.${column} holds beyond ${next}`, table, column }))

const isOwn = (it: Thing, { doing }: Pair) =>
  doing.up.some(({ effects }) => effects.some((each) => each.act === 'make' && isSame(each.thing, it)))

/** Whether an earlier statement writes what it reads there to another place. */
function copies({ statement: { node }, effects }: Doing, table: string, column: string | undefined): boolean {
  if (node === undefined) return false
  if ('CreateTableAsStmt' in node || 'InsertStmt' in node) return relationsIn(node).includes(table)
  const updates = effects.some((each) => each.act === 'rows' && each.verb === 'update' && each.table.name === table)
  return column !== undefined && updates && columnsIn(node).includes(column)
}

const last = (name: string) => name.split('.').at(-1) ?? name

const gone = ({ statement }: Doing, what: string): PairFound => ({
  in: 'up',
  statement,
  message: `destroys ${what}, and no down script can bring that back`,
  fix: 'keep a copy, or leave it to a later release; else say so: -- lockkeeper: irreversible REASON',
  sql: [],
})
