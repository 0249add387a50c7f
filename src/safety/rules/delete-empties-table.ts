import type { Rows } from '../../sql/effects/effect.ts'
import { effectsOf } from '../../sql/effects/effects.ts'
import { found, type Rule } from '../rule.ts'
import { isNew } from '../scene.ts'

export const deleteEmptiesTable: Rule = {
  code: 'delete-empties-table',
  finds:
    'DELETE without a condition, or with one that every row meets, in a WITH too, on a table that was there before.',
  why: 'All rows are gone, and no down script brings them back. In one transaction it keeps every row locked until the end and leaves a table full of dead rows.',
  source: 'DELETE; 7.8.4 Data-Modifying Statements in WITH',
  find(statement, scene) {
    return effectsOf(statement)
      .filter((effect): effect is Rows => effect.act === 'rows' && effect.verb === 'delete')
      .filter(({ whole, table }) => whole && !isNew(scene, table))
      .map(({ table: { name } }) =>
        found(
          `deletes every row of ${name}`,
          'say which rows; if it is to be all, keep a copy and delete in batches (the last statement, until it finds none)',
          [
            `CREATE TABLE ${copyOf(name)} AS TABLE ${name};`,
            `DELETE FROM ${name} WHERE ctid = ANY (ARRAY(SELECT ctid FROM ${name} LIMIT 10000));`,
          ],
        ),
      )
  },
  examples: {
    finds: [
      'DELETE FROM orders',
      'WITH gone AS (DELETE FROM shop.orders RETURNING *) INSERT INTO archive SELECT * FROM gone',
      'DELETE FROM orders WHERE true',
      'DELETE FROM orders USING customers WHERE 1 = 1',
    ],
    passes: [
      'DELETE FROM orders WHERE id = 1',
      'CREATE TABLE copy (id int); INSERT INTO copy VALUES (1); DELETE FROM copy',
      'CREATE FUNCTION clear() RETURNS void BEGIN ATOMIC DELETE FROM orders; END',
      'CREATE RULE keep AS ON UPDATE TO orders DO INSTEAD DELETE FROM orders',
      'EXPLAIN DELETE FROM orders',
    ],
  },
}

const copyOf = (name: string) => (name.endsWith('"') ? `${name.slice(0, -1)}_before"` : `${name}_before`)
