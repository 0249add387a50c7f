import { labelOf } from '../../sql/effects/effect.ts'
import type { Changed } from './changes.ts'
import { mayConcern, outermost, type Pair, type PairFound, type RollbackRule } from './pair.ts'
import { isSame } from './same.ts'

export const rollbackNotRestored: RollbackRule = {
  code: 'rollback-not-restored',
  severity: 'warning',
  finds:
    'What the up script drops, renames or changes (a default, NOT NULL, a type, an owner, privileges, the body of a function, …) and the down script does not put back.',
  why: 'After the rollback the release before runs on a schema that it was not made for.',
  certainty: 'A warning: it may be meant to stay, and a function that the down script calls may put it back.',
  find(pair) {
    const { left, doing } = pair
    const gone = outermost([...left.values()].filter(({ how, by }) => how === 'gone' && by === 'up'))
      .filter(({ thing }) => !mayConcern(doing.down, thing.name))
      .map(({ thing, statement, moved }) => ({
        in: 'up' as const,
        statement,
        message: `${moved ? 'renames' : 'drops'} ${labelOf(thing)}, which the down script does not ${moved ? 'rename back' : 'create again'}`,
        fix: moved
          ? 'rename it back in the down script'
          : `create ${labelOf(thing)} again in the down script, as it was`,
        sql: [],
      }))
    const changed = pair.changed.filter(({ of }) => !mayConcern(doing.down, of.name) && !repeated(pair, of))
    return [...gone, ...changed.map((each) => unlike(each, pair))]
  },
  examples: {
    finds: [
      { up: 'DROP INDEX orders_note', down: 'SELECT 1' },
      { up: 'ALTER TABLE orders ALTER note SET DEFAULT 1, ADD a int', down: 'ALTER TABLE orders DROP a' },
      {
        up: 'ALTER TABLE orders RENAME note TO remark; ALTER TABLE orders ADD a int',
        down: 'ALTER TABLE orders DROP a',
      },
      {
        earlier: 'CREATE TABLE orders (id int, note text); CREATE INDEX orders_note ON orders (note)',
        up: 'ALTER TABLE orders DROP COLUMN note',
        down: 'ALTER TABLE orders ADD COLUMN note text',
      },
      {
        earlier: 'CREATE FUNCTION f() RETURNS int LANGUAGE sql AS $$ SELECT 1 $$',
        up: 'CREATE OR REPLACE FUNCTION f() RETURNS int LANGUAGE sql AS $$ SELECT 2 $$; CREATE VIEW v AS SELECT 1',
        down: 'DROP VIEW v',
      },
    ],
    passes: [
      { up: 'DROP VIEW v', down: 'CREATE VIEW v AS SELECT 1' },
      { up: 'ALTER TABLE orders RENAME note TO remark', down: 'ALTER TABLE orders RENAME remark TO note' },
      {
        up: 'ALTER TABLE orders RENAME TO purchases; ALTER TABLE purchases ADD a int',
        down: 'ALTER TABLE purchases RENAME TO orders; ALTER TABLE orders DROP a',
      },
      {
        up: 'CREATE SCHEMA old; ALTER TABLE orders SET SCHEMA old',
        down: 'ALTER TABLE old.orders SET SCHEMA shop; DROP SCHEMA old',
      },
      { up: 'ALTER TABLE orders ALTER note SET NOT NULL', down: 'ALTER TABLE orders ALTER note DROP NOT NULL' },
      {
        up: 'CREATE TABLE t (a int); ALTER TABLE t ALTER a SET DEFAULT 1; ALTER TABLE t OWNER TO x',
        down: 'DROP TABLE t',
      },
      {
        earlier: 'CREATE FUNCTION f() RETURNS int LANGUAGE sql AS $$ SELECT 1 $$',
        up: 'CREATE OR REPLACE FUNCTION f() RETURNS int LANGUAGE sql AS $$ SELECT 2 $$',
        down: 'CREATE OR REPLACE FUNCTION f() RETURNS int LANGUAGE sql AS $$ SELECT 1 $$',
      },
      { up: 'ALTER TABLE orders VALIDATE CONSTRAINT total', down: 'SELECT 1' },
    ],
  },
}

/** A repeatable migration creates it again, as it is to be. */
const repeated = ({ repeated }: Pair, it: Changed['of']) => repeated.some((each) => isSame(each, it))

function unlike({ what, of, by, statement, again }: Changed, { up }: Pair): PairFound {
  const label = labelOf(of)
  const restore = `restore the ${what} of ${label} as it was before ${up.script.file}`
  if (by === 'down') {
    const does = again ? `creates ${label} with another ${what}` : `sets another ${what} of ${label}`
    return { in: 'down', statement, message: `${does} than before ${up.script.file}`, fix: restore, sql: [] }
  }
  const does = again ? `replaces ${label} by one with another ${what}` : `changes the ${what} of ${label}`
  const message = `${does}, which the down script does not restore`
  return { in: 'up', statement, message, fix: `${restore}, in the down script`, sql: [] }
}
