import type { Rows } from '../../sql/effects/effect.ts'
import { effectsOf } from '../../sql/effects/effects.ts'
import { found, type Rule } from '../rule.ts'
import { isNew } from '../scene.ts'

export const truncateLosesData: Rule = {
  code: 'truncate-loses-data',
  finds: 'TRUNCATE of a table that was there before.',
  why: 'All rows are gone, no trigger FOR EACH ROW sees them go, and no down script brings them back. It needs an ACCESS EXCLUSIVE lock.',
  source: 'TRUNCATE',
  find(statement, scene) {
    return effectsOf(statement)
      .filter(
        (effect): effect is Rows => effect.act === 'rows' && effect.verb === 'truncate' && !isNew(scene, effect.table),
      )
      .map(({ table: { name } }) =>
        found(
          `empties ${name}, and nothing brings its rows back`,
          'keep a copy until no rollback needs it, or remove the statement',
          [`CREATE TABLE ${copyOf(name)} AS TABLE ${name};`],
        ),
      )
  },
  examples: {
    finds: [
      'TRUNCATE orders',
      'TRUNCATE TABLE ONLY shop.orders, customers RESTART IDENTITY',
      'TRUNCATE orders CASCADE',
    ],
    passes: [
      'CREATE TABLE copy AS SELECT * FROM orders; TRUNCATE copy',
      "CREATE FUNCTION clear() RETURNS void LANGUAGE sql AS 'TRUNCATE orders'",
      'GRANT TRUNCATE ON orders TO janitor',
    ],
  },
}

const copyOf = (name: string) => (name.endsWith('"') ? `${name.slice(0, -1)}_before"` : `${name}_before`)
