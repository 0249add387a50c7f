import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { KubeConfig } from '@kubernetes/client-node'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { Clients } from '../../src/kubernetes/clients.ts'
import { watchObject } from '../../src/kubernetes/doorbell.ts'
import { startRounds } from '../../src/kubernetes/rounds.ts'
import { until } from './replicas.ts'

/** As much of an API server as one watch needs. */
async function apiServer() {
  const state = { status: 200, asked: [] as string[], open: [] as ServerResponse[] }
  const server = createServer((request, response) => {
    state.asked.push(request.url ?? '')
    if (state.status !== 200) return void response.writeHead(state.status).end()
    response.writeHead(200, { 'Content-Type': 'application/json' }).flushHeaders()
    state.open.push(response)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  const kubeConfig = new KubeConfig()
  const { port } = server.address() as AddressInfo
  kubeConfig.loadFromOptions({
    clusters: [{ name: 'c', skipTLSVerify: true, server: `http://127.0.0.1:${port}` }],
    users: [{ name: 'u' }],
    contexts: [{ name: 'x', cluster: 'c', user: 'u' }],
    currentContext: 'x',
  })
  const heard = { rings: 0, deaf: [] as string[] }
  const bell = watchObject({ kubeConfig } as Clients, {
    path: '/api/v1/namespaces/lockkeeper/secrets',
    name: 'lockkeeper-tls',
    ring: () => heard.rings++,
    deaf: (reason) => heard.deaf.push(reason),
  })
  onTestFinished(() => bell.stop())
  return { state, bell, heard }
}

describe('a doorbell', () => {
  test('watches one object by name, and rings for every change', async () => {
    const { state, bell, heard } = await apiServer()
    await until('it to listen', () => bell.connected())
    expect(state.asked).toEqual([
      '/api/v1/namespaces/lockkeeper/secrets?watch=true&fieldSelector=metadata.name%3Dlockkeeper-tls',
    ])
    const before = heard.rings
    state.open[0]?.write('{"type":"MODIFIED","object":{}}\n{"type":"DELETED","object":{}}\n')
    await until('two rings', () => heard.rings === before + 2)
  })

  test('says that it is deaf while it is, once, and rings when it hears again, since something may have happened', async () => {
    const { state, bell, heard } = await apiServer()
    await until('it to listen', () => bell.connected())
    state.status = 403
    state.open[0]?.end()
    await until('it to be refused twice', () => state.asked.length === 3)
    expect(bell.connected()).toBe(false)
    await until('it to say so', () => heard.deaf.length === 1)
    const before = heard.rings
    state.status = 200
    await until('it to listen again', () => bell.connected())
    expect(heard.rings).toBeGreaterThan(before)
    expect(heard.deaf).toEqual(['Forbidden'])
  })
})

describe('rounds', () => {
  test('begin at once, come when they are rung for, and one after the other', async () => {
    const state = { count: 0, running: 0 }
    const release = Promise.withResolvers<void>()
    const rounds = startRounds({
      round: async () => {
        state.count++
        state.running++
        expect(state.running).toBe(1)
        if (state.count === 1) await release.promise
        state.running--
        return 3_600_000
      },
      again: 3_600_000,
      failed: (reason) => expect.fail(reason),
    })
    for (let i = 0; i < 5; i++) rounds.ring()
    release.resolve()
    await until('the second round', () => state.count === 2)
    rounds.ring()
    await until('the third round', () => state.count === 3)
    await rounds.stop()
    rounds.ring()
    expect(state.count).toBe(3)
  })

  test('give up one that hangs, and go on', async () => {
    const failures: string[] = []
    let count = 0
    const rounds = startRounds({
      round: async () => {
        if (count++ === 0) await new Promise(() => undefined)
        return 3_600_000
      },
      again: 1,
      limit: 20,
      failed: (reason) => failures.push(reason),
    })
    await until('the second round', () => count === 2)
    await rounds.stop()
    expect(failures).toEqual(['no answer within 20 ms'])
  })

  test('say why they fail, once for each reason, and go on', async () => {
    const failures: string[] = []
    const reasons = ['one', 'one', 'two', '', 'two']
    const rounds = startRounds({
      round: async () => {
        const reason = reasons.shift()
        if (reason !== undefined && reason !== '') throw new Error(reason)
        return 1
      },
      again: 1,
      failed: (reason) => failures.push(reason),
    })
    await until('all of them', () => reasons.length === 0)
    await rounds.stop()
    expect(failures).toEqual(['one', 'two', 'two'])
  })
})
