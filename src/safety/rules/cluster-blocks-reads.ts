import { relationName } from '../../sql/names.ts'
import { found, type Rule } from '../rule.ts'
import { isInUse } from '../scene.ts'

export const clusterBlocksReads: Rule = {
  code: 'cluster-blocks-reads',
  finds: 'CLUSTER.',
  why: 'The table is written anew in the order of an index, under an ACCESS EXCLUSIVE lock: nobody can read or write it meanwhile.',
  source: 'CLUSTER',
  find({ node }, scene) {
    if (node === undefined || !('ClusterStmt' in node)) return []
    const { relation } = node.ClusterStmt
    const table = relation === undefined ? 'every clustered table' : relationName(relation)
    if (relation !== undefined && !isInUse(scene, table)) return []
    return [
      found(
        `writes ${table} anew while nobody can read or write it`,
        'remove it, and let pg_repack --order-by do it beside the application',
      ),
    ]
  },
  examples: {
    finds: ['CLUSTER orders USING orders_created', 'CLUSTER (VERBOSE) shop.orders', 'CLUSTER'],
    passes: [
      'ALTER TABLE orders CLUSTER ON orders_created',
      'CREATE TABLE copy (id int PRIMARY KEY); CLUSTER copy USING copy_pkey',
      'CREATE TABLE cluster (id int)',
    ],
  },
}
