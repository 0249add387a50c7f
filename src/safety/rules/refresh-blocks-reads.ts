import { relationName } from '../../sql/names.ts'
import { found, type Rule } from '../rule.ts'
import { isInUse } from '../scene.ts'

export const refreshBlocksReads: Rule = {
  code: 'refresh-blocks-reads',
  finds: 'REFRESH MATERIALIZED VIEW without CONCURRENTLY.',
  why: 'Nobody can read the view until its query is through. CONCURRENTLY needs a unique index over plain columns and no WHERE, and lets readers go on.',
  source: 'REFRESH MATERIALIZED VIEW',
  find({ node }, scene) {
    if (node === undefined || !('RefreshMatViewStmt' in node)) return []
    const { relation, concurrent, skipData } = node.RefreshMatViewStmt
    const view = relationName(relation)
    if (concurrent === true || !isInUse(scene, view)) return []
    const message =
      skipData === true
        ? `empties ${view}, which nobody can read until it is filled again`
        : `fills ${view} again, and nobody can read it meanwhile`
    return [found(message, 'with a unique index on the view', [`REFRESH MATERIALIZED VIEW CONCURRENTLY ${view};`])]
  },
  examples: {
    finds: [
      'REFRESH MATERIALIZED VIEW sums',
      'REFRESH MATERIALIZED VIEW shop.sums WITH DATA',
      'REFRESH MATERIALIZED VIEW sums WITH NO DATA',
    ],
    passes: [
      'REFRESH MATERIALIZED VIEW CONCURRENTLY sums',
      'CREATE MATERIALIZED VIEW sums AS SELECT 1 AS a WITH NO DATA; REFRESH MATERIALIZED VIEW sums',
      'ALTER SUBSCRIPTION copy REFRESH PUBLICATION',
    ],
  },
}
