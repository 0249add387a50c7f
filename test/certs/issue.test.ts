import { X509Certificate } from 'node:crypto'
import { expect, test } from 'vitest'
import { factsOf } from '../../certs/inspect.ts'
import { issueAuthority, issueBundle, issueLeaf, serialOf } from '../../certs/issue.ts'
import { keyPool } from './keys.ts'

const names = ['lockkeeper.lockkeeper.svc', 'lockkeeper.lockkeeper']
const now = new Date('2026-01-01T00:00:00Z')
const later = (days: number) => new Date(now.getTime() + days * 86_400_000)
const newKey = keyPool()

test('a bundle is a CA for a year and a leaf for thirty days, RSA-2048, backdated an hour, for the Service’s names', async () => {
  const bundle = await issueBundle({ names, now })
  const [ca, leaf] = [new X509Certificate(bundle.ca), new X509Certificate(bundle.cert)]
  expect([ca.ca, leaf.ca]).toEqual([true, false])
  expect(ca.validToDate).toEqual(later(365))
  expect(leaf.validToDate).toEqual(later(30))
  for (const { validFromDate, publicKey } of [ca, leaf]) {
    expect(validFromDate).toEqual(new Date('2025-12-31T23:00:00Z'))
    expect(publicKey.asymmetricKeyDetails?.modulusLength).toBe(2048)
  }
  expect(leaf.verify(ca.publicKey)).toBe(true)
  expect(leaf.subjectAltName).toBe('DNS:lockkeeper.lockkeeper.svc, DNS:lockkeeper.lockkeeper')
  expect(leaf.keyUsage).toEqual(['1.3.6.1.5.5.7.3.1'])
  expect(factsOf(bundle, names)).toMatchObject({ signer: { pem: bundle.ca }, leaf: { to: later(30).getTime() } })
})

test('every CA has a subject of its own, and a leaf names the key of its CA', async () => {
  const bundles = await Promise.all([1, 2, 3].map(() => issueBundle({ names, now, newKey })))
  expect(new Set(bundles.map(({ ca }) => new X509Certificate(ca).subject)).size).toBe(3)
  const text = (pem: string) => new X509Certificate(pem).toLegacyObject()
  for (const { ca, cert } of bundles) {
    expect(new X509Certificate(cert).checkIssued(new X509Certificate(ca))).toBe(true)
    for (const pem of [ca, cert]) expect(BigInt(`0x${text(pem).serialNumber}`)).toBeGreaterThan(0n)
  }
  const [one, two] = bundles
  expect(new X509Certificate(one?.cert ?? '').checkIssued(new X509Certificate(two?.ca ?? ''))).toBe(false)
})

test('a leaf does not outlive its CA', async () => {
  const authority = await issueAuthority({ names, now, newKey })
  const { cert } = await issueLeaf(authority, { names, now: later(350), newKey })
  expect(new X509Certificate(cert).validToDate).toEqual(later(365))
})

test('names longer than a common name may be are fine', async () => {
  const long = `lockkeeper.${'n'.repeat(63)}.svc.cluster.local`
  const bundle = await issueBundle({ names: [long], now, newKey })
  expect(factsOf(bundle, [long]).leaf).not.toHaveProperty('fault')
})

test('a serial is positive and not padded, whatever the random bytes', () => {
  for (let first = 0; first < 256; first++) {
    const serial = Buffer.from(serialOf(Buffer.from([first, 0, 1])), 'hex')
    expect(serial).toHaveLength(3)
    expect(serial[0]).toBeGreaterThanOrEqual(0x40)
    expect(serial[0]).toBeLessThan(0x80)
  }
})
