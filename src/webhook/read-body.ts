import type { IncomingMessage } from 'node:http'
import type { Request, RequestHandler, Response } from 'express'
import { LIMITS } from '../limits.ts'
import { countValues } from './count-values.ts'

export interface BodyOptions {
  /** Of one body, bytes. */
  readonly each?: number
  /** Of all that are held, bytes. */
  readonly all?: number
  /** Told of each that is refused. */
  readonly refused?: (request: Request) => void
}

/** A body that is being received or waits for its turn. */
interface Held {
  bytes: number
  /** Answers the request with a status and a sentence, and forgets the body. */
  readonly refuse: (status: number, text: string) => void
}

/**
 * Receives the body of a review, for `takeBody`. Nothing is inflated, and a body takes as much of the room as came of it.
 * Where the room is not enough, the largest is refused: the many small ones are those that matter.
 */
export function readBody(options: BodyOptions = {}): RequestHandler {
  const { each = LIMITS.reviewBytes.value, all = LIMITS.heldBytes.value, refused } = options
  const held = new Set<Held>()
  const room = { taken: 0 }
  const makeRoom = (): void => {
    while (room.taken > all) {
      let largest: Held | undefined
      for (const one of held) if (largest === undefined || one.bytes > largest.bytes) largest = one
      largest?.refuse(503, 'too many bytes of reviews at once')
    }
  }
  return (request, response, next) => {
    const refusal = refusalOf(request, each)
    if (refusal !== undefined) {
      refused?.(request)
      return refuse(request, response, ...refusal)
    }
    let chunks: Buffer[] = []
    const own: Held = {
      bytes: 0,
      refuse: (status, text) => {
        release()
        refused?.(request)
        refuse(request, response, status, text)
      },
    }
    const release = (): readonly Buffer[] => {
      const received = chunks
      if (held.delete(own)) room.taken -= own.bytes
      chunks = []
      request.off('data', take)
      return received
    }
    const take = (chunk: Buffer) => {
      own.bytes += chunk.length
      room.taken += chunk.length
      chunks.push(chunk)
      if (own.bytes > each) own.refuse(413, tooLarge(each))
      else if (room.taken > all) makeRoom()
    }
    held.add(own)
    response.once('close', release)
    request.on('data', take)
    request.once('end', () => {
      if (!held.has(own)) return
      const locals = response.locals as Received
      locals.receivedBytes = own.bytes
      locals.takeBody = () => Buffer.concat(release())
      next()
    })
  }
}

interface Received {
  receivedBytes: number
  takeBody: () => Buffer
}

/** How many bytes the body has that was received. */
export const receivedBytes = ({ locals }: Response): number => (locals as Received).receivedBytes

/** The body that was received, once; or why it is too much to be parsed. */
export function takeBody({ locals }: Response): Buffer | { readonly tooMany: string } {
  const body = (locals as Received).takeBody()
  const values = countValues(body)
  const most = LIMITS.reviewValues.value
  if (values <= most) return body
  return {
    tooMany: `a review may have ${most} values, and this one has ${values}: make the lists and maps of the workload shorter`,
  }
}

function refusalOf({ headers }: IncomingMessage, most: number): [status: number, text: string] | undefined {
  const encoding = headers['content-encoding'] ?? 'identity'
  if (encoding.toLowerCase() !== 'identity') {
    return [415, `a review comes as it is, without Content-Encoding (it has ${encoding.slice(0, 20)})`]
  }
  return Number(headers['content-length'] ?? 0) > most ? [413, tooLarge(most)] : undefined
}

/** The rest of it is not read: the connection is closed with the answer. */
function refuse(request: IncomingMessage, response: Response, status: number, text: string): void {
  if (response.headersSent) return
  request.pause()
  response.once('finish', () => request.socket.destroySoon())
  response.status(status).set('Connection', 'close').send(text)
}

const tooLarge = (most: number) =>
  `a review may have ${most / 1024 / 1024} MiB: take out what the workload does not need`
