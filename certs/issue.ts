import { createPrivateKey, createPublicKey, generateKeyPair, type KeyObject, randomBytes, sign } from 'node:crypto'
import { promisify } from 'node:util'
import forge from 'node-forge'
import { TERMS, type Terms } from './terms.ts'

/** PEM texts of a certificate authority and a serving certificate that it signed. A missing part is an empty text. */
export interface Bundle extends Authority, Pair {}

export interface Authority {
  /** Certificates that clients trust; several while a CA is renewed. */
  readonly ca: string
  readonly caKey: string
}

/** What a server needs. */
export interface Pair {
  readonly cert: string
  readonly key: string
}

/** Makes RSA private keys. */
export type KeySource = () => Promise<KeyObject>

export interface IssueOptions {
  /** DNS names of the Service. */
  readonly names: readonly string[]
  /** The clock is passed in. */
  readonly now: Date
  readonly newKey?: KeySource
  readonly terms?: Terms
}

/** A new CA of its own subject, and a leaf for the names. RSA-2048, SHA-256. */
export async function issueBundle(options: IssueOptions): Promise<Bundle> {
  const authority = await issueAuthority(options)
  return { ...authority, ...(await issueLeaf(authority, options)) }
}

/**
 * A CA with a subject of its own: where two CAs of one name are trusted, OpenSSL takes the first one only and fails on
 * leaves of the other.
 */
export async function issueAuthority({ now, newKey = rsaKey, terms = TERMS }: IssueOptions): Promise<Authority> {
  const key = await newKey()
  const subject = [{ name: 'commonName', value: `lockkeeper-ca-${randomBytes(6).toString('hex')}` }]
  const ca = certificate(key, subject, subject, now.getTime() - terms.clocks, now.getTime() + terms.authority)
  ca.setExtensions([
    { name: 'basicConstraints', critical: true, cA: true, pathLenConstraint: 0 },
    { name: 'keyUsage', critical: true, keyCertSign: true, cRLSign: true },
    { name: 'subjectKeyIdentifier' },
  ])
  return { ca: signed(ca, key), caKey: pemOf(key) }
}

/** A leaf of a CA, which it never outlives. `ca` is one certificate, to which `caKey` belongs; throws when either is none. */
export async function issueLeaf(
  { ca, caKey }: Authority,
  { names, now, newKey = rsaKey, terms = TERMS }: IssueOptions,
): Promise<Pair> {
  const issuer = forge.pki.certificateFromPem(ca)
  const key = await newKey()
  const until = Math.min(now.getTime() + terms.leaf, issuer.validity.notAfter.getTime())
  // The names stand in subjectAltName; a common name may have 64 characters, and that of a Service may have more.
  const subject = [{ name: 'commonName', value: 'lockkeeper' }]
  const leaf = certificate(key, subject, issuer.subject.attributes, now.getTime() - terms.clocks, until)
  leaf.setExtensions([
    { name: 'basicConstraints', critical: true, cA: false },
    { name: 'keyUsage', critical: true, digitalSignature: true, keyEncipherment: true },
    { name: 'extKeyUsage', serverAuth: true },
    { name: 'subjectAltName', altNames: names.map((value) => ({ type: 2, value })) },
    { name: 'subjectKeyIdentifier' },
    { name: 'authorityKeyIdentifier', keyIdentifier: issuer.generateSubjectKeyIdentifier().getBytes() },
  ])
  return { cert: signed(leaf, createPrivateKey(caKey)), key: pemOf(key) }
}

const generate = promisify(generateKeyPair)
/** In a thread of Node's pool: reviews go on meanwhile. */
export const rsaKey: KeySource = async () => (await generate('rsa', { modulusLength: 2048 })).privateKey

const pemOf = (key: KeyObject) => key.export({ type: 'pkcs8', format: 'pem' }).toString()

/**
 * A serial number, hex, from random bytes: positive and without a leading zero byte, whatever they are (RFC 5280,
 * 4.1.2.2, and X.690, 8.3.2: a number that is padded without need is not read by OpenSSL).
 */
export function serialOf(random: Uint8Array): string {
  const [first = 0, ...rest] = random
  return Buffer.from([(first & 0x7f) | 0x40, ...rest]).toString('hex')
}

function certificate(
  key: KeyObject,
  subject: forge.pki.CertificateField[],
  issuer: forge.pki.CertificateField[],
  from: number,
  to: number,
): forge.pki.Certificate {
  const made = forge.pki.createCertificate()
  const spki = createPublicKey(key).export({ type: 'spki', format: 'pem' }).toString()
  made.publicKey = forge.pki.publicKeyFromPem(spki)
  made.serialNumber = serialOf(randomBytes(16))
  made.validity.notBefore = new Date(from)
  made.validity.notAfter = new Date(to)
  made.setSubject(subject)
  made.setIssuer(issuer)
  return made
}

/** Signed by node:crypto in a millisecond; forge's own signature takes 80, in which no review is answered. */
function signed(made: forge.pki.Certificate, key: KeyObject): string {
  const signer = {
    sign: () => {
      const bytes = Buffer.from(forge.asn1.toDer(made.tbsCertificate).getBytes(), 'latin1')
      return sign('sha256', bytes, key).toString('latin1')
    },
  }
  made.sign(signer as unknown as forge.pki.rsa.PrivateKey, forge.md.sha256.create())
  return forge.pki.certificateToPem(made).replaceAll('\r\n', '\n')
}
