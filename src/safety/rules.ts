import type { Rule } from './rule.ts'
import { addsAndDrops } from './rules/adds-and-drops.ts'
import { attachScansTable } from './rules/attach-scans-table.ts'
import { cascadeDropsUnnamed } from './rules/cascade-drops-unnamed.ts'
import { checkScansTable } from './rules/check-scans-table.ts'
import { clusterBlocksReads } from './rules/cluster-blocks-reads.ts'
import { columnNeedsDefault } from './rules/column-needs-default.ts'
import { constraintValidatedUnderLock } from './rules/constraint-validated-under-lock.ts'
import { defaultRewritesTable } from './rules/default-rewrites-table.ts'
import { deleteEmptiesTable } from './rules/delete-empties-table.ts'
import { detachBlocksReads } from './rules/detach-blocks-reads.ts'
import { domainCheckScansTables } from './rules/domain-check-scans-tables.ts'
import { dropBreaksClients } from './rules/drop-breaks-clients.ts'
import { dropLosesData } from './rules/drop-loses-data.ts'
import { enumValueUsedEarly } from './rules/enum-value-used-early.ts'
import { exclusionBuildsUnderLock } from './rules/exclusion-builds-under-lock.ts'
import { foreignKeyScansTable } from './rules/foreign-key-scans-table.ts'
import { generatedColumnRewritesTable } from './rules/generated-column-rewrites-table.ts'
import { indexBlocksWrites } from './rules/index-blocks-writes.ts'
import { indexDropBlocksReads } from './rules/index-drop-blocks-reads.ts'
import { lockTableBlocksClients } from './rules/lock-table-blocks-clients.ts'
import { lockTimeoutReplaced } from './rules/lock-timeout-replaced.ts'
import { notNullScansTable } from './rules/not-null-scans-table.ts'
import { partitionOfBlocksReads } from './rules/partition-of-blocks-reads.ts'
import { refreshBlocksReads } from './rules/refresh-blocks-reads.ts'
import { reindexBlocksWrites } from './rules/reindex-blocks-writes.ts'
import { renameBreaksClients } from './rules/rename-breaks-clients.ts'
import { severalExclusiveLocks } from './rules/several-exclusive-locks.ts'
import { storageChangeRewritesTable } from './rules/storage-change-rewrites-table.ts'
import { tablespaceChangeCopiesTable } from './rules/tablespace-change-copies-table.ts'
import { truncateLosesData } from './rules/truncate-loses-data.ts'
import { typeChangeNarrows } from './rules/type-change-narrows.ts'
import { typeChangeRewritesTable } from './rules/type-change-rewrites-table.ts'
import { uniqueBuildsUnderLock } from './rules/unique-builds-under-lock.ts'
import { updateTouchesAllRows } from './rules/update-touches-all-rows.ts'
import { vacuumFullBlocksReads } from './rules/vacuum-full-blocks-reads.ts'

/** Every rule about single statements, in the order in which docs/rules.md lists them. */
export const rules: readonly Rule[] = [
  addsAndDrops,
  attachScansTable,
  cascadeDropsUnnamed,
  checkScansTable,
  clusterBlocksReads,
  columnNeedsDefault,
  constraintValidatedUnderLock,
  defaultRewritesTable,
  deleteEmptiesTable,
  detachBlocksReads,
  domainCheckScansTables,
  dropBreaksClients,
  dropLosesData,
  enumValueUsedEarly,
  exclusionBuildsUnderLock,
  foreignKeyScansTable,
  generatedColumnRewritesTable,
  indexBlocksWrites,
  indexDropBlocksReads,
  lockTableBlocksClients,
  lockTimeoutReplaced,
  notNullScansTable,
  partitionOfBlocksReads,
  refreshBlocksReads,
  reindexBlocksWrites,
  renameBreaksClients,
  severalExclusiveLocks,
  storageChangeRewritesTable,
  tablespaceChangeCopiesTable,
  truncateLosesData,
  typeChangeNarrows,
  typeChangeRewritesTable,
  uniqueBuildsUnderLock,
  updateTouchesAllRows,
  vacuumFullBlocksReads,
]
