import { once } from 'node:events'
import { Agent, type RequestOptions, request } from 'node:https'
import { connect as connectTcp, type Socket } from 'node:net'
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls'
import { gzipSync } from 'node:zlib'
import { afterEach, expect, test, vi } from 'vitest'
import { type Bundle, issueBundle } from '../../certs/issue.ts'
import { createApp } from '../../src/webhook/app.ts'
import { createMetrics } from '../../src/webhook/metrics.ts'
import { type RunningServer, type ServeOptions, serve } from '../../src/webhook/server.ts'
import { deployment, shop, source } from '../tools/admission.ts'
import { release } from '../tools/example-files.ts'

const bundle: Bundle = await issueBundle({ names: ['localhost'], now: new Date() })
const closing: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closing.splice(0)) await close()
})

async function webhook(
  limits: ServeOptions['limits'] = {},
  more: Omit<ServeOptions, 'limits'> = {},
): Promise<RunningServer> {
  const app = createApp({
    namespace: async () => shop(),
    source: async () => source(release(2)),
    secretKeys: async () => 'unknown',
    cluster: 'c',
    runnerImage: 'runner:1',
    imagePullPolicy: 'IfNotPresent',
    now: () => 1000,
    unready: () => undefined,
    log: () => undefined,
    metrics: createMetrics(),
  })
  const server = await serve(app, 0, bundle, { host: '127.0.0.1', limits, ...more })
  closing.push(() => server.drain(0))
  return server
}

const review = Buffer.from(
  JSON.stringify({
    apiVersion: 'admission.k8s.io/v1',
    kind: 'AdmissionReview',
    request: {
      uid: 'abc',
      operation: 'CREATE',
      kind: { group: 'apps', version: 'v1', kind: 'Deployment' },
      namespace: 'shop',
      name: 'orders',
      object: deployment(),
      oldObject: null,
    },
  }),
)

/** A review from another place than those who attack; its status. */
const ask = (port: number, body: Buffer = review, options: RequestOptions = {}): Promise<number | undefined> =>
  new Promise((resolve, reject) => {
    const headers = { 'Content-Type': 'application/json', 'Content-Length': body.length, ...options.headers }
    const sent = request(
      {
        host: '127.0.0.1',
        port,
        path: '/mutate',
        method: 'POST',
        ca: bundle.ca,
        servername: 'localhost',
        agent: false,
        ...options,
        headers,
      },
      (response) => {
        response.resume()
        response.once('end', () => resolve(response.statusCode))
      },
    )
    sent.once('error', reject)
    sent.end(body)
  })

/** Connections that are ended when the test is over. */
async function open(port: number, count: number): Promise<TLSSocket[]> {
  const sockets = Array.from({ length: count }, () =>
    connect({ host: '127.0.0.1', port, ca: bundle.ca, servername: 'localhost' }),
  )
  for (const socket of sockets) socket.on('error', () => undefined)
  closing.unshift(() => sockets.map((socket) => socket.destroy()))
  await Promise.all(sockets.map((socket) => once(socket, 'secureConnect')))
  return sockets
}

const ended = (socket: Socket) => (socket.closed ? Promise.resolve() : once(socket.resume(), 'close'))
const headersOf = (length: number) =>
  `POST /mutate HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${length}\r\n\r\n`

test.each([
  ['gzip', gzipSync(Buffer.alloc(6 * 1024 * 1024, 0x20))],
  ['deflate', Buffer.from('x')],
  ['br', Buffer.from('x')],
  ['gzip, identity', gzipSync(review)],
])('a body in %s is refused with 415, and nothing is inflated', async (encoding, body) => {
  const { port } = await webhook()
  expect(await ask(port, body, { headers: { 'Content-Encoding': encoding } })).toBe(415)
  expect(await ask(port, review, { headers: { 'Content-Encoding': 'identity' } })).toBe(200)
})

test('bodies that are announced and do not come take no room from others', async () => {
  const { port } = await webhook()
  const sockets = await open(port, 60)
  for (const socket of sockets) socket.write(`${headersOf(6 * 1024 * 1024)}{`)
  await new Promise((resolve) => setTimeout(resolve, 50))
  expect(await ask(port)).toBe(200)
})

test('bodies that come slowly, many and large, make room for a small one that is whole', async () => {
  const { port } = await webhook()
  const sockets = await open(port, 8)
  const answers = sockets.map((socket) => once(socket, 'data').then(([data]) => String(data)))
  for (const socket of sockets) socket.write(headersOf(6 * 1024 * 1024))
  for (const socket of sockets) socket.write(Buffer.alloc(5 * 1024 * 1024, 0x20))
  expect(await Promise.race(answers)).toMatch(/^HTTP\/1\.1 503 /)
  expect(await ask(port)).toBe(200)
})

test('a body that does not come in time is answered with 408, and its connection is closed', async () => {
  const { port } = await webhook({ requestMs: 200, headersMs: 100 })
  const [socket] = (await open(port, 1)) as [TLSSocket]
  socket.write(`${headersOf(1000)}{`)
  const [answer] = await once(socket, 'data')
  expect(String(answer)).toMatch(/^HTTP\/1\.1 408 /)
  await ended(socket)
})

test('a connection without a handshake, or with half of the headers, is closed', async () => {
  const { port } = await webhook({ handshakeMs: 100, headersMs: 100 })
  const silent = connectTcp({ host: '127.0.0.1', port })
  const [half] = (await open(port, 1)) as [TLSSocket]
  half.write('POST /mutate HTTP/1.1\r\nHost: x\r\n')
  await Promise.all([silent, half].map(ended))
  expect(await ask(port)).toBe(200)
})

test('a connection that never asked is closed as late as one that is idle', async () => {
  const { port } = await webhook({ keepAliveMs: 300 })
  const [idle] = (await open(port, 1)) as [TLSSocket]
  await ended(idle)
})

test('a connection that was opened ahead is there when it is used, as API servers expect', async () => {
  const { port } = await webhook({ handshakeMs: 100, headersMs: 100, requestMs: 100 })
  const [socket] = (await open(port, 1)) as [TLSSocket]
  await new Promise((resolve) => setTimeout(resolve, 1300))
  socket.write(Buffer.concat([Buffer.from(headersOf(review.length)), review]))
  const [answer] = await once(socket, 'data')
  expect(String(answer)).toMatch(/^HTTP\/1\.1 200 /)
})

test('where there are too many connections, those that never asked make room for those that do', async () => {
  const { port } = await webhook({ connections: 20 })
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  closing.unshift(() => agent.destroy())
  expect(await ask(port, review, { agent })).toBe(200)
  const [kept] = Object.values(agent.freeSockets).flat() as [TLSSocket]
  const sockets = await open(port, 60)
  await new Promise((resolve) => setTimeout(resolve, 50))
  expect(sockets.filter(({ closed }) => !closed).length).toBeLessThanOrEqual(20)
  expect(await ask(port, review, { agent })).toBe(200)
  expect(kept.destroyed).toBe(false)
  expect(await ask(port)).toBe(200)
})

/** Connections of another address, as soon as the server has all of them; those whose handshake is done, and those that are closed. */
async function crowd(port: number, count: number) {
  const done = new Set<TLSSocket>()
  const sockets = Array.from({ length: count }, () => {
    const where = { host: '127.0.0.1', port, localAddress: '127.0.0.2', ca: bundle.ca, servername: 'localhost' }
    const socket = connect(where as ConnectionOptions)
    socket.on('error', () => undefined).once('secureConnect', () => done.add(socket))
    return socket
  })
  closing.unshift(() => sockets.map((socket) => socket.destroy()))
  return { sockets, done }
}

test('an address that opens many connections gets so many handshakes at once, some wait, and the rest are closed', async () => {
  const { port } = await webhook({ handshakesAtOnce: 5, handshakesPerSecond: 0.001, waitingHandshakes: 7 })
  const { sockets, done } = await crowd(port, 30)
  await vi.waitFor(() => {
    expect(sockets.filter(({ closed }) => closed)).toHaveLength(30 - 5 - 7)
    expect(done.size).toBe(5)
  })
  // Another address is asked on, over new connections and over one that is kept.
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  closing.unshift(() => agent.destroy())
  for (let i = 0; i < 4; i++) expect(await ask(port)).toBe(200)
  for (let i = 0; i < 10; i++) expect(await ask(port, review, { agent })).toBe(200)
  expect(done.size).toBe(5)
  // Its own that are through go on too.
  const [through] = done
  through?.write(`${headersOf(review.length)}${review}`)
  expect(String((await once(through as TLSSocket, 'data'))[0])).toMatch(/^HTTP\/1\.1 200 /)
})

test('connections that wait for their handshake have it in their turn, and lose nothing; those that go make room', async () => {
  const { port } = await webhook({ handshakesAtOnce: 2, handshakesPerSecond: 200, waitingHandshakes: 20 })
  const gone = Array.from({ length: 10 }, () => connectTcp({ host: '127.0.0.1', port }))
  for (const socket of gone) socket.once('connect', () => socket.resetAndDestroy())
  await Promise.all(gone.map(ended))
  const { sockets, done } = await crowd(port, 20)
  await vi.waitFor(() => expect(done.size).toBe(20))
  const answers = sockets.map((socket) => once(socket, 'data').then(([data]) => String(data).slice(0, 12)))
  for (const socket of sockets) socket.write(`${headersOf(review.length)}${review}`)
  expect(new Set(await Promise.all(answers))).toEqual(new Set(['HTTP/1.1 200']))
})

test('an address may begin as many at once again after a while', async () => {
  const { port } = await webhook({ handshakesAtOnce: 3, handshakesPerSecond: 200, waitingHandshakes: 0 })
  for (let round = 0; round < 3; round++) {
    await vi.waitFor(async () => {
      const { sockets, done } = await crowd(port, 3)
      await vi.waitFor(() => expect(done.size + sockets.filter(({ closed }) => closed).length).toBe(3))
      expect(done.size).toBe(3)
    })
  }
})

test('a body of nothing but brackets is refused before it is parsed', async () => {
  const { port } = await webhook()
  expect(await ask(port, Buffer.from(`[${'[],'.repeat(700_000)}0]`))).toBe(413)
  expect(await ask(port, Buffer.from(`{"x":"${'[],'.repeat(700_000)}"}`))).toBe(400)
})

test.each([
  ['without forward secrecy', { ciphers: 'AES256-GCM-SHA384', maxVersion: 'TLSv1.2' }],
  ['without AEAD', { ciphers: 'ECDHE-RSA-AES256-SHA384', maxVersion: 'TLSv1.2' }],
  ['of static Diffie-Hellman', { ciphers: 'DHE-RSA-AES128-SHA', maxVersion: 'TLSv1.2' }],
] as const)('TLS 1.2 %s is refused', async (_, tls) => {
  const { port } = await webhook()
  await expect(ask(port, review, tls)).rejects.toThrow(/handshake|EPROTO|alert/i)
  expect(await ask(port, review, { ciphers: 'ECDHE-RSA-AES128-GCM-SHA256', maxVersion: 'TLSv1.2' })).toBe(200)
})
