import { get } from 'node:https'
import type { AddressInfo } from 'node:net'
import express from 'express'
import { expect, test } from 'vitest'
import { issueBundle } from '../../certs/issue.ts'
import { createMetrics } from '../../src/webhook/metrics.ts'
import { serve, serveMetrics } from '../../src/webhook/server.ts'

const names = ['lockkeeper.lockkeeper.svc']
const issue = () => issueBundle({ names, now: new Date() })

interface Answer {
  readonly text: string
  readonly connection: string | undefined
  readonly protocol: string | null
}

/** A request that trusts one CA only, as the API server does. */
const ask = (port: number, ca: string, path = '/', options = {}): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const request = get(
      { host: '127.0.0.1', port, path, ca, servername: names[0], agent: false, ...options },
      (response) => {
        let text = ''
        const protocol =
          'getProtocol' in response.socket ? (response.socket as { getProtocol(): string | null }).getProtocol() : null
        response.setEncoding('utf8').on('data', (chunk: string) => {
          text += chunk
        })
        response.on('end', () => resolve({ text, connection: response.headers.connection, protocol }))
      },
    )
    request.once('error', reject)
  })

const app = () => {
  const made = express()
  made.get('/slow', (_, response) => void setTimeout(() => response.send('late but whole'), 400))
  made.get('/', (_, response) => void response.send('ok'))
  return made
}

test('a reloaded certificate is served from the next handshake on; one that is none leaves the old', async () => {
  const [first, second] = [await issue(), await issue()]
  const server = await serve(app(), 0, first, { host: '127.0.0.1' })
  expect((await ask(server.port, first.ca)).text).toBe('ok')
  server.reload(second)
  expect((await ask(server.port, second.ca)).text).toBe('ok')
  await expect(ask(server.port, first.ca)).rejects.toThrow()
  expect(() => server.reload({ cert: 'nonsense', key: second.key })).toThrow()
  expect(() => server.reload({ cert: second.cert, key: first.key })).toThrow()
  expect((await ask(server.port, second.ca)).text).toBe('ok')
  await server.drain(0)
})

test('TLS below 1.2 is refused', async () => {
  const bundle = await issue()
  const server = await serve(app(), 0, bundle, { host: '127.0.0.1' })
  await expect(ask(server.port, bundle.ca, '/', { minVersion: 'TLSv1', maxVersion: 'TLSv1.1' })).rejects.toThrow()
  expect((await ask(server.port, bundle.ca)).protocol).toMatch(/TLSv1\.[23]/)
  await server.drain(0)
})

test('a drain answers on, asks clients to close, and waits for what is under way', async () => {
  const bundle = await issue()
  const server = await serve(app(), 0, bundle, { host: '127.0.0.1' })
  const slow = ask(server.port, bundle.ca, '/slow')
  await new Promise((resolve) => setTimeout(resolve, 100))
  const drained = server.drain(150)
  expect((await ask(server.port, bundle.ca)).connection).toBe('close')
  expect((await slow).text).toBe('late but whole')
  await drained
  await expect(ask(server.port, bundle.ca)).rejects.toThrow(/ECONNREFUSED/)
})

test('the metrics say who renews certificates, and until when the served one is valid', async () => {
  const metrics = createMetrics()
  const server = await serveMetrics(metrics, 0, '127.0.0.1')
  const read = async () => (await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}/metrics`)).text()
  expect(await read()).toContain('\nlockkeeper_leader 0\n')
  metrics.leads(true)
  metrics.certificateExpires(new Date('2026-01-31T00:00:00Z'))
  const text = await read()
  expect(text).toContain('\nlockkeeper_leader 1\n')
  expect(text).toContain('\nlockkeeper_certificate_expiry_timestamp_seconds 1769817600\n')
  metrics.leads(false)
  expect(await read()).toContain('\nlockkeeper_leader 0\n')
  server.close()
})
