import { once } from 'node:events'
import { type ClientRequest, createServer, request, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import express from 'express'
import { afterEach, expect, test } from 'vitest'
import { hurried, inTurn, type RoomOptions, waitedMs } from '../../src/webhook/in-turn.ts'
import { readBody } from '../../src/webhook/read-body.ts'

const KB = 1024
const FOREVER = 3_600_000
const closing: (() => void)[] = []
afterEach(() => {
  for (const close of closing.splice(0)) close()
})

/** A server whose reviews are answered when the test says so. */
async function room(options: RoomOptions) {
  const answers = new Map<string, () => void>()
  const waited = new Map<string, number>()
  const told: string[] = []
  const changed = new EventTarget()
  const app = express()
  app.post('/:name', readBody(), inTurn(options), ({ params }, response) => {
    const name = String(params.name)
    void hurried(response).then(() => told.push(name))
    waited.set(name, waitedMs(response))
    answers.set(name, () => response.send('ok'))
    changed.dispatchEvent(new Event('in'))
  })
  const server = createServer(app).listen(0, '127.0.0.1')
  closing.push(
    () => server.closeAllConnections(),
    () => server.close(),
  )
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    waited,
    told,
    inside: () => [...answers.keys()],
    entered: async (name: string) => {
      while (!answers.has(name)) await once(changed as never, 'in')
    },
    answer: (name: string) => answers.get(name)?.(),
    /** Resolves when the server has seen the request's headers. */
    send: async (name: string, kilobytes: number): Promise<{ sent: ClientRequest; closed: Promise<unknown> }> => {
      const seen = once(server, 'request')
      const sent = request({ host: '127.0.0.1', port, path: `/${name}`, method: 'POST', agent: false })
      sent.on('error', () => undefined)
      sent.end(Buffer.alloc(kilobytes * KB))
      const [, response] = (await seen) as [unknown, ServerResponse]
      return { sent, closed: once(response, 'close') }
    },
  }
}

test('what fits is let in at once, and the rest in its order when there is room again', async () => {
  const { send, entered, inside, answer, waited } = await room({ bytes: 100 * KB, forMs: FOREVER })
  await send('first', 60)
  await send('small', 40)
  await entered('small')
  await send('large', 70)
  const came = performance.now()
  await send('late', 10)
  expect(inside()).toEqual(['first', 'small'])
  answer('small')
  await send('probe', 1)
  expect(inside()).toEqual(['first', 'small'])
  const waits = Math.floor(performance.now() - came)
  answer('first')
  await entered('probe')
  expect(inside()).toEqual(['first', 'small', 'large', 'late', 'probe'])
  expect(waited.get('large')).toBeGreaterThanOrEqual(waits)
})

test('one larger than all is let in alone', async () => {
  const { send, entered, inside, answer } = await room({ bytes: 100 * KB, forMs: FOREVER })
  await send('first', 1)
  await entered('first')
  await send('huge', 900)
  expect(inside()).toEqual(['first'])
  answer('first')
  await entered('huge')
  await send('after', 1)
  expect(inside()).toEqual(['first', 'huge'])
  answer('huge')
  await entered('after')
})

test('one whose asker has gone while it waited takes no room', async () => {
  const { send, entered, inside, answer } = await room({ bytes: 100 * KB, forMs: FOREVER })
  await send('first', 100)
  await entered('first')
  const gone = await send('gone', 10)
  await send('next', 100)
  gone.sent.destroy()
  await gone.closed
  answer('first')
  await entered('next')
  expect(inside()).toEqual(['first', 'next'])
})

test('one that takes long gives its room to others and is answered all the same', async () => {
  const { send, entered, answer } = await room({ bytes: 100 * KB, forMs: 20 })
  const { sent } = await send('slow', 100)
  await entered('slow')
  await send('next', 100)
  await entered('next')
  const answered = once(sent, 'response')
  answer('slow')
  const [{ statusCode }] = await answered
  expect(statusCode).toBe(200)
})

test('of those that wait for their source too many at once are told to hurry: the largest, and of many the eldest', async () => {
  const { send, entered, told } = await room({ bytes: 1024 * KB, forMs: 1, waitingBytes: 100 * KB, waitingReviews: 3 })
  const goOn = async (name: string, kilobytes: number) => {
    await send(name, kilobytes)
    await entered(name)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  await goOn('small', 10)
  await goOn('large', 80)
  expect(told).toEqual([])
  await goOn('middle', 30)
  expect(told).toEqual(['large'])
  await goOn('third', 1)
  await goOn('fourth', 1)
  expect(told).toEqual(['large', 'small'])
})
