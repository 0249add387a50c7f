import type { RollbackRule } from './pair.ts'
import { rollbackDataGone } from './rollback-data-gone.ts'
import { rollbackDataLoss } from './rollback-data-loss.ts'
import { rollbackDropsOthers } from './rollback-drops-others.ts'
import { rollbackHidesNothing } from './rollback-hides-nothing.ts'
import { rollbackLeavesBehind } from './rollback-leaves-behind.ts'
import { rollbackNotRestored } from './rollback-not-restored.ts'
import { rollbackOnlyRecords } from './rollback-only-records.ts'
import { rollbackOrder } from './rollback-order.ts'

/** Every rule about a down script and its up, in the order in which docs/rules.md lists them. */
export const rollbackRules: readonly RollbackRule[] = [
  rollbackDataGone,
  rollbackDataLoss,
  rollbackDropsOthers,
  rollbackHidesNothing,
  rollbackLeavesBehind,
  rollbackNotRestored,
  rollbackOnlyRecords,
  rollbackOrder,
]
