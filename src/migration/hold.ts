import type { OnRollback } from '../contract.ts'
import { compareVersions, highestVersion } from './version.ts'

/** The releases of a workload whose code may serve. */
export interface Interval {
  /** The lowest of them; undefined: none serves. */
  readonly low: string | undefined
  readonly high: string
}

/** A workload's row, as far as its hold on the schema depends on it. */
export interface HoldRow {
  readonly target: string
  /** The highest version that its runs applied, and that was still applied when one of its pods became ready last. */
  readonly reached: string | null
  readonly onRollback: OnRollback
  readonly strategy: string
  /** Undefined where a runner of layout 1.0 wrote the row. */
  readonly interval?: Interval | undefined
  /** What a runner of layout 1.0 wrote beside it: what older pods may still need, while the grace lasts. */
  readonly lingering?: string | undefined
}

/** The version below which the schema must not go for a workload's sake. */
export function holdOf({ target, reached, onRollback, strategy, interval, lingering }: HoldRow): string {
  if (onRollback === 'always' || strategy === 'Recreate') return target
  const held = interval === undefined ? [target, reached, lingering] : [target, interval.high]
  return highestVersion(held.filter((each) => typeof each === 'string')) ?? target
}

/** The lowest release of a workload whose code may serve, now or when its newest rollout is through. */
export function lowestOf({ target, interval }: Pick<HoldRow, 'target' | 'interval'>): string {
  const low = interval?.low
  return low !== undefined && compareVersions(low, target) < 0 ? low : target
}
