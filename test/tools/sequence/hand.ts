import type { Act, Intent, WorkloadName } from './draw.ts'
import { LOWEST } from './scripts.ts'

type OneOf = <T>(of: readonly [T, ...T[]]) => T

/** Draws the acts of one sequence. */
export class Hand {
  readonly acts: Act[] = []
  /** What each workload was deployed at last; 0: never. */
  readonly targets: Record<WorkloadName, number> = { a: 0, b: 0 }
  /** No release above it is deployed. */
  highest: number
  readonly next: () => number
  readonly #habits: Readonly<Record<WorkloadName, Pick<Intent, 'onRollback' | 'strategy'>>>
  #token = 0

  /** `next`: numbers from 0 to 1. */
  constructor(next: () => number, highest: number) {
    this.next = next
    this.highest = highest
    this.#habits = { a: habitOf(this.one), b: habitOf(this.one) }
  }

  readonly below = (end: number): number => Math.floor(this.next() * end)

  readonly one: OneOf = (of) => of[this.below(of.length)] ?? of[0]

  /** A rollout, with mistakes in its files or without. */
  deploy(workload: WorkloadName, target: number, corrected = this.next() < 0.6): void {
    this.#token += 1
    const within = Math.min(this.highest, Math.max(LOWEST, target))
    this.targets[workload] = within
    const intent = { workload, target: within, token: this.#token, corrected, ...this.#habits[workload] }
    this.acts.push({ kind: 'intent', intent })
  }

  /** A rollout that goes so far up or down. */
  move(workload: WorkloadName, by: number): void {
    this.deploy(workload, this.targets[workload] + by)
  }
}

const habitOf = (one: OneOf): Pick<Intent, 'onRollback' | 'strategy'> => ({
  onRollback: one(['always', 'always', 'always', 'auto', 'auto', 'keep']),
  strategy: one(['RollingUpdate', 'RollingUpdate', 'RollingUpdate', 'Recreate']),
})
