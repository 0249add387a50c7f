import { request } from 'node:https'
import { setTimeout as sleep } from 'node:timers/promises'
import express from 'express'
import type { Bundle } from '../../certs/issue.ts'
import { TERMS, type Terms } from '../../certs/terms.ts'
import { type Certificates, keepCertificates } from '../../src/kubernetes/certificates.ts'
import { Candidate } from '../../src/kubernetes/election.ts'
import { type RunningServer, serve } from '../../src/webhook/server.ts'
import { keyPool } from '../certs/keys.ts'
import { MemoryWorld } from '../certs/memory-world.ts'
import { MemoryLease } from './memory-lease.ts'

export const names = ['lockkeeper.lockkeeper.svc']
const newKey = keyPool(16)

/** A replica of the webhook over HTTPS on loopback, as far as certificates go. */
export interface Replica {
  readonly name: string
  readonly port: number
  readonly certificates: Certificates
  readonly log: readonly string[]
  /** Whether it holds the Lease, as its metric says. */
  leads(): boolean
  stop(): Promise<void>
}

/** A cluster in memory, and replicas in it. */
export class Cluster {
  readonly world = new MemoryWorld()
  readonly lease = new MemoryLease()
  readonly terms: Terms
  #started = 0

  constructor(terms = TERMS) {
    this.terms = terms
  }

  /** Starts a replica whose clock is off by so many milliseconds; resolves when its server listens. */
  async start(skew = 0): Promise<Replica> {
    const name = `replica-${++this.#started}`
    const app = express()
    app.post('/', (_, response) => void response.json({ response: { allowed: true } }))
    const state: { server?: RunningServer; bundle?: Bundle; leads: boolean; ring?: () => void } = { leads: false }
    const first = Promise.withResolvers<Bundle>()
    const log: string[] = []
    const certificates = keepCertificates({
      names,
      now: () => new Date(Date.now() + skew),
      log: (_, message) => log.push(message),
      leads: (held) => {
        state.leads = held
      },
      serve: (bundle) => {
        state.server?.reload(bundle)
        state.bundle = bundle
        first.resolve(bundle)
      },
      // A call takes as long as it would in a cluster, so that what is wrong in between is seen.
      world: this.world.seenBy(() => sleep(10)),
      candidate: new Candidate(this.lease, name, () => performance.now()),
      listen: (ring) => {
        this.world.listeners.add(ring)
        return [{ connected: () => true, stop: () => void this.world.listeners.delete(ring) }]
      },
      newKey,
      terms: this.terms,
      pauses: { quiet: 30, deaf: 30 },
    })
    const server = await serve(app, 0, await first.promise, { host: '127.0.0.1' })
    state.server = server
    if (state.bundle !== undefined) server.reload(state.bundle)
    const stop = async () => {
      await certificates.stop()
      await server.drain(0)
    }
    return { name, port: server.port, certificates, log, leads: () => state.leads, stop }
  }

  /** A review, as an API server makes it that trusts what a configuration says: the reason why it failed, or undefined. */
  review({ port }: Replica, configuration: number): Promise<string | undefined> {
    const ca = this.world.configurations[configuration]?.caBundle ?? ''
    return new Promise((resolve) => {
      const options = { host: '127.0.0.1', port, method: 'POST', ca, servername: names[0], agent: false }
      const asked = request(options, (response) => {
        response.resume()
        response.once('end', () => resolve(response.statusCode === 200 ? undefined : `status ${response.statusCode}`))
      })
      asked.once('error', (error: Error & { code?: string }) => resolve(error.code ?? error.message))
      asked.end('{}')
    })
  }
}

/** Reviews all the time, of every replica that is called, as either configuration has it. */
export class Reviews {
  readonly #cluster: Cluster
  readonly #running: Promise<void>[]
  #over = false
  /** Behind the Service: what the API server calls. */
  called: readonly Replica[]
  passed = 0
  failed = 0
  readonly reasons = new Map<string, number>()

  /** So many clients, each with a pause of some milliseconds after a review. */
  constructor(cluster: Cluster, called: readonly Replica[], clients = 4, pause = 20) {
    this.#cluster = cluster
    this.called = called
    this.#running = Array.from({ length: clients }, (_, i) => this.#ask(i, pause))
  }

  async #ask(client: number, pause: number): Promise<void> {
    for (let i = client; !this.#over; i++) {
      const replica = this.called[(i >> 1) % this.called.length]
      if (replica === undefined) throw new Error('nobody is called')
      const failure = await this.#cluster.review(replica, i % 2)
      if (failure === undefined) this.passed++
      else {
        this.failed++
        this.reasons.set(failure, (this.reasons.get(failure) ?? 0) + 1)
      }
      await sleep(pause)
    }
  }

  async stop(): Promise<void> {
    this.#over = true
    await Promise.all(this.#running)
  }
}

/** Polls until something holds. */
export async function until(what: string, holds: () => boolean, seconds = 30): Promise<void> {
  const end = performance.now() + seconds * 1000
  while (!holds()) {
    if (performance.now() > end) throw new Error(`waited ${seconds} s for ${what}`)
    await sleep(5)
  }
}
