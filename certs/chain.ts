import { X509Certificate } from 'node:crypto'

/** Milliseconds since 1970: valid from, and until just before. */
export interface Life {
  readonly from: number
  readonly to: number
}

/** A CA certificate. */
export interface Authority extends Life {
  /** SHA-256 of the certificate. */
  readonly id: string
  readonly pem: string
}

/** A leaf that leads to a trusted CA, with the time in which the whole way is valid. */
export interface Anchored extends Life {
  /** The trusted CA. */
  readonly authority: string
}

/** The CAs in a text; none when one of them cannot be read, since then nobody knows what it trusts. */
export function authoritiesOf(pem: string): Authority[] {
  try {
    return certificatesOf(pem)
      .filter(({ ca }) => ca)
      .map((ca) => ({ id: ca.fingerprint256, pem: textOf(ca), ...lifeOf(ca) }))
  } catch (error) {
    if (error instanceof Error) return []
    throw error
  }
}

/**
 * The way from a leaf to one of the trusted CAs, over the intermediates that follow it in its own text, as a server sends
 * them. By signatures: a CA that was renewed with its key verifies the leaves of its older self. Throws when the text is none.
 */
export function anchor(cert: string, trusted: readonly Authority[]): Anchored | undefined {
  const [leaf, ...between] = certificatesOf(cert)
  if (leaf === undefined) throw new Error('no certificate')
  const trustedReads = trusted.map((authority) => ({ authority, read: new X509Certificate(authority.pem) }))
  let current = leaf
  let life = lifeOf(leaf)
  for (let step = 0; step <= between.length; step++) {
    const end = trustedReads.find(({ read }) => issued(read, current))
    if (end !== undefined) return { authority: end.authority.id, ...both(life, end.authority) }
    const next = between.find((read) => issued(read, current))
    if (next === undefined) return undefined
    life = both(life, lifeOf(next))
    current = next
  }
  return undefined
}

/** Whether what a webhook configuration trusts verifies a served certificate; at a time, when one is given. */
export function trusts(caBundle: string | undefined, { cert }: { readonly cert: string }, now?: Date): boolean {
  const found = anchor(cert, authoritiesOf(caBundle ?? ''))
  return found !== undefined && (now === undefined || alive(found, now.getTime()))
}

export const alive = ({ from, to }: Life, now: number): boolean => from <= now && now < to

const certificatesOf = (pem: string) =>
  (pem.match(/-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g) ?? []).map(
    (text) => new X509Certificate(text),
  )

const textOf = (read: X509Certificate) => read.toString().replaceAll('\r\n', '\n')
export const lifeOf = (read: X509Certificate): Life => ({
  from: read.validFromDate.getTime(),
  to: read.validToDate.getTime(),
})
const both = (a: Life, b: Life): Life => ({ from: Math.max(a.from, b.from), to: Math.min(a.to, b.to) })
const issued = (ca: X509Certificate, child: X509Certificate) =>
  ca.ca && child.checkIssued(ca) && child.verify(ca.publicKey)
