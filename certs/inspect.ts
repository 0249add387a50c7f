import { createPrivateKey, X509Certificate } from 'node:crypto'
import type { Bundle } from './issue.ts'

/** Why a bundle cannot be served, or undefined when it can. */
export function bundleProblem(bundle: Bundle, names: readonly string[], now: Date): string | undefined {
  try {
    const leaf = new X509Certificate(bundle.cert)
    const authorities = certificatesOf(bundle.ca)
    if (!leaf.checkPrivateKey(createPrivateKey(bundle.key))) return 'the key does not belong to the certificate'
    const issuer = authorities.find((ca) => leaf.checkIssued(ca) && leaf.verify(ca.publicKey))
    if (issuer === undefined) return 'no CA of the bundle signed the certificate'
    const missing = names.find((name) => leaf.checkHost(name) === undefined)
    if (missing !== undefined) return `the certificate is not for ${missing}`
    if (issuer.validToDate.getTime() <= now.getTime()) return 'the CA has expired'
    // Renewal in phases (trust both, swap, drop) comes with a later release; until then what nears its end is issued anew.
    if (now.getTime() >= renewAt(leaf).getTime()) return 'the certificate is due for renewal'
    return undefined
  } catch (error) {
    return `it cannot be read: ${error instanceof Error ? error.message : String(error)}`
  }
}

/** Two thirds of its life. */
export const renewAt = (certificate: X509Certificate): Date => {
  const [from, to] = [certificate.validFromDate.getTime(), certificate.validToDate.getTime()]
  return new Date(from + ((to - from) * 2) / 3)
}

export const expiryOf = (bundle: Bundle): Date => new X509Certificate(bundle.cert).validToDate

/** Whether a served leaf verifies against what a webhook configuration trusts. */
export function trusts(caBundle: string | undefined, bundle: Bundle): boolean {
  if (caBundle === undefined || caBundle === '') return false
  const leaf = new X509Certificate(bundle.cert)
  return certificatesOf(caBundle).some((ca) => leaf.checkIssued(ca) && leaf.verify(ca.publicKey))
}

function certificatesOf(pem: string): X509Certificate[] {
  const texts = pem.match(/-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g) ?? []
  return texts.map((text) => new X509Certificate(text))
}
