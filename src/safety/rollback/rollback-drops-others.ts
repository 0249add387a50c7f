import { labelOf } from '../../sql/effects/effect.ts'
import type { Difference } from './delta.ts'
import { mayConcern, outermost, type Pair, type RollbackRule } from './pair.ts'
import { isSame } from './same.ts'

export const rollbackDropsOthers: RollbackRule = {
  code: 'rollback-drops-others',
  severity: 'warning',
  finds: 'What the down script drops and its up script never made: it was there before, or is not there at all.',
  why: 'The rollback takes away what an earlier release made and still needs, with what is in it, or fails because it is not there.',
  certainty: 'A warning: a function that the up script calls may have made it.',
  find(pair) {
    return dropped(pair).map(({ thing, statement, moved }) => ({
      in: 'down',
      statement,
      message: `${moved ? 'renames' : 'drops'} ${labelOf(thing)}, which ${pair.up.script.file} did not make`,
      fix: 'take back what the up script does and no more: remove it, or correct the name',
      sql: [],
    }))
  },
  examples: {
    finds: [
      { up: 'ALTER TABLE orders ADD note text', down: 'ALTER TABLE orders DROP COLUMN notes' },
      {
        earlier: 'CREATE TABLE orders (id int)',
        up: 'CREATE TABLE lines (id int)',
        down: 'DROP TABLE IF EXISTS lines, orders',
      },
      { earlier: 'CREATE TABLE t (id int)', up: 'CREATE TABLE IF NOT EXISTS t (id int)', down: 'DROP TABLE t' },
      { up: 'CREATE INDEX CONCURRENTLY a ON t (a)', down: 'DROP INDEX CONCURRENTLY b' },
    ],
    passes: [
      { up: 'ALTER TABLE orders ADD note text', down: 'ALTER TABLE public.orders DROP COLUMN note' },
      { up: 'CREATE TABLE IF NOT EXISTS t (id int)', down: 'DROP TABLE t' },
      { up: 'CREATE TABLE shop.t (id int)', down: 'DROP TABLE t' },
      { up: "DO $$ BEGIN EXECUTE 'CREATE TABLE parts (id int)'; END $$", down: 'DROP TABLE parts' },
      { up: 'ALTER TABLE t ADD UNIQUE (a, b)', down: 'ALTER TABLE t DROP CONSTRAINT t_a_b_key1' },
    ],
  },
}

/** What was there before and the down script took away. */
const dropped = ({ left, doing, after, repeated, schema }: Pair): Difference[] => {
  const made = [...after.values()].filter(({ how }) => how === 'made')
  return (
    outermost([...left.values()].filter(({ how, by }) => how === 'gone' && by === 'down'))
      .filter(({ thing }) => ![...made.map((each) => each.thing), ...repeated].some((each) => isSame(each, thing)))
      .filter(({ thing }) => !mayConcern(doing.up, thing.name))
      // A statement of the down script that cannot be read from outside may have made it, too.
      .filter(({ thing }) => schema.find(thing) !== undefined || !mayConcern(doing.down, thing.name))
  )
}
