import { labelOf } from '../../sql/effects/effect.ts'
import type { Difference } from './delta.ts'
import { mayConcern, outermost, type PairFound, type RollbackRule } from './pair.ts'

export const rollbackLeavesBehind: RollbackRule = {
  code: 'rollback-leaves-behind',
  severity: 'warning',
  finds: 'What the up script makes and the down script does not drop.',
  why: 'After the rollback it is still there: the migration cannot be applied again (already exists), and the schema is one that no release was tested on.',
  certainty: 'A warning: a function that the down script calls may drop it where the text does not show it.',
  find({ left, doing }) {
    return outermost([...left.values()].filter(({ how, by }) => how === 'made' && by === 'up'))
      .filter(({ thing, moved }) => !moved && !mayConcern(doing.down, thing.name))
      .map(leaves)
  },
  examples: {
    finds: [
      { up: 'CREATE TABLE orders (id int); CREATE TYPE mood AS ENUM ()', down: 'DROP TABLE orders' },
      { up: 'ALTER TABLE orders ADD note text, ADD paid boolean', down: 'ALTER TABLE orders DROP note' },
      { up: 'CREATE INDEX CONCURRENTLY orders_note ON orders (note)', down: 'SELECT 1' },
      {
        up: 'CREATE PROCEDURE p(a int) LANGUAGE sql AS $$ SELECT 1 $$; CREATE TABLE "T x" (a int)',
        down: 'DROP TABLE "T x"',
      },
      { up: 'CREATE TRIGGER t BEFORE INSERT ON shop.orders FOR EACH ROW EXECUTE FUNCTION f()', down: 'SELECT f()' },
      { up: 'ALTER TABLE events ATTACH PARTITION shop.events_1 FOR VALUES IN (1)', down: 'SELECT f()' },
      { up: "ALTER TYPE mood ADD VALUE 'glad'", down: "DELETE FROM people WHERE mood = 'glad'" },
    ],
    passes: [
      { up: 'CREATE TABLE orders (id int); CREATE INDEX ON orders (id)', down: 'DROP TABLE orders' },
      { up: 'CREATE TABLE kept AS TABLE orders; DROP TABLE orders', down: 'ALTER TABLE kept RENAME TO orders' },
      { up: 'CREATE TABLE copy (id int); DROP TABLE copy; CREATE VIEW v AS SELECT 1', down: 'DROP VIEW v' },
      { up: 'CREATE FUNCTION f(a int, OUT b int) LANGUAGE sql AS $$ SELECT 1 $$', down: 'DROP FUNCTION f' },
      { up: 'CREATE INDEX ON orders (lower(note))', down: 'DROP INDEX orders_lower_idx' },
      { up: 'CREATE TABLE orders (id int)', down: "DO $$ BEGIN EXECUTE 'DROP TABLE orders'; END $$" },
      { up: 'CREATE SCHEMA shop; CREATE TABLE shop.orders (id int)', down: 'DROP SCHEMA shop CASCADE' },
    ],
  },
}

function leaves({ thing, statement }: Difference): PairFound {
  const message = `makes ${labelOf(thing)}, which the down script leaves behind`
  if (thing.kind === 'enum value') {
    const fix =
      'PostgreSQL cannot remove a value: the down script has to make the type anew without it and change the columns, or allow this'
    return { in: 'up', statement, message, fix, sql: [] }
  }
  return { in: 'up', statement, message, fix: 'in the down script', sql: dropOf(thing, statement) }
}

function dropOf({ kind, name }: Difference['thing'], { node }: Difference['statement']): string[] {
  const [last = '', ...owner] = name.split('.').reverse()
  const table = owner.reverse().join('.')
  if (kind === 'column' || kind === 'constraint') return [`ALTER TABLE ${table} DROP ${kind.toUpperCase()} ${last};`]
  if (kind === 'attribute') return [`ALTER TYPE ${table} DROP ATTRIBUTE ${last};`]
  if (kind === 'trigger' || kind === 'policy' || kind === 'rule')
    return [`DROP ${kind.toUpperCase()} ${last} ON ${table};`]
  if (kind === 'partition') {
    const [part, parent] = name.split(' of ')
    return [`ALTER TABLE ${parent} DETACH PARTITION ${part};`]
  }
  // Those have more to say than their name.
  if (kind === 'aggregate' || kind === 'operator') return []
  const isProcedure =
    node !== undefined && 'CreateFunctionStmt' in node && node.CreateFunctionStmt.is_procedure === true
  return [`DROP ${isProcedure ? 'PROCEDURE' : kind.toUpperCase()} ${name};`]
}
