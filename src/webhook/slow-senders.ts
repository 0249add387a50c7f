import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Server } from 'node:https'
import type { TLSSocket } from 'node:tls'

export interface Patience {
  /** For the rest of the headers, once something of a request came. Milliseconds, as the next. */
  readonly headersMs: number
  /** For the rest of the body, once the headers came. */
  readonly requestMs: number
}

interface Watched {
  readonly socket: TLSSocket
  /** The request that is under way. */
  request: IncomingMessage | undefined
  /** Bytes that belong to requests of before. */
  read: number
  /** When the request, or what there is of its headers, began. */
  since: number | undefined
}

/**
 * Ends connections that send half of a request and then wait. Node's own headersTimeout and requestTimeout would also end
 * one on which nothing came yet: an API server keeps such connections, since Go's transport opens one for each request
 * that waits and then uses the first that is free, and a review on a connection that was closed before its first use
 * fails (`shouldRetryRequest` in net/http/transport.go).
 */
export function endSlowSenders(server: Server, patience: Patience): void {
  const open = new Map<unknown, Watched>()
  server.on('secureConnection', (socket: TLSSocket) => {
    open.set(socket, { socket, request: undefined, read: 0, since: undefined })
    socket.once('close', () => open.delete(socket))
  })
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    const own = open.get(request.socket)
    if (own === undefined) return
    Object.assign(own, { request, since: Date.now() })
    response.once('close', () =>
      Object.assign(own, { request: undefined, since: undefined, read: own.socket.bytesRead }),
    )
  })
  const sweep = () => {
    const now = Date.now()
    for (const own of open.values()) if (isLate(own, now, patience)) timeOut(own.socket)
  }
  const timer = setInterval(sweep, Math.min(1000, patience.headersMs, patience.requestMs)).unref()
  server.once('close', () => clearInterval(timer))
}

function isLate(own: Watched, now: number, { headersMs, requestMs }: Patience): boolean {
  if (own.request !== undefined) return !own.request.complete && now - (own.since ?? now) >= requestMs
  if (own.socket.bytesRead > own.read) own.since ??= now
  return own.since !== undefined && now - own.since >= headersMs
}

function timeOut(socket: TLSSocket): void {
  if (socket.writable) socket.end('HTTP/1.1 408 Request Timeout\r\nConnection: close\r\n\r\n')
  socket.destroySoon()
}
