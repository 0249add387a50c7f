import { tableActions } from '../../sql/actions.ts'
import { thing } from '../../sql/effects/effect.ts'
import { ident, relationName } from '../../sql/names.ts'
import { between } from '../rewrite.ts'
import { found, type Rule } from '../rule.ts'
import { isInUse } from '../scene.ts'

export const attachScansTable: Rule = {
  code: 'attach-scans-table',
  finds: 'ATTACH PARTITION of a table that is not new and has no validated CHECK known from the files.',
  why: 'Every row is read to see that it belongs there, under an ACCESS EXCLUSIVE lock on the new partition and, if there is one, the default partition. A CHECK that says the same as the bound spares that.',
  source: 'ALTER TABLE, ATTACH PARTITION; 5.12.2.2 Partition Maintenance',
  find(statement, scene) {
    return tableActions(statement).flatMap(({ cmd, table, at }) => {
      const { subtype, def } = cmd
      if (subtype !== 'AT_AttachPartition' || def === undefined || !('PartitionCmd' in def)) return []
      const part = relationName(def.PartitionCmd.name)
      const checks = [...scene.schema.within(thing('table', part))].filter(({ facts }) => facts.check === true)
      if (!isInUse(scene, part) || checks.some(({ facts }) => facts.valid === true)) return []
      const name = ident(`${def.PartitionCmd.name?.relname ?? ''}_bound`)
      const bound = between(statement.text, 'values', []) ?? 'DEFAULT'
      return [
        found(
          `attaches ${part} to ${table}, which reads all of ${part} while nobody can use it`,
          `first add CHECK ${name} to ${part} that says the same as ${bound} on the key of ${table}, NOT VALID, and validate it in the next migration`,
          [`ALTER TABLE ${part} VALIDATE CONSTRAINT ${name};`],
          at,
        ),
      ]
    })
  },
  examples: {
    finds: [
      "ALTER TABLE events ATTACH PARTITION events_2026 FOR VALUES FROM ('2026-01-01') TO ('2027-01-01')",
      'ALTER TABLE shop.events ATTACH PARTITION shop.old_events DEFAULT',
      'ALTER TABLE events_1 ADD CONSTRAINT own CHECK (kind = 1) NOT VALID; ALTER TABLE events ATTACH PARTITION events_1 FOR VALUES IN (1)',
    ],
    passes: [
      'CREATE TABLE events_1 (kind int); ALTER TABLE events ATTACH PARTITION events_1 FOR VALUES IN (1)',
      {
        earlier:
          'ALTER TABLE events_1 ADD CONSTRAINT own CHECK (kind = 1) NOT VALID; ALTER TABLE events_1 VALIDATE CONSTRAINT own',
        script: 'ALTER TABLE events ATTACH PARTITION events_1 FOR VALUES IN (1)',
      },
      'ALTER INDEX events_kind ATTACH PARTITION events_1_kind',
      'ALTER TABLE events DETACH PARTITION events_1 CONCURRENTLY',
    ],
  },
}
