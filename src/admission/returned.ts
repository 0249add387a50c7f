import { partsOf } from '../injection/parts.ts'
import { readStatus, type Status } from '../injection/status.ts'
import type { Workload } from '../injection/workload.ts'
import { isBuiltFor } from './not-injected.ts'

/**
 * The status that an undo brought back with its old template and the container of then; tokens grow, so it is an older
 * one. Undefined when the object has only the status that it had, a new one, or one that somebody edited by hand.
 */
export function returnedStatus(workload: Workload, old: Workload | undefined): Status | undefined {
  const [status, before, parts] = [readStatus(workload), readStatus(old), partsOf(workload)]
  if (status === undefined || before === undefined || parts === undefined) return undefined
  return status.token < before.token && isBuiltFor(parts, status) ? status : undefined
}
