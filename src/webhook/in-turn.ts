import type { RequestHandler, Response } from 'express'
import { LIMITS } from '../limits.ts'
import { FairRoom } from './fair-room.ts'
import { receivedBytes } from './read-body.ts'

export interface RoomOptions {
  /** Bodies of the reviews that are in, bytes: parsed, one takes some four times as much. */
  readonly bytes?: number
  /** After this long a review waits for the API server, not for us: its room goes to those that may need nothing of it. */
  readonly forMs?: number
  /** Bodies of reviews that wait for longer, bytes, and how many of them. */
  readonly waitingBytes?: number
  readonly waitingReviews?: number
}

interface Late {
  readonly bytes: number
  readonly hurry: () => void
}

/**
 * Lets reviews in as far as their bodies, which were received, fit; the addresses that they come from take turns. A burst
 * is answered sooner so, in a fraction of the memory. Of those that wait for long, as many may wait as memory allows.
 */
export function inTurn(options: RoomOptions = {}): RequestHandler {
  const { bytes = LIMITS.roomBytes.value, forMs = 250 } = options
  const room = new FairRoom(bytes)
  const waiting = new WaitingRoom(
    options.waitingBytes ?? LIMITS.waitingBytes.value,
    options.waitingReviews ?? LIMITS.waitingReviews.value,
  )
  return async (request, response, next) => {
    const came = performance.now()
    const size = receivedBytes(response)
    const leave = await room.enter(request.socket.remoteAddress ?? '', Math.max(1, size))
    if (response.closed || response.headersSent) return leave() // Nobody waits for the answer any more.
    const hurry = Promise.withResolvers<void>()
    const one: Late = { bytes: size, hurry: hurry.resolve }
    const late = setTimeout(() => {
      waiting.add(one)
      leave()
    }, forMs)
    response.once('close', () => {
      clearTimeout(late)
      waiting.delete(one)
      leave()
    })
    Object.assign(response.locals, { waitedMs: Math.round(performance.now() - came), hurry: hurry.promise })
    next()
  }
}

/** Reviews that wait for their source. Where they are too many, the largest is told to wait no longer, then the eldest. */
class WaitingRoom {
  readonly #bytes: number
  readonly #reviews: number
  readonly #in = new Set<Late>()
  #taken = 0

  constructor(bytes: number, reviews: number) {
    this.#bytes = bytes
    this.#reviews = reviews
  }

  add(one: Late): void {
    this.#in.add(one)
    this.#taken += one.bytes
    while (this.#taken > this.#bytes) this.#hurry([...this.#in].reduce((a, b) => (b.bytes > a.bytes ? b : a)))
    for (const eldest of this.#in) {
      if (this.#in.size <= this.#reviews) break
      this.#hurry(eldest)
    }
  }

  delete(one: Late): void {
    if (this.#in.delete(one)) this.#taken -= one.bytes
  }

  #hurry(one: Late): void {
    this.delete(one)
    one.hurry()
  }
}

/** How long a review that was let in had waited, milliseconds. */
export const waitedMs = ({ locals }: Response): number => (locals as { waitedMs: number }).waitedMs

/** Resolves where a review that was let in must wait for nothing any more. */
export const hurried = ({ locals }: Response): Promise<void> => (locals as { hurry: Promise<void> }).hurry
