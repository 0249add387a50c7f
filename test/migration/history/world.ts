import type { OnRollback } from '../../../src/contract.ts'
import { type Decision, type DecisionInput, decide } from '../../../src/migration/decide.ts'
import { type HoldRow, holdOf, type Interval, lowestOf } from '../../../src/migration/hold.ts'

export const TOP = 4
const NONE = 99

/** What is under test: the real functions, and which question each transaction of a run asks. */
export interface Rules {
  readonly decide: (input: DecisionInput) => Decision
  readonly holdOf: (row: HoldRow) => string
  readonly lowestOf: (row: HoldRow) => string
  /** The trailer of a step asks whether a newer intent is recorded. */
  readonly fence: boolean
  /** The trailer of an up asks whom it is known to break. */
  readonly holds: boolean
  /** The trailer of a down decides again. */
  readonly downAgain: boolean
  /** Who gets the lock looks and decides again. */
  readonly relook: boolean
  /** A start counts only at the epoch that it was decided on. */
  readonly epoch: boolean
  /** A start widens what may serve, whatever its token. */
  readonly lateWidens: boolean
  /** A late start begins the grace again. */
  readonly lateRenews: boolean
  /** What may serve is carried over to the next intent. */
  readonly carried: boolean
  /** Under Recreate nothing serves when the intent is recorded. */
  readonly recreateClears: boolean
  /** After a start, what is reached is what is applied still. */
  readonly peak: boolean
  /** What a step took further is written down with it. */
  readonly raises: boolean
}

export const real: Rules = {
  ...{ decide, holdOf, lowestOf, fence: true, holds: true, downAgain: true, relook: true, epoch: true },
  ...{ lateWidens: true, lateRenews: true, carried: true, recreateClears: true, peak: true, raises: true },
}

export class Violation extends Error {}
export function check(holds: boolean, kind: string, text: () => string): void {
  if (!holds) throw new Violation(`${kind}: ${text()}`)
}

export interface Intent {
  readonly target: number
  readonly token: number
  readonly policy: OnRollback
  readonly strategy: string
  readonly files: boolean
}
export interface Work {
  readonly name: string
  policy: OnRollback
  strategy: string
  readonly intents: Intent[]
  /** Lowest release that may serve for all that can be known: kept beside what the rules make of the row. */
  low: number
}
interface Row extends Omit<Intent, 'files'> {
  stamp: number | undefined
  reached: number | undefined
  low: number
  high: number
  graceOver: boolean
}
export type Place = 'new' | 'look' | 'start' | 'lock' | 'header' | 'script' | 'trailer' | 'serve'
export interface Pod {
  readonly work: Work
  readonly intent: Intent
  at: Place
  step: readonly ['up' | 'down', number] | undefined
  rest: number[]
  epoch: number
  /** Why it waits or was refused. */
  why: string
}

/** Two workloads on one database, whose runs stand still between any two of their transactions. */
export class World {
  readonly rules: Rules
  /** By version: the lowest release whose code works; undefined: not known. */
  readonly floors: readonly (number | undefined)[]
  readonly works: readonly Work[]
  readonly rows = new Map<Work, Row>()
  readonly applied: number[] = []
  readonly by = new Map<number, Work>()
  readonly served = new Set<string>()
  pods: Pod[] = []
  /** Gone, but what they had sent is still on its way to the server. */
  zombies: Pod[] = []
  epoch = 0
  lock: Pod | undefined
  readonly log: string[] | undefined

  constructor(works: readonly Work[], floors: readonly (number | undefined)[], rules: Rules, log?: string[]) {
    this.works = works
    this.floors = floors
    this.rules = rules
    this.log = log
  }

  say(pod: Pod, ...words: readonly unknown[]): void {
    this.log?.push([pod.work.name, pod.intent.target, `token ${pod.intent.token}`, ...words].join(' '))
  }

  row(work: Work): Row {
    const row = this.rows.get(work)
    if (row === undefined) throw new Error('no row')
    return row
  }

  /** The lowest release that works on the schema; of what is above a target. */
  floor(target: number, unknown = true, among: readonly number[] = this.applied): number {
    const above = among.filter((version) => version > target)
    return Math.max(0, ...above.map((version) => this.floors[version] ?? (unknown ? version : 0)))
  }

  // What a run sees

  #interval(row: Row): Interval {
    if (row.stamp !== undefined && row.graceOver) return { low: String(row.target), high: String(row.target) }
    return { low: row.low === NONE ? undefined : String(row.low), high: String(row.high) }
  }

  #holdRow(row: Row): HoldRow {
    const reached = row.reached === undefined ? null : String(row.reached)
    const { policy: onRollback, strategy } = row
    return { target: String(row.target), reached, onRollback, strategy, interval: this.#interval(row) }
  }

  #input({ work, intent }: Pod): DecisionInput {
    const row = this.row(work)
    const late = intent.token < row.token
    const text = (version: number) => {
      const floor = this.floors[version]
      return { version: String(version), ...(floor !== undefined && { floor: String(floor) }) }
    }
    return {
      mode: 'migrate',
      ...{ target: String(intent.target), token: intent.token, onRollback: intent.policy, strategy: intent.strategy },
      ...{ belowFloor: 'warn', outOfOrder: false },
      recorded: {
        ...{ target: String(row.target), token: row.token, stamped: row.stamp !== undefined },
        ...{ reached: row.reached === undefined ? null : String(row.reached), interval: this.#interval(row) },
      },
      applied: this.applied.map((version) => ({ floor: null, ...text(version), reversible: true })),
      files: late || !intent.files ? undefined : Array.from({ length: intent.target }, (_, i) => text(i + 1)),
      others: [...this.rows].flatMap(([other, each]) => {
        if (other === work) return []
        const held = this.#holdRow(each)
        const known = { target: held.target, low: this.rules.lowestOf(held), holds: this.rules.holdOf(held) }
        return [{ cluster: 'c', workload: other.name, ...known, sameCluster: true }]
      }),
    }
  }

  decide(pod: Pod): Decision {
    const { target, files, token } = pod.intent
    if (!files && token === this.row(pod.work).token && !this.applied.includes(target)) {
      return { kind: 'refuse', code: 'schema-behind', message: 'the files are gone', fix: '' }
    }
    return this.rules.decide(this.#input(pod))
  }

  /** Whom a step up is known to break, as its trailer asks. */
  #blocked({ work }: Pod, version: number): boolean {
    const floor = this.floors[version] ?? 0
    return [...this.rows].some(
      ([other, row]) =>
        other !== work && version > row.target && floor > Number(this.rules.lowestOf(this.#holdRow(row))),
    )
  }

  // The transactions of a run

  advance(pod: Pod): void {
    if (pod.at === 'new') this.#record(pod)
    else if (pod.at === 'look') this.#look(pod)
    else if (pod.at === 'start') this.#start(pod)
    else if (pod.at === 'lock') this.#take(pod)
    else if (pod.at === 'header') pod.at = this.#stale(pod) ? this.#again(pod) : 'script'
    else if (pod.at === 'script') pod.at = 'trailer'
    else if (pod.at === 'trailer') this.trailer(pod)
  }

  #stale = ({ work, intent }: Pod) => this.row(work).token > intent.token

  #again(pod: Pod): Place {
    pod.rest = []
    pod.step = undefined
    return 'look'
  }

  free(pod: Pod): void {
    if (this.lock === pod) this.lock = undefined
  }

  /** Fast path, else the intent is recorded. */
  #record(pod: Pod): void {
    const { work, intent } = pod
    const { target, token, policy, strategy } = intent
    const row = this.rows.get(work)
    if (row !== undefined && row.token === token && row.stamp === this.epoch) {
      this.#serve(pod)
      return
    }
    pod.at = 'look'
    if (row !== undefined && row.token >= token) return
    const alone = strategy === 'Recreate' && this.rules.recreateClears
    const { low = '99', high } = row === undefined ? { low: '0', high: '0' } : this.#interval(row)
    const kept = this.rules.carried ? { low: Number(low), high: Number(high) } : { low: NONE, high: 0 }
    const interval = alone ? { low: NONE, high: 0 } : kept
    const now = { target, token, policy, strategy, stamp: undefined, graceOver: false, ...interval }
    this.rows.set(work, { reached: row?.reached, ...now })
    if (strategy === 'Recreate') work.low = NONE
    this.say(pod, 'records')
  }

  #look(pod: Pod): void {
    const answer = this.decide(pod)
    pod.epoch = this.epoch
    pod.why = 'code' in answer ? `${answer.code} ${this.#named(answer.message)}`.trim() : ''
    this.say(pod, 'decides', answer.kind, 'steps' in answer ? answer.steps : pod.why, 'on', this.applied)
    if (answer.kind === 'start') pod.at = 'start'
    else if ('steps' in answer) {
      const [first, ...rest] = answer.steps.map(Number)
      pod.step = [answer.kind, first ?? 0]
      pod.rest = answer.kind === 'up' ? rest : []
      pod.at = this.lock === pod ? 'header' : 'lock'
    } else this.free(pod)
  }

  #named = (message: string) => this.works.find(({ name }) => message.includes(name))?.name ?? ''

  #take(pod: Pod): void {
    const had = this.lock === undefined
    if (had) this.lock = pod
    pod.at = had && !this.rules.relook ? 'header' : 'look'
  }

  /** The application starts: one transaction, whatever the token. */
  #start(pod: Pod): void {
    const { work, intent } = pod
    const row = this.row(work)
    if (this.rules.epoch && pod.epoch !== this.epoch) {
      pod.at = 'look'
      return
    }
    const newest = intent.token === row.token
    const lowering = newest && row.stamp === undefined && row.reached !== undefined && row.reached > intent.target
    if (lowering && intent.policy === 'auto') {
      const known = this.floor(intent.target) <= intent.target
      check(known, 'unknown-start', () => `${work.name} goes back to ${intent.target} on ${this.applied}`)
    }
    if (newest || this.rules.lateWidens) {
      const { low = NONE, high } = this.#interval(row)
      row.low = Math.min(Number(low), intent.target)
      row.high = Math.max(Number(high), intent.target)
    }
    if (newest) {
      const still = this.applied.filter((version) => version <= (row.reached ?? 0))
      row.reached = Math.max(intent.target, ...(this.rules.peak ? still : []))
      if (row.stamp === undefined) row.graceOver = false
      row.stamp = this.epoch
    } else if (this.rules.lateRenews) row.graceOver = false
    this.#serve(pod)
  }

  #serve(pod: Pod): void {
    const { work, intent } = pod
    const { target } = intent
    pod.at = 'serve'
    pod.why = ''
    this.free(pod)
    this.say(pod, 'serves on', this.applied)
    const whole = Array.from({ length: target }, (_, i) => i + 1).every((version) => this.applied.includes(version))
    check(whole, 'start-without-schema', () => `${work.name} ${target} on ${this.applied}`)
    const works = this.floor(target, false) <= target || work.low <= target || intent.policy === 'keep'
    check(works, 'known-broken-start', () => `${work.name} ${target} on ${this.applied}, lowest ${work.low}`)
    this.served.add(`${work.name} ${intent.token}`)
    work.low = Math.min(work.low, target)
  }

  /** After the script: what others wrote meanwhile, then record and commit; or all of the step is rolled back. */
  trailer(pod: Pod): void {
    const [way, version] = pod.step ?? ['up', 0]
    let stays = !(this.rules.fence && this.#stale(pod))
    if (way === 'up') stays &&= !(this.rules.holds && this.#blocked(pod, version))
    else if (stays && this.rules.downAgain) {
      const again = this.decide(pod)
      stays = again.kind === 'down' && again.steps[0] === String(version)
    }
    if (!stays) {
      this.say(pod, 'rolls back', way, version)
      pod.at = this.#again(pod)
      return
    }
    this.#commit(pod, way, version)
    const next = pod.rest.shift()
    pod.step = next === undefined ? undefined : ['up', next]
    pod.at = next === undefined ? 'look' : 'header'
  }

  #commit(pod: Pod, way: 'up' | 'down', version: number): void {
    const { work, intent } = pod
    const row = this.row(work)
    this.say(pod, 'COMMITS', way, version)
    check(intent.token >= row.token, 'late-move', () => `${way} ${version} of ${work.name} token ${intent.token}`)
    const restarted = this.served.has(`${work.name} ${intent.token}`)
    check(way === 'up' || !restarted, 'restart-moves', () => `${way} ${version} of ${work.name}`)
    const there = this.applied.includes(version)
    check(there === (way === 'down'), 'twice', () => `${way} ${version} on ${this.applied}`)
    if (way === 'up') {
      this.applied.push(version)
      this.applied.sort((a, b) => a - b)
      this.by.set(version, work)
      if (this.rules.raises) row.reached = Math.max(row.reached ?? 0, version)
      this.#breaksNobody(version)
    } else {
      const needed = intent.policy !== 'auto' || this.floor(intent.target) > intent.target
      check(needed, 'needless-down', () => `${version} of ${this.applied} for ${intent.target}`)
      check(version === Math.max(...this.applied), 'out-of-turn', () => `${version} of ${this.applied}`)
      this.applied.pop()
      this.#takesNothing(pod, version)
    }
    this.epoch += 1
  }

  /** A workload that asks for the version takes it under its own older pods. */
  #breaksNobody(version: number): void {
    const floor = this.floors[version] ?? 0
    for (const { at, work, intent } of this.pods) {
      if (at !== 'serve' || intent.target >= floor || intent.target >= version) continue
      const asked = version <= this.row(work).target
      check(asked, 'known-broken-step', () => `up ${version} under ${work.name} ${intent.target}`)
    }
  }

  #takesNothing(pod: Pod, version: number): void {
    for (const { at, work, intent } of this.pods) {
      if (at !== 'serve' || intent.target < version) continue
      const allowed = (work === pod.work && pod.intent.policy === 'always') || this.row(work).policy === 'always'
      check(allowed, 'down-under-code', () => `down ${version} under ${work.name} ${intent.target}`)
    }
  }

  // Kubernetes

  /** The process is gone; `sent`: what was on its way to the server still runs to its commit. */
  kill(pod: Pod, sent: boolean): void {
    this.pods = this.pods.filter((each) => each !== pod)
    this.say(pod, 'at', pod.at, 'is gone', sent ? '(sent)' : '')
    if (this.lock === pod && sent && (pod.at === 'script' || pod.at === 'trailer')) this.zombies.push(pod)
    else this.free(pod)
  }

  runZombie(pod: Pod): void {
    if (pod.at === 'script' || pod.at === 'trailer' || pod.at === 'header') this.advance(pod)
    if (pod.at === 'header' || pod.at === 'script' || pod.at === 'trailer') return
    this.free(pod)
    this.zombies = this.zombies.filter((each) => each !== pod)
  }

  /** The grace is over; longer than a rollout, so pods of older intents are gone by then. */
  grace(work: Work): void {
    const row = this.rows.get(work)
    if (row?.stamp === undefined) return
    if (this.pods.some((pod) => pod.work === work && pod.intent.token < row.token)) return
    row.graceOver = true
    work.low = row.target
  }
}
