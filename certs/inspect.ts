import { createPrivateKey, createPublicKey, X509Certificate } from 'node:crypto'
import { type Anchored, type Authority, alive, anchor, authoritiesOf } from './chain.ts'
import type { Bundle, Pair } from './issue.ts'

/** Why a part cannot be used: the end of a sentence that begins with the Secret's name. */
export interface Fault {
  readonly fault: string
}

/** What a bundle is worth, whatever was written into it. Time is left to those who have a clock. */
export interface BundleFacts {
  readonly bundle: Bundle
  readonly authorities: readonly Authority[]
  /** The CA that the bundle's CA key belongs to. */
  readonly signer: Authority | Fault
  /** The serving certificate: fits its key and its names, and one of the bundle's CAs verifies it. */
  readonly leaf: Anchored | Fault
}

export function factsOf(bundle: Bundle, names: readonly string[]): BundleFacts {
  const authorities = authoritiesOf(bundle.ca)
  return {
    bundle,
    authorities,
    signer: tried('ca.key', () => signerOf(bundle.caKey, authorities)),
    leaf: tried('tls.crt or tls.key', () => leafOf(bundle, authorities, names)),
  }
}

/** Why a part cannot be used at a time, or undefined when it can. */
export function faultOf(part: Authority | Anchored | Fault, now: number): string | undefined {
  if ('fault' in part) return part.fault
  if (alive(part, now)) return undefined
  return `has a ${'authority' in part ? 'certificate' : 'CA'} that ${part.to <= now ? 'has expired' : 'is not valid yet'}`
}

/** When a certificate expires. */
export const expiryOf = ({ cert }: Pair): Date => new X509Certificate(cert).validToDate

function signerOf(caKey: string, authorities: readonly Authority[]): Authority | Fault {
  if (authorities.length === 0) return { fault: 'has no CA that can be read in ca.crt' }
  if (caKey === '') return { fault: 'has no ca.key' }
  const key = createPublicKey(createPrivateKey(caKey))
  if (key.asymmetricKeyType !== 'rsa') return { fault: 'has a ca.key that is no RSA key' }
  const signer = authorities.find(({ pem }) => new X509Certificate(pem).publicKey.equals(key))
  return signer ?? { fault: 'has a ca.key that belongs to none of its CAs' }
}

function leafOf({ cert, key }: Pair, authorities: readonly Authority[], names: readonly string[]): Anchored | Fault {
  if (cert === '' || key === '') return { fault: 'has no tls.crt with a tls.key' }
  const leaf = new X509Certificate(cert)
  if (!leaf.checkPrivateKey(createPrivateKey(key))) return { fault: 'has a tls.key that is not that of its tls.crt' }
  const missing = names.find((name) => leaf.checkHost(name) === undefined)
  if (missing !== undefined) return { fault: `has a tls.crt that is not for ${missing}` }
  return anchor(cert, authorities) ?? { fault: 'has a tls.crt that none of its CAs signed' }
}

/** OpenSSL's words on a text that it cannot read are left out: they help nobody, and nothing of a key may be quoted. */
function tried<T>(where: string, look: () => T | Fault): T | Fault {
  try {
    return look()
  } catch (error) {
    if (error instanceof Error) return { fault: `has a ${where} that cannot be read` }
    throw error
  }
}
