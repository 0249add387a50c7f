import type { Finding } from '../migration/finding.ts'
import type { Comparison } from '../proof/proof.ts'
import type { Loss, Unfilled } from './rows/loss.ts'
import type { ShownDifference } from './show-difference.ts'

/** What became of one migration. */
export interface Outcome {
  readonly version: string
  /** Of its up script. */
  readonly file: string
  readonly result: Result
  /** In a few words, where the result alone does not say it. */
  readonly remark?: string
  readonly durationMs?: number
  /** What is different after the down script, or after the second up. */
  readonly differences: readonly ShownDifference[]
  /** With `--data`: what a rollback loses, and what no row could be made for. */
  readonly losses: readonly Loss[]
  readonly unfilled: readonly Unfilled[]
  readonly findings: readonly Finding[]
  /** What an entry of the proof says. Absent: none is written. */
  readonly compared?: readonly Comparison[]
}

export type Result =
  | 'proven'
  | 'failed'
  /** An earlier proof holds. */
  | 'cached'
  /** It says itself that it cannot be undone. */
  | 'irreversible'
  /** A migration before it cannot be run. */
  | 'unreached'

export const plainOutcome = (
  version: string,
  file: string,
  result: Result,
  findings: readonly Finding[] = [],
): Outcome => ({
  version,
  file,
  result,
  differences: [],
  losses: [],
  unfilled: [],
  findings,
})
