import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { createSecureContext } from 'node:tls'
import express, { type Express } from 'express'
import { LIMITS } from '../limits.ts'
import { boundConnections } from './connections.ts'
import { paceHandshakes } from './handshakes.ts'
import type { Metrics } from './metrics.ts'
import { endSlowSenders } from './slow-senders.ts'

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

/** Of TLS 1.2 only what keeps a recorded session secret when the key is lost (ECDHE), and only AEAD. */
const CIPHERS = [
  'TLS_AES_256_GCM_SHA384',
  'TLS_CHACHA20_POLY1305_SHA256',
  'TLS_AES_128_GCM_SHA256',
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-CHACHA20-POLY1305',
  'ECDHE-RSA-CHACHA20-POLY1305',
].join(':')

type Bound =
  | 'connections'
  | 'handshakesAtOnce'
  | 'handshakesPerSecond'
  | 'waitingHandshakes'
  | 'handshakeMs'
  | 'headersMs'
  | 'requestMs'
  | 'keepAliveMs'

export interface ServeOptions {
  readonly host?: string
  /** CA (PEM) that issues the certificates with which clients may show who they are; whether they must, the app says. */
  readonly clientCa?: string | undefined
  /** Bounds that a test makes smaller. */
  readonly limits?: Partial<Record<Bound, number>>
}

/** HTTPS on TLS 1.2 and above. */
export async function serve(
  app: Express,
  port: number,
  pair: Pair,
  { host = '0.0.0.0', clientCa, limits = {} }: ServeOptions = {},
): Promise<RunningServer> {
  const most = (name: keyof typeof limits) => limits[name] ?? LIMITS[name].value
  const context = (fresh: Pair) =>
    ({ ...fresh, minVersion: 'TLSv1.2', ciphers: CIPHERS, ...(clientCa !== undefined && { ca: clientCa }) }) as const
  const server = createTlsServer({
    ...context(pair),
    ...(clientCa !== undefined && { requestCert: true, rejectUnauthorized: false }),
    handshakeTimeout: most('handshakeMs'),
    // Of a connection on which nothing came yet; the others are ended below.
    headersTimeout: most('keepAliveMs'),
    requestTimeout: most('keepAliveMs'),
    connectionsCheckingInterval: Math.min(1_000, most('keepAliveMs')),
    keepAliveTimeout: most('keepAliveMs'),
  })
  endSlowSenders(server, { headersMs: most('headersMs'), requestMs: most('requestMs') })
  boundConnections(server, most('connections'))
  const endWaiting = paceHandshakes(server, {
    atOnce: most('handshakesAtOnce'),
    perSecond: most('handshakesPerSecond'),
    waiting: most('waitingHandshakes'),
  })
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
      createSecureContext(context(fresh))
      server.setSecureContext(context(fresh))
    },
    drain: async (ms) => {
      state.draining = true
      await sleep(ms)
      const closed = once(server, 'close')
      server.close()
      endWaiting()
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
  const { headersMs, requestMs } = LIMITS
  const server = createServer(
    { headersTimeout: headersMs.value, requestTimeout: requestMs.value, connectionsCheckingInterval: 1_000 },
    app,
  )
  server.maxConnections = LIMITS.metricsConnections.value
  server.listen(port, host)
  await once(server, 'listening')
  return server
}
