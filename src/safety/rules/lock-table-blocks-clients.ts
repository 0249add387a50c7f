import { relationName } from '../../sql/names.ts'
import { found, type Rule } from '../rule.ts'
import { isInUse } from '../scene.ts'

export const lockTableBlocksClients: Rule = {
  code: 'lock-table-blocks-clients',
  finds: 'LOCK TABLE in mode SHARE or stronger; without a mode it is ACCESS EXCLUSIVE.',
  why: 'The lock stays until the transaction ends, whatever else it does. Nobody can write meanwhile, and in mode ACCESS EXCLUSIVE nobody can read.',
  source: 'LOCK; 13.3.1 Table-Level Locks',
  find({ node }, scene) {
    if (node === undefined || !('LockStmt' in node)) return []
    const { relations = [], mode = ACCESS_EXCLUSIVE } = node.LockStmt
    const names = relations.flatMap((each) => ('RangeVar' in each ? relationName(each.RangeVar) : []))
    const used = names.filter((name) => isInUse(scene, name))
    if (mode < SHARE || used.length === 0) return []
    const who = mode === ACCESS_EXCLUSIVE ? 'read or write' : 'write to'
    return [
      found(
        `locks ${used.join(', ')}, and nobody can ${who} it until the script ends`,
        'remove it: each statement takes the lock that it needs. Against other migrations only, this is enough',
        [`LOCK TABLE ${used.join(', ')} IN SHARE UPDATE EXCLUSIVE MODE;`],
      ),
    ]
  },
  examples: {
    finds: [
      'LOCK TABLE orders',
      'LOCK shop.orders, customers IN SHARE ROW EXCLUSIVE MODE',
      'LOCK TABLE ONLY orders IN SHARE MODE NOWAIT',
    ],
    passes: [
      'LOCK TABLE orders IN SHARE UPDATE EXCLUSIVE MODE',
      'LOCK TABLE orders IN ROW EXCLUSIVE MODE',
      'CREATE TABLE copy (id int); LOCK TABLE copy',
      'SELECT pg_try_advisory_xact_lock(7)',
    ],
  },
}

/** Lock modes as the parser numbers them (lockdefs.h). */
const SHARE = 5
const ACCESS_EXCLUSIVE = 8
