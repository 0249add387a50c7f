import { Semaphore } from 'async-mutex'
import type { RequestHandler, Response } from 'express'

export interface RoomOptions {
  /** Bodies of the reviews that are in, bytes: parsed, one takes some four times as much. */
  readonly bytes?: number
  /** After this long a review waits for the API server, not for us: its room goes to those that may need nothing of it. */
  readonly forMs?: number
}

/** The semaphore counts in units of 4 KiB: its work grows with what it counts to. */
const UNIT = 4 * 1024

/**
 * Lets reviews in, in the order in which they came, as far as their bodies fit; one larger than all comes alone. What is
 * not let in is not read either. A burst is answered sooner so, in a fraction of the memory.
 */
export function inTurn({ bytes = 512 * 1024, forMs = 250 }: RoomOptions = {}): RequestHandler {
  const units = bytes / UNIT
  const room = new Semaphore(units)
  return async (request, response, next) => {
    const came = performance.now()
    const length = Number(request.get('content-length') ?? Number.POSITIVE_INFINITY)
    const [, leave] = await room.acquire(Math.min(Math.ceil(Math.max(length, 1) / UNIT), units))
    if (response.closed) return leave() // Nobody waits for the answer any more.
    const late = setTimeout(leave, forMs)
    response.once('close', () => {
      clearTimeout(late)
      leave()
    })
    response.locals.waitedMs = Math.round(performance.now() - came)
    next()
  }
}

/** How long a review that was let in had waited, milliseconds. */
export const waitedMs = ({ locals }: Response): number => (locals as { waitedMs: number }).waitedMs
