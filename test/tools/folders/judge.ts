import { isSameStop, type Stop } from './sides.ts'
import { compareStates, type State } from './state.ts'

/** What became of a step by psql and by Lockkeeper: why it stopped, if it did, and what the databases hold then. */
export interface Step {
  readonly what: string
  readonly stops: readonly [psql: Stop | undefined, lockkeeper: Stop | undefined]
  readonly states: readonly [psql: State, lockkeeper: State]
}

export const KINDS = ['ups', 'downs', 'way down', 'in one run'] as const
export type Kind = (typeof KINDS)[number]

/** Counts the steps that are equal, and says what is not. */
export class Judge {
  readonly counts = new Map(KINDS.map((kind) => [kind, { equal: 0, all: 0 }]))
  readonly differences: string[] = []
  /** What Lockkeeper does not try, with the reason it gives. */
  readonly refusals: string[] = []
  readonly remarks: string[] = []
  /** What two runs of psql make differently. */
  readonly noise = new Set<string>()

  /** Whether both can go on from here. */
  judge(kind: Kind, { what, stops: [psql, ours], states }: Step): boolean {
    const count = this.counts.get(kind) ?? { equal: 0, all: 0 }
    count.all += 1
    if (ours?.refused === true) {
      this.refusals.push(`${what}: ${textOf(ours)}${psql === undefined ? '' : `; psql fails: ${textOf(psql)}`}`)
      return false
    }
    const same = psql === undefined || ours === undefined ? psql === ours : isSameStop(psql, ours)
    if (!same) this.differences.push(`${what}: psql: ${textOf(psql)}; lockkeeper: ${textOf(ours)}`)
    const parts = compareStates(...states, this.noise)
    if (parts.length > 0) {
      this.differences.push(
        `${what}: ${parts.length} parts differ (- psql, + lockkeeper): ${parts.slice(0, 4).join(' | ')}`,
      )
    }
    if (same && psql !== undefined) this.remarks.push(`${what}: both fail: ${textOf(psql)}`)
    if (same && parts.length === 0) count.equal += 1
    return psql === undefined && ours === undefined
  }
}

const textOf = (stop: Stop | undefined) =>
  stop === undefined ? 'done' : `${stop.code} ${stop.message.replace(/\s+/g, ' ').slice(0, 240)}`
