import { describe, expect, onTestFinished, test } from 'vitest'
import { authoritiesOf } from '../../certs/chain.ts'
import { factsOf } from '../../certs/inspect.ts'
import { type Bundle, issueBundle, issueLeaf } from '../../certs/issue.ts'
import { keyPool } from '../certs/keys.ts'
import { Cluster, names, type Replica, Reviews, until } from './replicas.ts'

const newKey = keyPool()
const other = await issueBundle({ names, now: new Date(), newKey })

/** A cluster with two replicas that are ready. */
async function running(): Promise<{ cluster: Cluster; replicas: Replica[]; bundle: Bundle }> {
  const cluster = new Cluster()
  const replicas = await Promise.all([cluster.start(), cluster.start(90_000)])
  onTestFinished(async () => void (await Promise.all(replicas.map((replica) => replica.stop()))))
  await until('both to be ready', () => replicas.every(({ certificates }) => certificates.problem() === undefined))
  const { secret } = cluster.world
  if (secret === undefined) throw new Error('there is no Secret')
  return { cluster, replicas, bundle: secret }
}

/** Whole, trusted by just what it should be, and served by all. */
const healed = ({ world }: Cluster, replicas: readonly Replica[]) => {
  const { secret } = world
  if (secret === undefined) return false
  const { signer, leaf } = factsOf(secret, names)
  const authorities = authoritiesOf(secret.ca)
  return (
    !('fault' in signer) &&
    !('fault' in leaf) &&
    authorities.some(({ id }) => id === leaf.authority) &&
    world.configurations.every(({ caBundle }) => caBundle === secret.ca) &&
    replicas.every(({ certificates }) => certificates.problem() === undefined)
  )
}

/** Does something in the midst of reviews, waits the five seconds that are promised for it to heal, and counts. */
async function during(
  what: string,
  harm: (cluster: Cluster, bundle: Bundle) => void | Promise<void>,
): Promise<Reviews> {
  const { cluster, replicas, bundle } = await running()
  const reviews = new Reviews(cluster, replicas, 8, 2)
  await until('reviews to pass', () => reviews.passed > 10)
  const began = performance.now()
  await harm(cluster, bundle)
  await until(`${what} to heal`, () => healed(cluster, replicas), 5)
  const ms = Math.round(performance.now() - began)
  const before = reviews.passed
  await until('reviews to pass', () => reviews.passed > before + 20)
  await reviews.stop()
  console.log(`${what}: healed after ${ms} ms, ${reviews.failed} of ${reviews.failed + reviews.passed} reviews failed`)
  return reviews
}

describe('no review fails', () => {
  const harms: [string, (cluster: Cluster, bundle: Bundle) => void | Promise<void>][] = [
    ['a deleted Secret', ({ world }) => world.put(undefined)],
    ['an emptied Secret', ({ world }) => world.put({ ca: '', caKey: '', cert: '', key: '' })],
    ['half a pair', ({ world }, bundle) => world.put({ ...bundle, key: '' })],
    ['the key of another pair', ({ world }, bundle) => world.put({ ...bundle, key: other.key })],
    ['garbage for a certificate', ({ world }, bundle) => world.put({ ...bundle, cert: 'garbage' })],
    ['garbage for a CA', ({ world }, bundle) => world.put({ ...bundle, ca: 'garbage' })],
    ['the CA of others', ({ world }, bundle) => world.put({ ...bundle, ca: other.ca })],
    ['a lost CA key', ({ world }, bundle) => world.put({ ...bundle, caKey: '' })],
    ['a whole bundle of others, as from an old backup', ({ world }) => world.put(other)],
    [
      'a certificate for other names',
      async ({ world }, bundle) =>
        world.put({ ...bundle, ...(await issueLeaf(bundle, { names: ['other.svc'], now: new Date(), newKey })) }),
    ],
  ]
  test.each(harms)('with %s in the Secret’s place', async (what, harm) => {
    const { reasons } = await during(what, harm)
    expect([...reasons]).toEqual([])
  })
})

describe('what fails until it heals is counted', () => {
  const harms: [string, (cluster: Cluster) => void][] = [
    [
      'both configurations emptied',
      ({ world }) => {
        for (const i of [0, 1]) world.trust(i, '')
      },
    ],
    ['one configuration with garbage', ({ world }) => world.trust(1, 'garbage')],
    ['one configuration with the CA of others', ({ world }) => world.trust(0, other.ca)],
    [
      'everything at once',
      ({ world }) => {
        world.put(undefined)
        for (const i of [0, 1]) world.trust(i, other.ca)
      },
    ],
  ]
  test.each(harms)('with %s', async (what, harm) => {
    const { passed } = await during(what, harm)
    expect(passed).toBeGreaterThan(20)
  })

  test('a replica is not ready while a configuration does not trust it', async () => {
    const { cluster, replicas } = await running()
    cluster.lease.down = true // Nobody heals.
    await until('nobody to hold the Lease', () => replicas.every((replica) => !replica.leads()))
    cluster.world.trust(1, '')
    await until('both to be unready', () => replicas.every(({ certificates }) => certificates.problem() !== undefined))
    expect(replicas[0]?.certificates.problem()).toBe('configuration 1 does not trust the certificate yet')
  })
})

describe('replicas', () => {
  test('of which several start at once issue one bundle, and one of them holds the Lease', async () => {
    const cluster = new Cluster()
    const replicas = await Promise.all([1, 2, 3, 4].map(() => cluster.start()))
    onTestFinished(async () => void (await Promise.all(replicas.map((replica) => replica.stop()))))
    await until('all to be ready', () => replicas.every(({ certificates }) => certificates.problem() === undefined))
    expect(cluster.world.secretWrites).toBe(1)
    expect(replicas.filter((replica) => replica.leads())).toHaveLength(1)
  })

  test('go on with what they have while the API server is away, and heal what happened meanwhile', async () => {
    const { cluster, replicas, bundle } = await running()
    cluster.lease.down = true
    await until('nobody to hold the Lease', () => replicas.every((replica) => !replica.leads()))
    cluster.world.put({ ...bundle, cert: 'garbage' })
    for (const replica of replicas) expect(await cluster.review(replica, 0)).toBeUndefined()
    cluster.lease.down = false
    await until('the Secret to heal', () => healed(cluster, replicas))
    expect(replicas.flatMap(({ log }) => log)).toContainEqual(
      expect.stringMatching(/^the Lease cannot be kept: .*; nobody renews certificates until it can$/),
    )
  })

  test('hand the Lease over when they stop, and the next one heals', async () => {
    const { cluster, replicas, bundle } = await running()
    const [first, second] = [...replicas].sort((a, b) => Number(b.leads()) - Number(a.leads()))
    if (first === undefined || second === undefined) throw new Error('two replicas')
    await first.certificates.stop()
    await until('the other to hold the Lease', () => second.leads())
    cluster.world.put({ ...bundle, key: '' })
    await until('the Secret to heal', () => healed(cluster, [second]))
  })

  test('say what they do and why', async () => {
    const { cluster, replicas, bundle } = await running()
    cluster.world.put({ ...bundle, key: '' })
    const log = () => replicas.flatMap((replica) => replica.log)
    const said = 'issued a new certificate: the Secret has no tls.crt with a tls.key'
    await until('the Secret to heal', () => healed(cluster, replicas) && log().includes(said))
    expect(log()).toContain('issued a new CA: the Secret has no CA that can be read in ca.crt')
    expect(log()).toContain('configuration 0 trusts the CAs of the Secret now')
    expect(JSON.stringify(log())).not.toContain('PRIVATE')
  })

  test('do not fight over a Secret when their clocks are 90 s apart', async () => {
    const { cluster, replicas } = await running()
    const { secretWrites, trustWrites } = cluster.world
    for (let i = 0; i < 10; i++) {
      for (const heard of cluster.world.listeners) heard()
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
    expect([cluster.world.secretWrites, cluster.world.trustWrites]).toEqual([secretWrites, trustWrites])
    expect(replicas.every(({ certificates }) => certificates.problem() === undefined)).toBe(true)
  })
})
