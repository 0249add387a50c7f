import { reasonOf } from './clients.ts'
import { inTime, startRounds } from './rounds.ts'

/** Who holds a Lease. */
export interface LeaseRecord {
  /** Empty when nobody does. */
  readonly holder: string
  /** Changes with every renewal. It is compared with no clock: clocks of hosts differ. */
  readonly renewed: string
  /** For how long the holder may be silent. */
  readonly seconds: number
}

export interface LeaseStore {
  read(): Promise<{
    readonly record: LeaseRecord
    /** Takes, renews or, with an empty holder, gives back. False when the Lease changed since it was read. */
    write(holder: string, seconds: number): Promise<boolean>
  }>
}

const SECONDS = 10
const RETRY = 2_000
/** The holder ends before another may begin. */
const VALID = 8_000

/**
 * One replica in the election, by the rules of client-go: a Lease is free when it has no holder, or when its holder was
 * not *seen* to renew it for as long as it promised.
 */
export class Candidate {
  readonly #store: LeaseStore
  readonly #me: string
  readonly #elapsed: () => number
  #until = Number.NEGATIVE_INFINITY
  #seen: { readonly text: string; readonly since: number } | undefined

  /** `me` names this process alone: two pods on one host may share its name. `elapsed` only runs forward, in milliseconds. */
  constructor(store: LeaseStore, me: string, elapsed: () => number) {
    this.#store = store
    this.#me = me
    this.#elapsed = elapsed
  }

  held(): boolean {
    return this.#elapsed() < this.#until
  }

  /** Renews the Lease, or takes it when it is free. */
  async attempt(): Promise<void> {
    const began = this.#elapsed()
    const { record, write } = await this.#store.read()
    const written = (record.holder === this.#me || this.#isFree(record)) && (await write(this.#me, SECONDS))
    this.#until = written ? began + VALID : Number.NEGATIVE_INFINITY
  }

  async giveBack(): Promise<void> {
    this.#until = Number.NEGATIVE_INFINITY
    const { record, write } = await this.#store.read()
    if (record.holder === this.#me) await write('', SECONDS)
  }

  #isFree({ holder, renewed, seconds }: LeaseRecord): boolean {
    if (holder === '') return true
    const text = `${holder} ${renewed}`
    if (this.#seen?.text !== text) this.#seen = { text, since: this.#elapsed() }
    return this.#elapsed() - this.#seen.since >= seconds * 1000
  }
}

export interface Election {
  /** Whether this replica holds the Lease now. */
  held(): boolean
  /** Gives the Lease back, so that another need not wait. */
  stop(): Promise<void>
}

export interface ElectionOptions {
  readonly candidate: Candidate
  readonly changed: (held: boolean) => void
  /** Hears a sentence. */
  readonly failed: (message: string) => void
}

/** Takes part in an election until it is stopped. */
export function takePart({ candidate, changed, failed }: ElectionOptions): Election {
  let told = false
  const tell = () => {
    if (candidate.held() === told) return
    told = !told
    changed(told)
  }
  const rounds = startRounds({
    round: async () => {
      tell()
      try {
        await candidate.attempt()
      } finally {
        tell()
      }
      return RETRY
    },
    again: RETRY,
    failed: (reason) => failed(`the Lease cannot be kept: ${reason}; nobody renews certificates until it can`),
  })
  return {
    held: () => candidate.held(),
    stop: async () => {
      await rounds.stop()
      try {
        await inTime(candidate.giveBack())
      } catch (error) {
        failed(`the Lease could not be given back: ${reasonOf(error)}; another replica takes it in ${SECONDS} s`)
      }
      tell()
    },
  }
}
