import { generateKeyPair, randomBytes } from 'node:crypto'
import { promisify } from 'node:util'
import forge from 'node-forge'

/** PEM texts of a certificate authority and a serving certificate that it signed. */
export interface Bundle {
  /** Certificates that clients trust; several while a CA is renewed. */
  readonly ca: string
  readonly caKey: string
  readonly cert: string
  readonly key: string
}

export interface IssueOptions {
  /** DNS names of the Service. */
  readonly names: readonly string[]
  /** The clock is passed in. */
  readonly now: Date
}

const DAY = 86_400_000
export const CA_DAYS = 365
export const LEAF_DAYS = 30
/** Clocks of API server and pod may differ. */
const BACKDATED = 3_600_000
const generate = promisify(generateKeyPair)

/** A new CA of its own subject, and a leaf for the names. RSA-2048, SHA-256; keys come from node:crypto. */
export async function issueBundle({ names, now }: IssueOptions): Promise<Bundle> {
  const [caKeys, leafKeys] = await Promise.all([rsaKey(), rsaKey()])
  const subject = [{ name: 'commonName', value: `lockkeeper-ca-${randomBytes(6).toString('hex')}` }]
  const ca = certificate(caKeys.publicKey, subject, subject, now, CA_DAYS)
  ca.setExtensions([
    { name: 'basicConstraints', critical: true, cA: true, pathLenConstraint: 0 },
    { name: 'keyUsage', critical: true, keyCertSign: true, cRLSign: true },
    { name: 'subjectKeyIdentifier' },
  ])
  ca.sign(caKeys.privateKey, forge.md.sha256.create())
  const leaf = certificate(leafKeys.publicKey, [{ name: 'commonName', value: names[0] ?? '' }], subject, now, LEAF_DAYS)
  leaf.setExtensions([
    { name: 'basicConstraints', critical: true, cA: false },
    { name: 'keyUsage', critical: true, digitalSignature: true, keyEncipherment: true },
    { name: 'extKeyUsage', serverAuth: true },
    { name: 'subjectAltName', altNames: names.map((value) => ({ type: 2, value })) },
    { name: 'subjectKeyIdentifier' },
    { name: 'authorityKeyIdentifier', keyIdentifier: ca.generateSubjectKeyIdentifier().getBytes() },
  ])
  leaf.sign(caKeys.privateKey, forge.md.sha256.create())
  return {
    ca: forge.pki.certificateToPem(ca),
    caKey: caKeys.pem,
    cert: forge.pki.certificateToPem(leaf),
    key: leafKeys.pem,
  }
}

async function rsaKey() {
  const { privateKey } = await generate('rsa', { modulusLength: 2048 })
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
  const key = forge.pki.privateKeyFromPem(pem)
  return { pem, privateKey: key, publicKey: forge.pki.setRsaPublicKey(key.n, key.e) }
}

/**
 * A serial number, hex, from random bytes: positive and without a leading zero byte, whatever they are (RFC 5280,
 * 4.1.2.2, and X.690, 8.3.2: a number that is padded without need is not read by OpenSSL).
 */
export function serialOf(random: Uint8Array): string {
  const [first = 0, ...rest] = random
  return Buffer.from([(first & 0x7f) | 0x40, ...rest]).toString('hex')
}

type Name = { name: string; value: string }[]

function certificate(publicKey: forge.pki.PublicKey, subject: Name, issuer: Name, now: Date, days: number) {
  const made = forge.pki.createCertificate()
  made.publicKey = publicKey
  made.serialNumber = serialOf(randomBytes(16))
  made.validity.notBefore = new Date(now.getTime() - BACKDATED)
  made.validity.notAfter = new Date(now.getTime() + days * DAY)
  made.setSubject(subject)
  made.setIssuer(issuer)
  return made
}
