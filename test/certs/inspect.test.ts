import { X509Certificate } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { authoritiesOf, trusts } from '../../certs/chain.ts'
import { expiryOf, factsOf, faultOf } from '../../certs/inspect.ts'
import { type Bundle, issueBundle, issueLeaf } from '../../certs/issue.ts'
import { keyPool } from './keys.ts'

const names = ['lockkeeper.lockkeeper.svc']
const now = new Date('2026-01-01T00:00:00Z')
const later = (days: number) => new Date(now.getTime() + days * 86_400_000)
const newKey = keyPool()
const issue = (more = {}) => issueBundle({ names, now, newKey, ...more })
const [bundle, other] = [await issue(), await issue()]

const spoiled: [string, Partial<Bundle>, { signer?: string; leaf?: string }][] = [
  ['nothing at all', { ca: '', caKey: '', cert: '', key: '' }, { signer: 'has no CA', leaf: 'has no tls.crt' }],
  ['garbage as CA', { ca: 'nonsense' }, { signer: 'has no CA', leaf: 'none of its CAs signed' }],
  ['a CA cut off', { ca: bundle.ca.slice(0, 400) }, { signer: 'has no CA', leaf: 'none of its CAs signed' }],
  [
    'one CA of two cut in the middle',
    { ca: bundle.ca + other.ca.replace('\nMII', '\n') },
    { signer: 'has no CA', leaf: 'none of its CAs signed' },
  ],
  ['no CA key', { caKey: '' }, { signer: 'has no ca.key' }],
  ['garbage as CA key', { caKey: 'nonsense' }, { signer: 'has a ca.key that cannot be read' }],
  ['the CA key of another CA', { caKey: other.caKey }, { signer: 'belongs to none of its CAs' }],
  ['another CA', { ca: other.ca }, { signer: 'belongs to none', leaf: 'none of its CAs signed' }],
  ['garbage as certificate', { cert: 'nonsense' }, { leaf: 'has a tls.crt or tls.key that cannot be read' }],
  ['half a pair', { key: '' }, { leaf: 'has no tls.crt with a tls.key' }],
  ['the key of another pair', { key: other.key }, { leaf: 'is not that of its tls.crt' }],
  ['a certificate for other names', await leafFor(['other.svc']), { leaf: 'is not for lockkeeper.lockkeeper.svc' }],
]

async function leafFor(others: string[]) {
  return issueLeaf(bundle, { names: others, now, newKey })
}

describe('a bundle with', () => {
  test.each(spoiled)('%s says so, and the rest of it stays usable', (_, spoil, wrong) => {
    const facts = factsOf({ ...bundle, ...spoil }, names)
    for (const part of ['signer', 'leaf'] as const) {
      const expected = wrong[part]
      if (expected === undefined) expect(facts[part], part).not.toHaveProperty('fault')
      else expect(faultOf(facts[part], now.getTime()), part).toContain(expected)
    }
  })

  test('a fault quotes nothing of a key', () => {
    const { leaf } = factsOf({ ...bundle, key: bundle.key.replace('A', '!') }, names)
    expect(JSON.stringify(leaf)).toBe('{"fault":"has a tls.crt or tls.key that cannot be read"}')
  })

  test('a leaf is unusable before its first and after its last moment, and after that of its CA', async () => {
    const { leaf } = factsOf(bundle, names)
    const at = (date: Date) => faultOf(leaf, date.getTime())
    expect(at(later(0))).toBeUndefined()
    expect(at(new Date('2025-12-31T22:59:59Z'))).toBe('has a certificate that is not valid yet')
    expect(at(later(30))).toBe('has a certificate that has expired')
    expect(expiryOf(bundle)).toEqual(later(30))
  })
})

describe('a configuration', () => {
  test('trusts a leaf when one of its CAs signed it, in any order', () => {
    expect(trusts(bundle.ca, bundle)).toBe(true)
    expect(trusts(other.ca + bundle.ca, bundle)).toBe(true)
    expect(trusts(bundle.ca + other.ca, bundle)).toBe(true)
    expect(trusts(other.ca, bundle)).toBe(false)
    expect(trusts('', bundle)).toBe(false)
    expect(trusts(undefined, bundle)).toBe(false)
    expect(trusts('nonsense', bundle)).toBe(false)
  })

  test('trusts it only while both are valid, when it is asked about a time', () => {
    expect(trusts(bundle.ca, bundle, later(29))).toBe(true)
    expect(trusts(bundle.ca, bundle, later(31))).toBe(false)
  })

  test('does not take a leaf for a CA', () => {
    expect(authoritiesOf(bundle.ca + bundle.cert).map(({ pem }) => pem)).toEqual([bundle.ca])
    expect(new X509Certificate(authoritiesOf(bundle.ca)[0]?.pem ?? '').ca).toBe(true)
  })
})
