import type { Writable } from 'node:stream'
import type { Query } from 'pg'
import { endOfPiece } from './sql.ts'

/**
 * A query as the parts of its text, so that megabytes need not be put together. One that `goesAlone` must be the last of
 * a `send`, and nothing may be sent behind it before it ends.
 */
export interface LongQuery {
  readonly parts: readonly string[]
  /** It is written at once, however long, so that others may follow it. */
  readonly whole?: boolean
  /** What COPY … FROM STDIN in it reads, a text for each COPY. */
  readonly rows: readonly string[]
  /** Called when all of a long one is on its way. */
  readonly sent?: () => void
}

const PIECE = 256 * 1024

/** It takes its time to be written, or reads what comes behind it as rows. */
export const goesAlone = (query: LongQuery): boolean => query.rows.length > 0 || isLong(query)

export const isLong = ({ parts, whole }: LongQuery): boolean => whole !== true && lengthOf(parts) >= PIECE

const lengthOf = (parts: readonly string[]) => parts.reduce((sum, part) => sum + part.length, 0)

/** pg would copy the text several times to make one message of it; so would Node, were it all written at once. */
export function sendInPieces(query: Query, { parts, sent }: LongQuery): void {
  query.submit = ({ stream }: { readonly stream: Writable }) => {
    const pieces = messageInPieces(parts)
    // One piece after the other, since they share their memory.
    const pump = (): void => {
      const { value } = pieces.next()
      if (value === undefined) sent?.()
      else stream.write(value, (error) => error == null && pump())
    }
    pump()
    return null
  }
}

/**
 * A simple query (PostgreSQL manual, Message Formats, Query). Each piece is gone when the next is asked for: buffers of
 * their own would be as much garbage as the text is long before anybody collects it.
 */
function* messageInPieces(parts: readonly string[]): Generator<Buffer, undefined> {
  const room = Buffer.allocUnsafe(3 * (PIECE + 1))
  const head = Buffer.alloc(5)
  head.write('Q')
  head.writeInt32BE(4 + parts.reduce((sum, part) => sum + Buffer.byteLength(part), 0) + 1, 1)
  yield head
  for (const part of parts) {
    for (let at = 0, end = 0; at < part.length; at = end) {
      end = endOfPiece(part, at + PIECE)
      yield room.subarray(0, room.write(part.slice(at, end)))
    }
  }
  yield Buffer.alloc(1)
  return undefined
}

/** What pg asks of a query when the server wants rows. */
interface CopyIn {
  handleCopyInResponse(connection: { sendCopyFromChunk(chunk: Buffer): void; endCopyFrom(): void }): void
}

export function giveRows(query: Query, rows: readonly string[]): void {
  const waiting = [...rows]
  ;(query as unknown as CopyIn).handleCopyInResponse = (connection) => {
    connection.sendCopyFromChunk(Buffer.from(waiting.shift() ?? '', 'utf8'))
    connection.endCopyFrom()
  }
}
