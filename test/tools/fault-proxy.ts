import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

export type Direction = 'toServer' | 'toClient'

/** One fault, at a boundary between two messages of a direction. */
export interface ProxyFault {
  /** `cut` destroys both sides; `half-close` ends this direction, and what else it brings is lost; `delay` goes on later. */
  readonly kind: 'cut' | 'half-close' | 'delay'
  readonly direction: Direction
  /** The message, from 1 and counted over all connections, that the fault keeps from being passed on. */
  readonly before: number
  /** Milliseconds of a delay. */
  readonly ms: number
}

export interface FaultProxy {
  readonly port: number
  /** Messages that came to be passed on, and the one that was not. */
  readonly seen: Readonly<Record<Direction, number>>
  readonly struck: boolean
  close(): Promise<void>
}

export interface FaultProxyOptions {
  readonly fault?: ProxyFault | undefined
  readonly connected?: () => void
}

/** Stands before a PostgreSQL server without TLS on loopback. After its one fault it only passes on. */
export async function startFaultProxy(serverPort: number, options: FaultProxyOptions = {}): Promise<FaultProxy> {
  const { fault, connected } = options
  const seen = { toServer: 0, toClient: 0 }
  const sockets = new Set<Socket>()
  let struck = false
  const due = (direction: Direction): ProxyFault | undefined => {
    seen[direction] += 1
    if (struck || fault?.direction !== direction || fault.before !== seen[direction]) return undefined
    struck = true
    return fault
  }
  const proxy = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
    const server = connect({ host: '127.0.0.1', port: serverPort, allowHalfOpen: true, noDelay: true })
    for (const socket of [client, server]) {
      sockets.add(socket)
      socket.on('close', () => sockets.delete(socket))
      // The loops below see it too; a late one has nobody else to hear it.
      socket.on('error', () => socket.destroy())
    }
    const framing = new Framing()
    void pass(client, server, 'toServer', framing, due)
    void pass(server, client, 'toClient', framing, due)
    connected?.()
  })
  proxy.listen(0, '127.0.0.1')
  await once(proxy, 'listening')
  const address = proxy.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  return {
    port: address.port,
    seen,
    get struck() {
      return struck
    },
    close: async () => {
      for (const socket of sockets) socket.destroy()
      proxy.close()
      await once(proxy, 'close')
    },
  }
}

/** Passes whole messages on until one side ends. What stands before a fault has left this process when it strikes. */
async function pass(
  from: Socket,
  to: Socket,
  direction: Direction,
  framing: Framing,
  due: (direction: Direction) => ProxyFault | undefined,
): Promise<void> {
  let rest = Buffer.alloc(0)
  let open = true
  try {
    for await (const chunk of from) {
      if (!open) continue
      rest = Buffer.concat([rest, chunk as Buffer])
      let ready = 0
      for (let size = framing.next(direction, rest); size > 0; size = framing.next(direction, rest.subarray(ready))) {
        const fault = due(direction)
        if (fault !== undefined) {
          await write(to, rest.subarray(0, ready))
          rest = rest.subarray(ready)
          ready = 0
          if (fault.kind === 'cut') throw new Error('cut')
          if (fault.kind === 'half-close') open = false
          if (fault.kind === 'delay') await sleep(fault.ms)
          if (!open) break
        }
        ready += size
      }
      if (open) await write(to, rest.subarray(0, ready))
      rest = rest.subarray(ready)
      if (!open) to.end()
    }
    to.end()
  } catch {
    // Cut by us, or reset by one of them: the other one sees the same.
    from.destroy()
    to.destroy()
  }
}

const write = (to: Socket, bytes: Buffer) =>
  new Promise<void>((resolve, reject) => to.write(bytes, (error) => (error ? reject(error) : resolve())))

/** Requests for encryption (PostgreSQL manual, Message Formats): SSLRequest and GSSENCRequest. */
const encryption = new Set([80_877_103, 80_877_104])

/** Where the messages of one connection end. */
class Framing {
  #typed = false
  #answered = true

  /** Length of the message that the bytes begin with; 0 when it is not whole yet. */
  next(direction: Direction, bytes: Buffer): number {
    if (direction === 'toClient' && !this.#answered) return this.#answer(bytes)
    const untyped = direction === 'toServer' && !this.#typed
    const head = untyped ? 0 : 1
    if (bytes.length < head + 4) return 0
    const size = head + bytes.readInt32BE(head)
    if (bytes.length < size) return 0
    // The startup message has no type byte; before it the client may ask for encryption.
    if (untyped) this.#typed = this.#answered = !encryption.has(bytes.readInt32BE(4))
    return size
  }

  /** A request for encryption is answered by one bare byte. */
  #answer(bytes: Buffer): number {
    if (bytes.length === 0) return 0
    if (bytes[0] !== 'N'.charCodeAt(0)) throw new Error('this proxy cannot read what is encrypted')
    this.#answered = true
    return 1
  }
}
