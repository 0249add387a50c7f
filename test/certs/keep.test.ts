import { X509Certificate } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { bundleProblem, trusts } from '../../certs/inspect.ts'
import { type Bundle, issueBundle, serialOf } from '../../certs/issue.ts'
import { type BundleStore, keepBundle } from '../../certs/keep.ts'

const names = ['lockkeeper.lockkeeper.svc', 'lockkeeper.lockkeeper']
const now = new Date('2026-01-01T00:00:00Z')
const later = (days: number) => new Date(now.getTime() + days * 86_400_000)

/** A Secret in memory, with the API server's optimistic concurrency. */
function secret(initial?: Bundle): BundleStore & { bundle: Bundle | undefined; writes: number } {
  let version = 1
  const store = {
    bundle: initial,
    writes: 0,
    read: async () => ({ bundle: store.bundle, version: String(version) }),
    write: async (bundle: Bundle, wanted: string) => {
      if (wanted !== String(version)) return false
      store.bundle = bundle
      store.writes++
      version++
      return true
    },
  }
  return store
}

const keep = (store: BundleStore, at = now, reasons: string[] = []) =>
  keepBundle({ store, names, now: () => at, issued: (reason) => reasons.push(reason) })

describe('an issued bundle', () => {
  test('is a CA for a year and a leaf for thirty days, for the Service’s names', async () => {
    const bundle = await issueBundle({ names, now })
    const [ca, leaf] = [new X509Certificate(bundle.ca), new X509Certificate(bundle.cert)]
    expect(ca.ca).toBe(true)
    expect(leaf.ca).toBe(false)
    expect(ca.validToDate).toEqual(later(365))
    expect(leaf.validToDate).toEqual(later(30))
    expect(leaf.validFromDate.getTime()).toBeLessThan(now.getTime())
    expect(leaf.verify(ca.publicKey)).toBe(true)
    expect(leaf.subjectAltName).toBe('DNS:lockkeeper.lockkeeper.svc, DNS:lockkeeper.lockkeeper')
    expect(leaf.keyUsage).toEqual(['1.3.6.1.5.5.7.3.1'])
    expect(ca.publicKey.asymmetricKeyDetails?.modulusLength).toBe(2048)
    expect(bundleProblem(bundle, names, now)).toBeUndefined()
  })

  test('has its own CA subject and positive serials', async () => {
    const bundles = await Promise.all([1, 2, 3].map(() => issueBundle({ names, now })))
    expect(new Set(bundles.map(({ ca }) => new X509Certificate(ca).subject)).size).toBe(3)
    for (const { ca, cert } of bundles)
      for (const pem of [ca, cert]) expect(BigInt(`0x${new X509Certificate(pem).serialNumber}`)).toBeGreaterThan(0n)
  })
})

test('a serial is positive and not padded, whatever the random bytes', () => {
  for (let first = 0; first < 256; first++) {
    const serial = Buffer.from(serialOf(Buffer.from([first, 0, 1])), 'hex')
    expect(serial).toHaveLength(3)
    expect(serial[0]).toBeGreaterThanOrEqual(0x40)
    expect(serial[0]).toBeLessThan(0x80)
  }
})

describe('replicas', () => {
  test('issue once, however many start at the same time', async () => {
    const store = secret()
    const bundles = await Promise.all(Array.from({ length: 4 }, () => keep(store)))
    expect(new Set(bundles.map(({ cert }) => cert)).size).toBe(1)
    expect(store.writes).toBe(1)
  })

  test('join a bundle that is there', async () => {
    const bundle = await issueBundle({ names, now })
    const store = secret(bundle)
    expect(await keep(store)).toBe(bundle)
    expect(store.writes).toBe(0)
  })

  const spoiled: [string, (bundle: Bundle, other: Bundle) => Bundle, RegExp][] = [
    ['cannot be read', (bundle) => ({ ...bundle, cert: 'nonsense' }), /cannot be read/],
    ['has another key', (bundle, other) => ({ ...bundle, key: other.key }), /key does not belong/],
    ['has another CA', (bundle, other) => ({ ...bundle, ca: other.ca }), /no CA of the bundle/],
  ]
  test.each(spoiled)('issue again, and say why, when what is there %s', async (_, spoil, why) => {
    const [bundle, other] = [await issueBundle({ names, now }), await issueBundle({ names, now })]
    const reasons: string[] = []
    const kept = await keep(secret(spoil(bundle, other)), now, reasons)
    expect(bundleProblem(kept, names, now)).toBeUndefined()
    expect(reasons[0]).toMatch(why)
  })

  test('issue again for another name, and at two thirds of the leaf’s life', async () => {
    const bundle = await issueBundle({ names: ['other.svc'], now })
    expect(bundleProblem(bundle, names, now)).toContain('not for lockkeeper.lockkeeper.svc')
    const good = await issueBundle({ names, now })
    expect(bundleProblem(good, names, later(19))).toBeUndefined()
    expect(bundleProblem(good, names, later(21))).toContain('due for renewal')
  })
})

test('a configuration trusts a leaf when one of its CAs signed it, in any order', async () => {
  const [bundle, other] = [await issueBundle({ names, now }), await issueBundle({ names, now })]
  expect(trusts(bundle.ca, bundle)).toBe(true)
  expect(trusts(other.ca + bundle.ca, bundle)).toBe(true)
  expect(trusts(bundle.ca + other.ca, bundle)).toBe(true)
  expect(trusts(other.ca, bundle)).toBe(false)
  expect(trusts('', bundle)).toBe(false)
  expect(trusts(undefined, bundle)).toBe(false)
})
