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

/** Of one catalogue; whoever asks for each of its versions is not to fill the memory. */
const MAX_TARGETS = 20

/** A catalogue never changes, and every review of a workload asks for the same digest. */
const known = new WeakMap<Digested, Map<string, string>>()

/**
 * `v1:` and SHA-256 over a line `VERSION UP-CHECKSUM DOWN-CHECKSUM-or-dash` per entry up to the target, in version
 * order, and then a line `KEY CHECKSUM -` for whatever runs beside the versions. Names of versions are left out: renaming
 * a file changes nothing that runs.
 */
export function digestOf(catalogue: Digested, target: string): string {
  const digests = known.get(catalogue) ?? new Map<string, string>()
  known.set(catalogue, digests)
  const digest = digests.get(target) ?? computed(catalogue, target)
  if (digests.size >= MAX_TARGETS) digests.clear()
  digests.set(target, digest)
  return digest
}

function computed({ entries, unversioned = [] }: Digested, target: string): string {
  const covered = entries
    .filter((entry) => compareVersions(entry.version, target) <= 0)
    .sort((a, b) => compareVersions(a.version, b.version))
  const lines = [
    ...covered.map(({ version, up, down }) => `${version} ${up} ${down ?? '-'}\n`),
    ...unversioned.map(({ key, up }) => `${key} ${up} -\n`),
  ]
  return `v1:${createHash('sha256').update(lines.join('')).digest('hex')}`
}
