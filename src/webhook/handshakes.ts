import type { Server } from 'node:https'
import type { Socket } from 'node:net'

export interface Pace {
  /** Handshakes that an address may begin at once, after it began none for a while. */
  readonly atOnce: number
  /** Further ones a second. */
  readonly perSecond: number
  /** Connections of one address that wait for theirs. */
  readonly waiting: number
}

interface Address {
  /** Handshakes that it may begin now. */
  free: number
  readonly waiting: Set<Socket>
}

/**
 * Paces TLS handshakes by address, since each takes a millisecond or two of the thread that answers reviews. A connection
 * above the pace waits unread until it is its turn, and one above those that may wait is closed. Connections that
 * are through are never touched.
 *
 * @returns closes those that wait
 */
export function paceHandshakes(server: Server, { atOnce, perSecond, waiting: most }: Pace): () => void {
  const begin = server.listeners('connection') as ((this: Server, socket: Socket) => void)[]
  server.removeAllListeners('connection')
  const handshake = (socket: Socket) => {
    for (const listener of begin) listener.call(server, socket)
  }
  const addresses = new Map<string, Address>()
  let timer: NodeJS.Timeout | undefined
  /** Each address may begin one more. */
  const tick = () => {
    for (const [key, address] of addresses) {
      const [next] = address.waiting
      if (next === undefined) address.free++
      else leave(address, next)
      if (address.free >= atOnce) addresses.delete(key)
    }
    if (addresses.size > 0) return
    clearInterval(timer)
    timer = undefined
  }
  const leave = ({ waiting }: Address, socket: Socket) => {
    waiting.delete(socket)
    socket.off('error', ignore)
    handshake(socket)
  }
  server.on('connection', (socket: Socket) => {
    const key = socket.remoteAddress ?? ''
    const address = addresses.get(key) ?? { free: atOnce, waiting: new Set() }
    addresses.set(key, address)
    timer ??= setInterval(tick, 1_000 / perSecond).unref()
    if (address.free > 0) {
      address.free--
      handshake(socket)
    } else if (address.waiting.size < most) {
      address.waiting.add(socket)
      socket.on('error', ignore).once('close', () => address.waiting.delete(socket))
    } else socket.destroy()
  })
  return () => {
    for (const { waiting } of addresses.values()) for (const socket of waiting) socket.destroy()
  }
}

/** A client that goes before its turn is no error of ours. */
const ignore = () => undefined
