import { thing } from '../../sql/effects/effect.ts'
import { relationName } from '../../sql/names.ts'
import { oneLine } from '../../sql/sql-text.ts'
import { concurrently } from '../rewrite.ts'
import { found, type Rule } from '../rule.ts'
import { isInUse } from '../scene.ts'

export const indexBlocksWrites: Rule = {
  code: 'index-blocks-writes',
  finds: 'CREATE INDEX without CONCURRENTLY on a table that is in use.',
  why: 'The table is locked in mode SHARE until the index is built: reads go on, every INSERT, UPDATE and DELETE waits.',
  source: 'CREATE INDEX, Building Indexes Concurrently',
  find({ node, text }, scene) {
    if (node === undefined || !('IndexStmt' in node)) return []
    const { relation, idxname, concurrent } = node.IndexStmt
    const table = relationName(relation)
    // On ONLY a partitioned table it builds nothing.
    if (concurrent === true || relation?.inh !== true || !isInUse(scene, table)) return []
    const message = `builds ${idxname === undefined ? 'an index' : `index ${idxname}`} on ${table}, and nobody can write to ${table} until it is built`
    if (scene.schema.find(thing('table', table))?.facts.partitioned === true) {
      return [
        found(
          message,
          `CONCURRENTLY knows no partitioned table: make the index ON ONLY ${table}, CONCURRENTLY on each partition, and attach those (ALTER INDEX … ATTACH PARTITION)`,
        ),
      ]
    }
    const own = found(message, 'in a migration of its own', [`${concurrently(oneLine(text))};`])
    return [{ ...own, repair: { text: concurrently(text), alone: false } }]
  },
  examples: {
    finds: [
      'CREATE INDEX orders_note ON orders (note)',
      'CREATE UNIQUE INDEX IF NOT EXISTS orders_key ON shop.orders USING btree (lower("Key")) WHERE active',
      { earlier: 'CREATE TABLE orders (id bigint)', script: 'CREATE INDEX ON orders (id)' },
    ],
    passes: [
      'CREATE INDEX CONCURRENTLY orders_note ON orders (note)',
      'CREATE TABLE orders (id bigint, note text); CREATE INDEX orders_note ON public.orders (note)',
      'CREATE INDEX orders_note ON ONLY orders (note)',
      "COMMENT ON TABLE orders IS 'CREATE INDEX orders_note ON orders (note)'",
    ],
  },
}
