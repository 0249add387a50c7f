import { setTimeout as sleep } from 'node:timers/promises'
import { reasonOf } from './clients.ts'

export interface Rounds {
  /** Asks for a round now; during one, for another after it. */
  ring(): void
  /** Ends with the round that is under way. */
  stop(): Promise<void>
}

export interface RoundsOptions {
  /** Does one round; says after how many milliseconds the next one comes at the latest. */
  readonly round: () => Promise<number>
  /** Milliseconds after which a round that failed is done again. */
  readonly again: number
  /** Milliseconds after which a round that hangs is given up: the Kubernetes client knows no timeout. */
  readonly limit?: number
  /** Hears why rounds fail: once, until one succeeds or fails for another reason. */
  readonly failed: (reason: string) => void
}

const LIMIT = 10_000

/** Does rounds, one after the other, until it is stopped. The first one begins at once. */
export function startRounds({ round, again, limit = LIMIT, failed }: RoundsOptions): Rounds {
  const state = { stopped: false, rung: false, wake: new AbortController(), reason: '' }
  const attempt = async (): Promise<number> => {
    try {
      const pause = await inTime(round(), limit)
      state.reason = ''
      return pause
    } catch (error) {
      const reason = reasonOf(error)
      if (reason !== state.reason) failed(reason)
      state.reason = reason
      return again
    }
  }
  const running = (async () => {
    while (!state.stopped) {
      state.rung = false
      const pause = await attempt()
      if (state.stopped || state.rung) continue
      state.wake = new AbortController()
      await sleep(pause, undefined, { signal: state.wake.signal }).catch(woken)
    }
  })()
  const ring = () => {
    state.rung = true
    state.wake.abort()
  }
  return {
    ring,
    stop: () => {
      state.stopped = true
      ring()
      return running
    },
  }
}

/** Rejects when something takes longer than anybody waits. */
export async function inTime<T>(work: Promise<T>, limit = LIMIT): Promise<T> {
  const over = new AbortController()
  const late = sleep(limit, undefined, { signal: over.signal }).catch(woken)
  try {
    const first = await Promise.race([work.then((value) => ({ value })), late])
    if (first !== undefined) return first.value
    throw new Error(`no answer within ${limit} ms`)
  } finally {
    over.abort()
  }
}

function woken(error: unknown): undefined {
  if (!(error instanceof Error && error.name === 'AbortError')) throw error
}
