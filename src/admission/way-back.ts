import { strategyOf } from '../injection/kinds.ts'
import { compareVersions } from '../migration/version.ts'
import type { Build } from './situation.ts'

/** What a way back does to the schema: leaves it, runs the down scripts, or holds up the pods that come. */
export type WayBack = 'stays' | 'down' | 'waits'

/**
 * The way back to a target from a schema with a floor, where all of it was applied: rows of the table in DESIGN section 7,
 * which the runner decides by (`migration/decide.ts`).
 */
export function wayBackOf({ settings, workload }: Build, target: string, floor: string): WayBack {
  const { onRollback } = settings
  if (onRollback === 'always') return 'down'
  if (onRollback === 'keep' || compareVersions(target, floor) >= 0) return 'stays'
  return strategyOf(workload) === 'Recreate' ? 'down' : 'waits'
}
