import { X509Certificate } from 'node:crypto'
import { expect, test } from 'vitest'
import { authoritiesOf } from '../../certs/chain.ts'
import { Cluster, Reviews, until } from './replicas.ts'

/** A day lasts 0.2 s. X.509 knows whole seconds only, so clocks get one second, which is more than it should be. */
const DAY = 200
const terms = { authority: 365 * DAY, leaf: 30 * DAY, clocks: 1_000, settle: DAY / 2 }

test('a year of renewals, deleted Secrets and a replica that is replaced fails no review', async () => {
  const cluster = new Cluster(terms)
  const { world } = cluster
  const seen = { leaves: new Set<string>(), authorities: new Set<string>(), deleted: 0, overlaps: 0, dropped: 0 }
  let trusted = ''
  world.listeners.add(() => {
    if (world.secret !== undefined) seen.leaves.add(world.secret.cert)
    const [{ caBundle } = { caBundle: '' }] = world.configurations
    const [before, now] = [authoritiesOf(trusted), authoritiesOf(caBundle)]
    for (const { id } of now) seen.authorities.add(id)
    if (now.length > before.length && before.length > 0) seen.overlaps++
    if (now.length < before.length) seen.dropped++
    trusted = caBundle
  })
  let replicas = await Promise.all([cluster.start(), cluster.start(DAY)])
  const ready = () => replicas.every(({ certificates }) => certificates.problem() === undefined)
  await until('both to be ready', ready)

  const began = performance.now()
  const reviews = new Reviews(cluster, replicas)
  const yearOver = () => performance.now() - began > terms.authority
  const renewed = async () => {
    const count = seen.leaves.size
    await until('a renewal', () => seen.leaves.size > count)
  }
  while (!yearOver()) {
    await renewed()
    world.put(undefined)
    seen.deleted++
    await until('the Secret to be there again', () => world.secret !== undefined)
    if (seen.leaves.size !== 6) continue
    // Whoever writes is replaced: taken out of the Service, stopped, started anew, put back. The other one goes on.
    const [leader, other] = [...replicas].sort((a, b) => Number(b.leads()) - Number(a.leads()))
    if (leader === undefined || other === undefined) throw new Error('two replicas')
    reviews.called = [other]
    await leader.stop()
    replicas = [other, await cluster.start()]
    await until('both to be ready', ready)
    reviews.called = replicas
  }
  await reviews.stop()
  console.log(
    `a year in ${Math.round((performance.now() - began) / 1000)} s: ${reviews.passed} reviews passed, ${reviews.failed} failed; ` +
      `${seen.leaves.size} leaves, ${seen.authorities.size} CAs, ${seen.deleted} times the Secret was deleted`,
  )
  expect([...reviews.reasons]).toEqual([])
  expect(reviews.passed).toBeGreaterThan(1000)
  // A leaf is renewed every 20 days, a CA after 243.
  expect(seen.leaves.size).toBeGreaterThanOrEqual(15)
  expect(seen.authorities.size).toBeGreaterThanOrEqual(2)
  expect([seen.overlaps, seen.dropped]).toEqual([seen.authorities.size - 1, seen.authorities.size - 1])
  for (const { caBundle } of world.configurations) expect(caBundle).toBe(world.secret?.ca)
  expect(new X509Certificate(world.secret?.cert ?? '').validToDate.getTime()).toBeGreaterThan(Date.now())
  await Promise.all(replicas.map((replica) => replica.stop()))
}, 180_000)
