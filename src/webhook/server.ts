import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { createSecureContext } from 'node:tls'
import express, { type Express } from 'express'
import type { Metrics } from './metrics.ts'

/** A serving certificate, PEM. */
export interface Pair {
  readonly cert: string
  readonly key: string
}

export interface RunningServer {
  readonly port: number
  /** Serves another certificate from the next handshake on; throws, and keeps the old one, when it is none. */
  reload(pair: Pair): void
  /** Answers on for a while, then closes what is idle and waits for the rest. */
  drain(ms: number): Promise<void>
}

/** The API server keeps idle connections for 90 s; ours must outlast that, or it meets a closed one. */
const KEEP_ALIVE = 120_000

/** HTTPS on TLS 1.2 and above. */
export async function serve(app: Express, port: number, pair: Pair, host = '0.0.0.0'): Promise<RunningServer> {
  const server = createTlsServer({ ...pair, minVersion: 'TLSv1.2' })
  server.keepAliveTimeout = KEEP_ALIVE
  server.headersTimeout = KEEP_ALIVE + 5_000
  const state = { draining: false }
  server.on('request', (request, response) => {
    if (state.draining) response.setHeader('Connection', 'close')
    app(request, response)
  })
  server.listen(port, host)
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    reload: (fresh) => {
      createSecureContext({ ...fresh, minVersion: 'TLSv1.2' })
      server.setSecureContext({ ...fresh, minVersion: 'TLSv1.2' })
    },
    drain: async (ms) => {
      state.draining = true
      await sleep(ms)
      const closed = once(server, 'close')
      server.close()
      server.closeIdleConnections()
      await closed
    },
  }
}

/** `/metrics` on a port of its own, in plain HTTP. */
export async function serveMetrics(metrics: Metrics, port: number, host = '0.0.0.0'): Promise<Server> {
  const app = express()
  app.disable('x-powered-by')
  app.get('/metrics', async (_, response) => {
    response.type(metrics.registry.contentType).send(await metrics.registry.metrics())
  })
  const server = createServer(app)
  server.listen(port, host)
  await once(server, 'listening')
  return server
}
