import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Server } from 'node:https'
import type { Socket } from 'node:net'

interface Connection {
  readonly socket: Socket
  readonly address: string
  /** Had an answer: somebody who asks, and goes on asking. */
  known: boolean
  /** Requests that are under way. */
  asking: number
}

/**
 * At most so many connections. Where another one comes, one is closed of the address that has most of them: the oldest
 * that never had an answer, else the one that is idle for longest. So those who open many make room for those who ask.
 */
export function boundConnections(server: Server, most: number): void {
  /** By their address and port, those used last behind. */
  const open = new Map<string, Connection>()
  server.on('connection', (socket: Socket) => {
    const key = keyOf(socket)
    open.set(key, { socket, address: socket.remoteAddress ?? '', known: false, asking: 0 })
    socket.once('close', () => open.delete(key))
    if (open.size > most) victimOf(open)?.socket.destroy()
  })
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    const key = keyOf(request.socket)
    const own = open.get(key)
    if (own === undefined) return
    own.asking++
    response.once('finish', () => {
      own.known = true
    })
    response.once('close', () => {
      own.asking--
      if (open.delete(key) && !own.socket.destroyed) open.set(key, own)
    })
  })
}

const keyOf = ({ remoteAddress, remotePort }: Socket) => `${remoteAddress} ${remotePort}`

function victimOf(open: ReadonlyMap<string, Connection>): Connection | undefined {
  const connections = [...open.values()].slice(0, -1)
  const byAddress = Map.groupBy(connections, ({ address }) => address)
  const [own = []] = [...byAddress.values()].sort((a, b) => b.length - a.length)
  return own.find(({ known }) => !known) ?? own.find(({ asking }) => asking === 0)
}
