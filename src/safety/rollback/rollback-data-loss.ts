import { type Drop, labelOf, thing } from '../../sql/effects/effect.ts'
import type { Pair, RollbackRule } from './pair.ts'
import { isSame, ownerOf } from './same.ts'

export const rollbackDataLoss: RollbackRule = {
  code: 'rollback-data-loss',
  severity: 'warning',
  finds: 'A table or a column that can hold rows, and that the down script drops.',
  why: 'What the new release wrote there is gone after the rollback, and comes back with no further deployment.',
  certainty: 'A warning: whether rows are there, only the database knows.',
  find(pair) {
    const dropped = pair.doing.down.flatMap(({ statement, effects }) =>
      effects.flatMap((effect) => (effect.act === 'drop' ? [{ effect, statement }] : [])),
    )
    return dropped
      .filter(({ effect }) => holdsRows(effect, pair) && !dropped.some((other) => isInside(effect, other.effect)))
      .map(({ effect, statement }) => ({
        in: 'down',
        statement,
        message: `drops ${labelOf(effect.thing)} with what was written there since`,
        fix: 'let the schema stay where the release before works on it (on-rollback: auto), or copy first what must not be lost',
        sql: copyOf(effect),
      }))
  },
  examples: {
    finds: [
      { up: 'CREATE TABLE orders (id int)', down: 'DROP TABLE orders' },
      { up: 'ALTER TABLE orders ADD note text', down: 'ALTER TABLE orders DROP COLUMN IF EXISTS note' },
      { up: 'CREATE SCHEMA shop; CREATE TABLE shop.t (id int)', down: 'DROP SCHEMA shop CASCADE' },
    ],
    passes: [
      { up: 'CREATE VIEW v AS SELECT 1; CREATE INDEX i ON orders (a)', down: 'DROP INDEX i; DROP VIEW v' },
      { up: 'CREATE SCHEMA shop', down: 'DROP SCHEMA shop' },
      { up: 'ALTER TABLE t ADD b int GENERATED ALWAYS AS (a * 2) STORED', down: 'ALTER TABLE t DROP COLUMN b' },
      { up: 'CREATE VIEW v AS SELECT 1', down: 'CREATE TEMP TABLE x AS SELECT 1 AS a; DROP TABLE x; DROP VIEW v' },
      { up: 'ALTER TABLE t ADD CONSTRAINT c CHECK (a > 0) NOT VALID', down: 'ALTER TABLE t DROP CONSTRAINT c' },
    ],
  },
}

const holding: ReadonlySet<string> = new Set(['table', 'column', 'schema', 'database'])

function holdsRows({ thing: it, cascade }: Drop, { after, doing, schema }: Pair): boolean {
  const ownMade = doing.down.some(({ effects }) =>
    effects.some((each) => each.act === 'make' && isSame(each.thing, it)),
  )
  const made = [...after.values()].find((each) => each.how === 'made' && isSame(each.thing, it))
  const facts = made?.facts ?? schema.find(it)?.facts
  // PostgreSQL drops a schema that holds something only with CASCADE.
  if (it.kind === 'schema' && !cascade) return false
  return holding.has(it.kind) && !ownMade && facts?.generated !== true && facts?.temporary !== true
}

const isInside = ({ thing: it }: Drop, { thing: other }: Drop) =>
  it !== other && it.kind === 'column' && isSame(other, thing('table', ownerOf(it)))

function copyOf({ thing: { kind, name } }: Drop): string[] {
  if (kind === 'table') return [`CREATE TABLE ${aside(name)} AS TABLE ${name};`]
  return kind === 'column'
    ? [`CREATE TABLE ${aside(name.replaceAll('.', '_').replaceAll('"', ''))} AS TABLE ${ownerOf({ kind, name })};`]
    : []
}

const aside = (name: string) => (name.endsWith('"') ? `${name.slice(0, -1)}_kept"` : `${name}_kept`)
