import { labelOf, type Thing } from '../../sql/effects/effect.ts'
import { mayConcern, type Pair, type RollbackRule } from './pair.ts'
import { isSame } from './same.ts'

export const rollbackHidesNothing: RollbackRule = {
  code: 'rollback-hides-nothing',
  severity: 'warning',
  finds:
    'DROP … IF EXISTS in a down script of something that neither its up nor an earlier migration made, while something of that kind stays.',
  why: 'IF EXISTS makes a misspelt name a success that undoes nothing.',
  certainty: 'A warning: a function that the up script calls may have made it, or an earlier tool.',
  find(pair) {
    const { ineffective, left, doing, repeated } = pair
    // Where nothing of its kind is left, the name cannot be a wrong one for it.
    const kinds = new Set(
      [...left.values()].flatMap(({ how, by, thing }) => (how === 'made' && by === 'up' ? thing.kind : [])),
    )
    return ineffective
      .filter(({ thing }) => kinds.has(thing.kind) && !repeated.some((each) => isSame(each, thing)))
      .filter(({ thing }) => !mayConcern(doing.up, thing.name) && !isOfSerial(pair, thing))
      .map(({ thing, statement }) => ({
        in: 'down',
        statement,
        message: `drops ${labelOf(thing)} IF EXISTS, which no script creates: this undoes nothing`,
        fix: 'correct the name, and remove IF EXISTS, so that a wrong name is an error',
        sql: [],
      }))
  },
  examples: {
    finds: [
      { up: 'CREATE INDEX orders_note ON orders (note)', down: 'DROP INDEX IF EXISTS orders_notes' },
      { up: 'ALTER TABLE orders ADD note text', down: 'ALTER TABLE orders DROP COLUMN IF EXISTS remark' },
      {
        up: 'CREATE FUNCTION f(a int) RETURNS int LANGUAGE sql AS $$ SELECT 1 $$',
        down: 'DROP FUNCTION IF EXISTS f(bigint)',
      },
    ],
    passes: [
      { up: 'CREATE INDEX orders_note ON orders (note)', down: 'DROP INDEX IF EXISTS orders_note' },
      { up: 'CREATE TABLE t (a int); CREATE INDEX i ON t (a)', down: 'DROP TABLE IF EXISTS t; DROP INDEX IF EXISTS i' },
      { up: 'CREATE TABLE t (a serial)', down: 'DROP TABLE IF EXISTS t; DROP SEQUENCE IF EXISTS t_a_seq' },
      { up: 'SELECT make_parts()', down: 'DROP TABLE IF EXISTS parts' },
    ],
  },
}

/** The sequence of a serial column goes with its table. */
const isOfSerial = ({ after }: Pair, { kind, name }: Thing) =>
  kind === 'sequence' &&
  [...after.values()].some(({ thing }) => thing.kind === 'table' && name.startsWith(`${thing.name.replace(/"$/, '')}_`))
