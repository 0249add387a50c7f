import type { OnRollback } from '../contract.ts'
import { highestVersion } from './version.ts'

/** A workload's row, as far as its hold on the schema depends on it. */
export interface HoldRow {
  readonly target: string
  /** The highest version that its runs applied; null before any run of it ended ready. */
  readonly reached: string | null
  readonly onRollback: OnRollback
  readonly strategy: string
  /** What it held before its first lower pod became ready, still counting (`hold-grace`): older pods may serve. */
  readonly lingering?: string | undefined
}

/** The version below which the schema must not go for this workload's sake. */
export function holdOf(row: HoldRow): string {
  if (row.onRollback === 'always' || row.strategy === 'Recreate') return row.target
  const held = [row.target, row.reached, row.lingering].filter((each) => typeof each === 'string')
  return highestVersion(held) ?? row.target
}
