import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import type { KeySource } from '../../certs/issue.ts'

/** Keys in turn from a pool, since an RSA key takes a tenth of a second. No bundle holds as many certificates as the pool has keys. */
export function keyPool(size = 8): KeySource {
  const pool: KeyObject[] = []
  let next = 0
  return async () => {
    const i = next++ % size
    pool[i] ??= generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey
    return pool[i]
  }
}
