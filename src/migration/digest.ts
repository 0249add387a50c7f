import { createHash } from 'node:crypto'
import { compareVersions } from './version.ts'

/** What a digest covers of an entry: its version and the checksums of its scripts. */
export interface DigestEntry {
  readonly version: string
  readonly up: string
  readonly down?: string
}

/** What a digest covers of a catalogue. */
export interface Digested {
  readonly entries: readonly DigestEntry[]
  readonly unversioned?: readonly { readonly key: string; readonly up: string }[]
}

/**
 * `v1:` and SHA-256 over a line `VERSION UP-CHECKSUM DOWN-CHECKSUM-or-dash` per entry up to the target, in version
 * order, and then a line `KEY CHECKSUM -` for whatever runs beside the versions. Names of versions are left out: renaming
 * a file changes nothing that runs.
 */
export function digestOf({ entries, unversioned = [] }: Digested, target: string): string {
  const hash = createHash('sha256')
  const covered = entries.filter((entry) => compareVersions(entry.version, target) <= 0)
  for (const entry of covered.sort((a, b) => compareVersions(a.version, b.version))) {
    hash.update(`${entry.version} ${entry.up} ${entry.down ?? '-'}\n`)
  }
  for (const { key, up } of unversioned) hash.update(`${key} ${up} -\n`)
  return `v1:${hash.digest('hex')}`
}
