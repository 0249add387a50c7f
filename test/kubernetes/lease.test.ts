import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { KubeConfig } from '@kubernetes/client-node'
import fc from 'fast-check'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { Clients } from '../../src/kubernetes/clients.ts'
import { Candidate, takePart } from '../../src/kubernetes/election.ts'
import { leaseStore } from '../../src/kubernetes/lease.ts'
import { MemoryLease } from './memory-lease.ts'

/** Candidates on one Lease, each with a clock that began at another time. */
function world() {
  const lease = new MemoryLease()
  const clock = { now: 0 }
  const [a, b] = ['a', 'b'].map((name, i) => new Candidate(lease, name, () => clock.now + i * 1_000_000))
  if (a === undefined || b === undefined) throw new Error('two candidates')
  return { lease, clock, a, b, held: () => [a.held(), b.held()] }
}

describe('a Lease', () => {
  test('goes to the first who asks, and stays while it is renewed', async () => {
    const { clock, a, b, held } = world()
    for (let i = 0; i < 50; i++) {
      await a.attempt()
      await b.attempt()
      expect(held()).toEqual([true, false])
      clock.now += 2_000
    }
  })

  test('goes to one of two who ask at once', async () => {
    const { a, b, held } = world()
    await Promise.all([a.attempt(), b.attempt()])
    expect(held().filter(Boolean)).toHaveLength(1)
  })

  test('goes over when its holder is silent for ten seconds, and its holder has stopped before', async () => {
    const { clock, a, b, held } = world()
    await a.attempt()
    await b.attempt()
    clock.now += 7_999
    await b.attempt()
    expect(held()).toEqual([true, false])
    clock.now += 1
    expect(held()).toEqual([false, false])
    clock.now += 1_999
    await b.attempt()
    expect(held()).toEqual([false, false])
    clock.now += 1
    await b.attempt()
    expect(held()).toEqual([false, true])
    await a.attempt()
    expect(held()).toEqual([false, true])
  })

  test('goes over at once when it is given back', async () => {
    const { a, b, held } = world()
    await a.attempt()
    await b.attempt()
    await a.giveBack()
    await b.attempt()
    expect(held()).toEqual([false, true])
  })

  test('is not given back by one who does not hold it', async () => {
    const { lease, a, b } = world()
    await a.attempt()
    await b.giveBack()
    expect(lease.record.holder).toBe('a')
  })

  test('is nobody’s while the API server is away, and its old holder’s again when it was not away for long', async () => {
    const { lease, clock, a, b, held } = world()
    await a.attempt()
    await b.attempt()
    lease.down = true
    clock.now += 8_000
    await expect(a.attempt()).rejects.toThrow('away')
    expect(held()).toEqual([false, false])
    lease.down = false
    await b.attempt()
    await a.attempt()
    expect(held()).toEqual([true, false])
  })

  test('is never held by two, whatever they do when', async () => {
    const event = fc.record({ who: fc.nat(1), ms: fc.nat(6_000), gives: fc.boolean() })
    await fc.assert(
      fc.asyncProperty(fc.array(event, { maxLength: 60 }), async (events) => {
        const { clock, a, b, held } = world()
        for (const { who, ms, gives } of events) {
          clock.now += ms
          expect(held()).not.toEqual([true, true])
          const one = who === 0 ? a : b
          if (gives && ms % 7 === 0) await one.giveBack()
          else await one.attempt()
          expect(held()).not.toEqual([true, true])
        }
      }),
    )
  })
})

test('an election says when it takes and loses the Lease, why it cannot keep it, and gives it back at its end', async () => {
  const lease = new MemoryLease()
  const heard: string[] = []
  const took = Promise.withResolvers<void>()
  const election = takePart({
    candidate: new Candidate(lease, 'a', () => performance.now()),
    changed: (held) => {
      heard.push(held ? 'held' : 'lost')
      took.resolve()
    },
    failed: (reason) => heard.push(reason),
  })
  await took.promise
  expect(election.held()).toBe(true)
  await election.stop()
  expect([heard, lease.record.holder, election.held()]).toEqual([['held', 'lost'], '', false])

  lease.down = true
  const messages: string[] = []
  const failed = Promise.withResolvers<string>()
  const other = takePart({
    candidate: new Candidate(lease, 'b', () => performance.now()),
    changed: () => failed.reject(new Error('held')),
    failed: (message) => {
      messages.push(message)
      failed.resolve(message)
    },
  })
  expect(await failed.promise).toBe(
    'the Lease cannot be kept: the API server is away; nobody renews certificates until it can',
  )
  await other.stop()
  expect(messages.at(-1)).toBe(
    'the Lease could not be given back: the API server is away; another replica takes it in 10 s',
  )
})

describe('in the API server', () => {
  /** As much of an API server as one Lease needs. */
  async function apiServer() {
    const state: { lease: Record<string, unknown> | undefined; bodies: string[] } = { lease: undefined, bodies: [] }
    const answer = async (request: IncomingMessage, response: ServerResponse) => {
      let text = ''
      for await (const chunk of request) text += chunk
      if (text !== '') {
        state.bodies.push(text)
        state.lease = JSON.parse(text) as Record<string, unknown>
      }
      response.writeHead(state.lease === undefined ? 404 : 200, { 'Content-Type': 'application/json' })
      response.end(JSON.stringify(state.lease ?? { kind: 'Status', code: 404 }))
    }
    const server = createServer((request, response) => void answer(request, response))
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => void server.close())
    const kubeConfig = new KubeConfig()
    const cluster = {
      name: 'c',
      skipTLSVerify: true,
      server: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    }
    kubeConfig.loadFromOptions({
      clusters: [cluster],
      users: [{ name: 'u' }],
      contexts: [{ name: 'x', cluster: 'c', user: 'u' }],
      currentContext: 'x',
    })
    return { state, store: leaseStore({ kubeConfig } as Clients, 'lockkeeper', 'lockkeeper') }
  }

  test('a Lease that is not there is created, with times in microseconds, since Go reads no others', async () => {
    const { state, store } = await apiServer()
    const { record, write } = await store.read()
    expect(record.holder).toBe('')
    expect(await write('a', 10)).toBe(true)
    expect(state.lease).toMatchObject({
      metadata: { name: 'lockkeeper' },
      spec: { holderIdentity: 'a', leaseDurationSeconds: 10, leaseTransitions: 1 },
    })
    expect(state.bodies[0]).toMatch(/"renewTime":"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z"/)
  })

  test('one that the chart ships empty is taken; a renewal keeps when it was acquired, a change of holder counts', async () => {
    const { state, store } = await apiServer()
    state.lease = { metadata: { name: 'lockkeeper', resourceVersion: '7', labels: { a: 'b' } } }
    await (await store.read()).write('a', 10)
    const first = state.lease as { spec: Record<string, unknown> }
    await (await store.read()).write('a', 10)
    expect(state.lease).toMatchObject({
      metadata: { resourceVersion: '7', labels: { a: 'b' } },
      spec: { holderIdentity: 'a', acquireTime: first.spec.acquireTime, leaseTransitions: 1 },
    })
    await (await store.read()).write('', 10)
    expect((await store.read()).record.holder).toBe('')
    await (await store.read()).write('b', 10)
    expect(state.lease).toMatchObject({ spec: { holderIdentity: 'b', leaseTransitions: 2 } })
  })
})
