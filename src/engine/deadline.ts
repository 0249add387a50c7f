import { setTimeout as sleep } from 'node:timers/promises'
import { type Interruption, RunFailure } from '../postgres/failure.ts'
import type { Emit } from './event.ts'

/** After this long a waiter holds no connection between its polls. */
const connectedFor = 5_000
/** A waiting run says so again this often. */
const sayEvery = 30_000

/** How long a run waits, and what it says meanwhile. The deadline moves while the history advances. */
export class Patience {
  readonly #deadlineMs: number
  readonly #emit: Emit
  readonly #signal: AbortSignal | undefined
  #epoch: number | undefined
  #waitingSince: number | undefined
  #said: { text: string; at: number } | undefined
  deadlineAt: number

  constructor(deadlineMs: number, emit: Emit, signal?: AbortSignal) {
    this.#deadlineMs = deadlineMs
    this.#emit = emit
    this.#signal = signal
    this.deadlineAt = Date.now() + deadlineMs
  }

  /** Something moved: whoever waits may wait on. */
  advance(epoch?: number): void {
    if (epoch !== undefined && epoch === this.#epoch) return
    this.#epoch = epoch ?? this.#epoch
    this.deadlineAt = Date.now() + this.#deadlineMs
  }

  /** Waiting is over, for now. */
  served(): void {
    this.#waitingSince = undefined
    this.#said = undefined
  }

  /** Waits a moment; throws `lasting` when the deadline is over. True: let go of the connection meanwhile. */
  async wait(text: string, lasting: RunFailure, pause = this.#pause()): Promise<void> {
    this.#waitingSince ??= Date.now()
    if (Date.now() >= this.deadlineAt) throw lasting
    if (this.#said === undefined || this.#said.text !== text || Date.now() - this.#said.at > sayEvery) {
      // A holder's state changes all the time; only the first words tell one wait from another.
      if (this.#said === undefined || Date.now() - this.#said.at > 1000) {
        this.#said = { text, at: Date.now() }
        this.#emit({ level: 'info', event: 'waiting', message: text })
      }
    }
    await sleep(Math.min(pause, Math.max(0, this.deadlineAt - Date.now())), undefined, { signal: this.#signal })
  }

  /** Whether the next poll should come with a connection of its own. */
  get disconnects(): boolean {
    return this.#waitingSince !== undefined && Date.now() - this.#waitingSince > connectedFor
  }

  /** The server cannot be had: waits, or throws what lasts. */
  async interrupted({ lasting, patience }: Interruption, attempt: number, startedAt: number): Promise<void> {
    if (patience !== undefined && Date.now() - startedAt > patience) throw lasting
    const pause = Math.min(5_000, 100 * 2 ** Math.min(attempt, 6)) * (0.75 + Math.random() / 2)
    await this.wait(lasting.message, lasting, pause)
  }

  #pause(): number {
    return this.disconnects ? 500 + Math.random() * 1000 : 50 + Math.random() * 150
  }
}

export const deadlineFailure = (holder: string): RunFailure =>
  new RunFailure(
    'deadline',
    `the deadline passed while waiting for the migration lock: ${holder}`,
    'see what that session does (kubectl logs of its pod, init container lockkeeper-migrate), or raise config.lockkeeper.dev/deadline',
  )
