import { X509Certificate } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { alive, type Life, lifeOf, trusts } from '../../certs/chain.ts'
import { type Bundle, issueAuthority, issueBundle, issueLeaf } from '../../certs/issue.ts'
import { Keeper } from '../../certs/keep.ts'
import { Serving } from '../../certs/serving.ts'
import { TERMS } from '../../certs/terms.ts'
import { keyPool } from './keys.ts'
import { MemoryWorld } from './memory-world.ts'

const names = ['lockkeeper.lockkeeper.svc']
const [SECOND, DAY] = [1_000, 86_400_000]
const begin = Date.parse('2026-01-01T00:00:00Z')
const newKey = keyPool(16)

/** Where a replica's calls wait until the test lets one of them go on. */
class Gate {
  #waiting: (() => void)[] = []
  pass = (): Promise<void> => new Promise((resolve) => this.#waiting.push(resolve))
  get closed(): boolean {
    return this.#waiting.length > 0
  }
  /** Lets a call go on, and everything that follows from it until the next one. */
  async release(): Promise<void> {
    this.#waiting.shift()?.()
    await new Promise((resolve) => setImmediate(resolve))
  }
}

/** One of two replicas. Both believe that they hold the Lease, which is the worst that an election can do. */
class Replica {
  readonly #simulation: Simulation
  readonly skew: number
  gate = new Gate()
  serving: Serving
  #keeper: Keeper
  #life = { over: false }
  #busy = false
  /** Once it is ready and every API server trusts it, every review must go through from then on. */
  called = false

  constructor(simulation: Simulation, skew: number) {
    this.#simulation = simulation
    this.skew = skew
    ;[this.serving, this.#keeper] = this.#start()
  }

  #start(): [Serving, Keeper] {
    const { world } = this.#simulation
    const gate = new Gate()
    this.gate = gate
    const life = { over: false }
    this.#life = life
    const now = () => new Date(this.#simulation.now + this.skew)
    const serving = new Serving({ names, now, serve: () => undefined })
    // A process that crashed never hears of its call again; what it wrote before stays.
    const pass = async () => {
      await gate.pass()
      if (life.over) await new Promise(() => undefined)
    }
    return [serving, new Keeper({ world: world.seenBy(pass), serving, names, now, newKey, say: () => undefined })]
  }

  /** Rounds until there is nothing more to write. One that is under way stays under way, however late it gets. */
  look(): void {
    if (this.#busy) return
    const life = this.#life
    this.#busy = true
    const rounds = async () => {
      for (let i = 0; i < 20 && (await this.#keeper.round(true)); i++);
      if (life === this.#life) this.#busy = false
    }
    void rounds()
  }

  crash(): void {
    this.#life.over = true
    this.#busy = false
    this.called = false
    ;[this.serving, this.#keeper] = this.#start()
  }
}

class Simulation {
  readonly world = new MemoryWorld()
  now = begin
  readonly replicas: readonly Replica[]
  /** What each configuration held, since when: API servers hear of a change a little later. */
  readonly #history: { readonly since: number; readonly caBundles: readonly string[] }[] = []
  readonly #verified = new Map<string, boolean>()
  readonly #lives = new Map<string, Life>()

  constructor(skew: number) {
    this.replicas = [new Replica(this, 0), new Replica(this, skew)]
    this.world.listeners.add(() => this.#record())
  }

  #record(): void {
    this.#history.push({ since: this.now, caBundles: this.world.configurations.map(({ caBundle }) => caBundle) })
  }

  async release(who: number, lag: number): Promise<void> {
    const gate = this.replicas[who]?.gate
    if (!gate?.closed) return
    await gate.release()
    this.check(lag)
  }

  /** The invariant: what a called replica serves verifies against whatever any API server has of any configuration. */
  check(lag: number): void {
    for (const [i, replica] of this.replicas.entries()) {
      const bundle = replica.serving.bundle
      // Nobody looked for so long that it ran out: no order of writes helps against that.
      if (bundle === undefined || this.#expired(bundle)) replica.called = false
      else if (!replica.called)
        replica.called = replica.serving.problem() === undefined && this.#trustedEverywhere(bundle, lag)
      else if (!this.#trustedEverywhere(bundle, lag))
        throw new Error(`replica ${i} serves what a configuration does not trust`)
    }
  }

  #trustedEverywhere(bundle: Bundle, lag: number): boolean {
    return [...this.#known(lag)].every((caBundle) => this.#trusts(caBundle, bundle))
  }

  #known(lag: number): Set<string> {
    const current = this.#history.at(-1)?.caBundles ?? []
    const recent = this.#history.filter(
      (_, i) => (this.#history[i + 1]?.since ?? Number.POSITIVE_INFINITY) > this.now - lag,
    )
    return new Set(lag === 0 ? current : recent.flatMap(({ caBundles }) => caBundles))
  }

  #expired({ cert }: Bundle): boolean {
    const known = this.#lives.get(cert) ?? lifeOf(new X509Certificate(cert))
    this.#lives.set(cert, known)
    return !alive(known, this.now)
  }

  #trusts(caBundle: string, bundle: Bundle): boolean {
    const key = `${caBundle}${bundle.cert}`
    const known = this.#verified.get(key) ?? trusts(caBundle, bundle)
    this.#verified.set(key, known)
    return known
  }

  /** Everybody is left in peace: rounds until nobody has anything to do. */
  async settle(lag: number): Promise<void> {
    for (let i = 0; i < 4; i++) {
      for (const replica of this.replicas) replica.look()
      while (this.replicas.some(({ gate }) => gate.closed)) for (const who of [0, 1]) await this.release(who, lag)
      this.now += TERMS.settle + SECOND
      this.check(lag)
    }
  }
}

type Event =
  | { readonly kind: 'pass'; readonly ms: number }
  | { readonly kind: 'look'; readonly who: number }
  /** So many calls of one replica go through, while the other one sleeps. */
  | { readonly kind: 'release'; readonly who: number; readonly calls: number }
  | { readonly kind: 'crash'; readonly who: number }
  | { readonly kind: 'delete' }
  | { readonly kind: 'spoil'; readonly how: number }

const who = fc.nat(1)
const time: fc.Arbitrary<Event> = fc
  .oneof(
    fc.constantFrom(SECOND, TERMS.settle - SECOND, TERMS.settle + SECOND),
    fc.integer({ min: 1, max: 9 }).map((days) => days * DAY),
  )
  .map((ms) => ({ kind: 'pass', ms }))
const look: fc.Arbitrary<Event> = who.map((replica) => ({ kind: 'look', who: replica }))
const release: fc.Arbitrary<Event> = fc
  .record({ who, calls: fc.oneof(fc.integer({ min: 1, max: 4 }), fc.constant(60)) })
  .map((some) => ({ kind: 'release', ...some }))
const crash: fc.Arbitrary<Event> = who.map((replica) => ({ kind: 'crash', who: replica }))
const spoil: fc.Arbitrary<Event> = fc.nat(6).map((how) => ({ kind: 'spoil', how }))

/** Of keys that are in no pool, and of two CAs: a whole CA of others is another matter, see certificates.test.ts. */
const issueOther = () => issueBundle({ names: ['other.svc'], now: new Date(begin) })
const [other, stray] = [await issueOther(), await issueOther()]
const spoils: ((bundle: Bundle) => Bundle)[] = [
  () => ({ ca: '', caKey: '', cert: '', key: '' }),
  (bundle) => ({ ...bundle, ca: 'garbage' }),
  (bundle) => ({ ...bundle, caKey: '' }),
  (bundle) => ({ ...bundle, key: '' }),
  (bundle) => ({ ...bundle, cert: other.cert }),
  (bundle) => ({ ...bundle, ca: other.ca }),
  (bundle) => ({ ...bundle, caKey: stray.caKey }),
]

/** Begins with a Secret of this age, so that the end of its CA is near, or with an empty one. */
async function simulate(
  skew: number,
  age: number | undefined,
  events: readonly Event[],
  lag: number,
): Promise<Simulation> {
  const simulation = new Simulation(skew)
  const { world, replicas } = simulation
  if (age !== undefined) {
    const authority = await issueAuthority({ names, now: new Date(begin - age * DAY), newKey })
    const leaf = await issueLeaf(authority, { names, now: new Date(begin - 2 * DAY), newKey })
    world.put({ ...authority, ...leaf })
    for (const i of [0, 1]) world.trust(i, authority.ca)
    simulation.now += TERMS.settle
  }
  await simulation.settle(lag)
  for (const event of events) {
    if (event.kind === 'pass') simulation.now += event.ms
    if (event.kind === 'look') replicas[event.who]?.look()
    if (event.kind === 'crash') replicas[event.who]?.crash()
    if (event.kind === 'delete') world.put(undefined)
    if (event.kind === 'spoil' && world.secret !== undefined) world.put(spoils[event.how]?.(world.secret))
    if (event.kind === 'release') for (let i = 0; i < event.calls; i++) await simulation.release(event.who, lag)
    simulation.check(lag)
  }
  await simulation.settle(lag)
  return simulation
}

/** Peace: every replica is ready, both configurations trust just what the Secret holds, and nobody writes any more. */
async function expectPeace(simulation: Simulation): Promise<void> {
  const { world, replicas } = simulation
  const { secretWrites, trustWrites } = world
  await simulation.settle(0)
  expect({ secretWrites: world.secretWrites, trustWrites: world.trustWrites }).toEqual({ secretWrites, trustWrites })
  expect(replicas.map(({ serving }) => serving.problem())).toEqual([undefined, undefined])
  for (const { caBundle } of world.configurations) expect(caBundle).toBe(world.secret?.ca)
  for (const { serving } of replicas) expect(serving.bundle?.cert).toBe(world.secret?.cert)
}

const skew = fc.constantFrom(-90 * SECOND, 0, 90 * SECOND)
const old = fc.integer({ min: 200, max: 250 })
const age = fc.oneof({ weight: 4, arbitrary: old }, { weight: 1, arbitrary: fc.constant(undefined) })
const runs = Number(process.env.LOCKKEEPER_PHASE_RUNS ?? 40)

describe('whatever happens in whatever order, a called replica serves only what both configurations trust', () => {
  test('through renewals, with crashes and pauses between any two writes, even where an API server hears of changes 50 s late', async () => {
    const event = fc.oneof(
      { weight: 4, arbitrary: time },
      { weight: 4, arbitrary: look },
      { weight: 8, arbitrary: release },
      crash,
    )
    await fc.assert(
      fc.asyncProperty(skew, old, fc.array(event, { maxLength: 70, size: 'max' }), async (apart, days, events) => {
        await expectPeace(await simulate(apart, days, events, 50 * SECOND))
      }),
      { numRuns: runs, interruptAfterTimeLimit: 60_000 },
    )
  }, 120_000)

  test('through a Secret that is deleted or spoiled at any moment as well', async () => {
    const event = fc.oneof(
      { weight: 3, arbitrary: time },
      { weight: 4, arbitrary: look },
      { weight: 8, arbitrary: release },
      crash,
      fc.constant<Event>({ kind: 'delete' }),
      spoil,
    )
    await fc.assert(
      fc.asyncProperty(skew, age, fc.array(event, { maxLength: 70, size: 'max' }), async (apart, days, events) => {
        await expectPeace(await simulate(apart, days, events, 0))
      }),
      { numRuns: runs, interruptAfterTimeLimit: 60_000 },
    )
  }, 120_000)
})
