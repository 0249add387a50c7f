import { createHash, createPrivateKey, createPublicKey, type KeyObject, sign, verify } from 'node:crypto'
import type { ReadProof } from './proof-file.ts'

/** A private key that cannot sign a proof, and why. Never holds the key. */
export interface NoKey {
  readonly flaw: string
}

/** An Ed25519 private key from its PEM (PKCS 8), as `openssl genpkey -algorithm ed25519` writes it. */
export function readPrivateKey(pem: string): KeyObject | NoKey {
  if (/BEGIN ENCRYPTED PRIVATE KEY/.test(pem)) return { flaw: 'is encrypted with a password' }
  try {
    const key = createPrivateKey(pem)
    return key.asymmetricKeyType === 'ed25519' ? key : { flaw: `is a key of ${key.asymmetricKeyType}, not of Ed25519` }
  } catch {
    return { flaw: 'holds no private key in PEM' } // The words of OpenSSL name nothing a person could do.
  }
}

/** An Ed25519 public key: PEM, or what stands between its first and last line, on one line (for an annotation). */
export function readPublicKey(text: string): KeyObject | undefined {
  const der = /^(?:-----BEGIN PUBLIC KEY-----)?([A-Za-z0-9+/=\s]+?)(?:-----END PUBLIC KEY-----\s*)?$/.exec(
    text.trim(),
  )?.[1]
  if (der === undefined) return undefined
  try {
    const key = createPublicKey({ key: Buffer.from(der, 'base64'), format: 'der', type: 'spki' })
    return key.asymmetricKeyType === 'ed25519' ? key : undefined
  } catch {
    return undefined
  }
}

const derOf = (key: KeyObject): Buffer => {
  const shown = key.type === 'private' ? createPublicKey(key) : key
  return shown.export({ format: 'der', type: 'spki' })
}

/** The public half as the annotation `proof-key` holds it. */
export const publicKeyLine = (key: KeyObject): string => derOf(key).toString('base64')

/** Tells keys apart; either half gives the same. */
export const keyId = (key: KeyObject): string => createHash('sha256').update(derOf(key)).digest('hex').slice(0, 16)

/** The text with its signature, ready to be written. */
export function signed(text: string, privateKey: KeyObject): string {
  const value = sign(null, Buffer.from(text, 'utf8'), privateKey).toString('base64')
  return `${text}signature ed25519 ${keyId(privateKey)} ${value}\n`
}

/** Why a key does not vouch for a proof. */
export type Distrust = 'unsigned' | 'other-key' | 'changed'

/** Undefined: the owner of the key signed exactly this text. */
export function distrust({ text, signature }: ReadProof, key: KeyObject): Distrust | undefined {
  if (signature === undefined) return 'unsigned'
  const value = Buffer.from(signature.value, 'base64')
  const canonical = value.toString('base64') === signature.value
  if (signature.key !== keyId(key)) return 'other-key'
  const publicKey = key.type === 'private' ? createPublicKey(key) : key
  return canonical && verify(null, Buffer.from(text, 'utf8'), publicKey, value) ? undefined : 'changed'
}
