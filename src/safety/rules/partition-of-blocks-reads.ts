import { relationName } from '../../sql/names.ts'
import { between } from '../rewrite.ts'
import { found, type Rule } from '../rule.ts'
import { isInUse } from '../scene.ts'

export const partitionOfBlocksReads: Rule = {
  code: 'partition-of-blocks-reads',
  finds: 'CREATE TABLE … PARTITION OF a table that is in use.',
  why: 'It needs an ACCESS EXCLUSIVE lock on the partitioned table, and with a default partition reads all of that one. A table that is made by itself and then attached needs only SHARE UPDATE EXCLUSIVE.',
  source: 'CREATE TABLE, PARTITION OF; 5.12.2.2 Partition Maintenance',
  find({ node, text }, scene) {
    if (node === undefined || !('CreateStmt' in node) || node.CreateStmt.partbound === undefined) return []
    const { relation, inhRelations = [], partbound } = node.CreateStmt
    const [parent] = inhRelations.flatMap((each) => ('RangeVar' in each ? relationName(each.RangeVar) : []))
    if (parent === undefined || !isInUse(scene, parent)) return []
    const part = relationName(relation)
    const bound =
      partbound.is_default === true
        ? 'DEFAULT'
        : `FOR VALUES ${between(text, 'values', ['partition', 'with', 'tablespace', 'using']) ?? '…'}`
    return [
      found(
        `makes ${part} as a partition of ${parent}, and nobody can read or write ${parent} while it waits for its lock`,
        'make it by itself, then attach it',
        [
          `CREATE TABLE ${part} (LIKE ${parent} INCLUDING DEFAULTS INCLUDING CONSTRAINTS);`,
          `ALTER TABLE ${parent} ATTACH PARTITION ${part} ${bound};`,
        ],
      ),
    ]
  },
  examples: {
    finds: [
      "CREATE TABLE events_2026 PARTITION OF events FOR VALUES FROM ('2026-01-01') TO ('2027-01-01')",
      'CREATE TABLE shop.events_1 PARTITION OF shop.events FOR VALUES IN (1, 2) PARTITION BY LIST (kind)',
      'CREATE TABLE rest PARTITION OF events DEFAULT',
    ],
    passes: [
      'CREATE TABLE events (kind int) PARTITION BY LIST (kind); CREATE TABLE events_1 PARTITION OF events FOR VALUES IN (1)',
      'CREATE TABLE events_1 (LIKE events INCLUDING ALL)',
      'CREATE TABLE more () INHERITS (events)',
    ],
  },
}
