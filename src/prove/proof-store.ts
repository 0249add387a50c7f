import type { KeyObject } from 'node:crypto'
import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { stateOf } from '../postgres/failure.ts'
import { Problem } from '../problem.ts'
import { sameMigration } from '../proof/covers.ts'
import type { ProofEntry, Proven } from '../proof/proof.ts'
import { proofText, readProof } from '../proof/proof-file.ts'
import { distrust, readPrivateKey, signed } from '../proof/signature.ts'

/** What is known from before, and why some of it does not count. */
export interface Known {
  readonly entries: readonly ProofEntry[]
  readonly remark?: string
}

/**
 * The entries of an earlier proof. Who signs vouches for all of them, so only those count that the same key signed; who
 * does not sign vouches for nothing, and may take them as they are.
 */
export function knownEntries(path: string | undefined, key: KeyObject | undefined): Known {
  const text = path === undefined ? undefined : textAt(path)
  if (path === undefined || text === undefined) return { entries: [] }
  const proof = readProof(text)
  if ('flaw' in proof)
    throw new Problem(`${path}: ${proof.flaw}`, 'name another file with --proof, or delete this one to begin anew')
  const reason = key && distrust(proof, key)
  if (reason === undefined) return { entries: proof.entries }
  return { entries: [], remark: `${path} ${untrusted[reason]}, so everything is proven again` }
}

const untrusted = {
  unsigned: 'is not signed',
  'other-key': 'is signed with another key',
  changed: 'is not what was signed (bad signature)',
}

function textAt(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    if (stateOf(error) === 'ENOENT') return undefined
    throw new Problem(`${path} cannot be read (${stateOf(error)})`, 'name a file with --proof FILE')
  }
}

/** The key of `--sign`. Its text is in no message. */
export function signingKey(path: string): KeyObject {
  const cure = 'make one with: openssl genpkey -algorithm ed25519 -out proof.key'
  let pem: string
  try {
    pem = readFileSync(path, 'utf8')
  } catch (error) {
    throw new Problem(`the key ${path} cannot be read (${stateOf(error)})`, cure)
  }
  const key = readPrivateKey(pem)
  if ('flaw' in key) throw new Problem(`the key ${path} ${key.flaw}`, cure)
  return key
}

/**
 * Writes a proof, all at once: what was seen now, and what is known of the same migrations from before (on other majors,
 * or below `--since`). Entries of scripts that are not there any more are left out.
 */
export function writeProof(
  path: string,
  now: readonly ProofEntry[],
  known: readonly ProofEntry[],
  migrations: readonly Proven[],
  key: KeyObject | undefined,
): void {
  const replaced = (entry: ProofEntry) =>
    now.some((each) => sameMigration(each, entry) && each.postgres === entry.postgres && each.start === entry.start)
  const kept = known.filter((entry) => migrations.some((each) => sameMigration(each, entry)) && !replaced(entry))
  const text = proofText([...now, ...kept])
  try {
    writeFileSync(`${path}.new`, key === undefined ? text : signed(text, key))
    renameSync(`${path}.new`, path)
  } catch (error) {
    throw new Problem(`${path} cannot be written (${stateOf(error)})`, 'name a file in a folder that you may write to')
  }
}
