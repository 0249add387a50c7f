import { randomUUID } from 'node:crypto'
import type { Session } from '../../postgres/session.ts'
import { type StepOutcome, sendStep } from './send-step.ts'
import { type Step, type StepSettings, scriptsOf } from './step.ts'

/** Steps on their way at once, and about how much text: enough that the server never waits for us. */
const MOST = 8
const ROOM = 256 * 1024

/** It may have rows for COPY, or is long; the scripts around it count too. */
const alone = (step: Step) => {
  const scripts = scriptsOf(step)
  return (
    scripts.reduce((sum, { text }) => sum + text.length, 0) > ROOM / 2 ||
    scripts.some(({ text }) => /\bstdin\b/i.test(text))
  )
}

/**
 * Steps that are sent before those in front of them have answered. It is safe because a step that fails takes all
 * behind it along: they find an aborted transaction (25P02 until our ROLLBACK), or, after a commit that failed, a history
 * without the version before theirs (`Step.after`); and no script runs outside the transaction of its own step (`entry`).
 */
export class Flight {
  readonly #session: Session
  readonly #settings: StepSettings
  readonly #due: Iterator<Step>
  readonly #sent: { readonly step: Step; readonly outcome: Promise<StepOutcome>; readonly size: number }[] = []
  readonly #again: Step[] = []

  constructor(session: Session, settings: StepSettings, due: Iterable<Step>) {
    this.#session = session
    this.#settings = { ...settings, flight: randomUUID() }
    this.#due = due[Symbol.iterator]()
  }

  /** The next step, and what became of it when it was sent; undefined at the end. */
  next(): { readonly step: Step; readonly outcome: Promise<StepOutcome> } | undefined {
    for (let size = this.#size(); this.#sent.length < MOST && size < ROOM; size = this.#size()) {
      const step = this.#again[0] ?? this.#due.next().value
      if (step === undefined) break
      // What is behind it would be taken for its rows, or written into the middle of it.
      if (alone(step) && this.#sent.length > 0) {
        this.#again[0] = step
        break
      }
      this.#again.shift()
      const outcome = sendStep(this.#session, step, this.#settings, this.#sent.length === 0)
      // A lost connection is reported by the step in front; the others fail unheard.
      outcome.catch(() => undefined)
      this.#sent.push({ step, outcome, size: step.script.text.length })
      if (alone(step)) break
    }
    return this.#sent.shift()
  }

  #size(): number {
    return this.#sent.reduce((sum, { size }) => sum + size, 0)
  }

  /** After a failed step: waits until the server has refused those behind it, which will be sent again. */
  async land(): Promise<void> {
    const refused = this.#sent.splice(0)
    await Promise.all(refused.map(({ outcome }) => outcome))
    this.#again.unshift(...refused.map(({ step }) => step))
  }
}
