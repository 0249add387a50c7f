import { tableActions } from '../../sql/actions.ts'
import { relationName } from '../../sql/names.ts'
import { found, type Rule } from '../rule.ts'
import { isInUse } from '../scene.ts'

export const detachBlocksReads: Rule = {
  code: 'detach-blocks-reads',
  finds: 'DETACH PARTITION without CONCURRENTLY.',
  why: 'It needs an ACCESS EXCLUSIVE lock on the partitioned table: every query on any of its partitions waits. Here a DROP TABLE of the partition is no way out: it locks the parent too.',
  source: 'ALTER TABLE, DETACH PARTITION',
  find(statement, scene) {
    return tableActions(statement).flatMap(({ cmd, table, at }) => {
      const { subtype, def } = cmd
      if (subtype !== 'AT_DetachPartition' || def === undefined || !('PartitionCmd' in def)) return []
      if (def.PartitionCmd.concurrent === true || !isInUse(scene, table)) return []
      const part = relationName(def.PartitionCmd.name)
      return [
        found(
          `detaches ${part} from ${table}, and nobody can read or write ${table} while it waits for its lock`,
          'in a migration of its own (not where there is a default partition: CONCURRENTLY does not work there)',
          [`ALTER TABLE ${table} DETACH PARTITION ${part} CONCURRENTLY;`],
          at,
        ),
      ]
    })
  },
  examples: {
    finds: [
      'ALTER TABLE events DETACH PARTITION events_2020',
      'ALTER TABLE IF EXISTS shop.events DETACH PARTITION shop.events_2020',
      'ALTER TABLE events DETACH PARTITION events_2020; DROP TABLE events_2020',
    ],
    passes: [
      'ALTER TABLE events DETACH PARTITION events_2020 CONCURRENTLY',
      'ALTER TABLE events DETACH PARTITION events_2020 FINALIZE',
      'CREATE TABLE events (kind int) PARTITION BY LIST (kind); ALTER TABLE events DETACH PARTITION events_1',
    ],
  },
}
