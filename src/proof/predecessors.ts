import { createHash } from 'node:crypto'
import type { Digested } from '../migration/digest.ts'
import { compareVersions } from '../migration/version.ts'

/**
 * For each version the digest (`migration/digest.ts`) of everything that runs before it: the versions below, callbacks
 * and baselines. Repeatable migrations (keys `R:`) are not in it: they run after all versions, and a proof is made
 * without them. One pass, since a catalogue may hold thousands.
 */
export function digestsBefore({ entries, unversioned = [] }: Digested): ReadonlyMap<string, string> {
  const digests = new Map<string, string>()
  const around = unversioned.filter(({ key }) => !key.startsWith('R:')).map(({ key, up }) => `${key} ${up} -\n`)
  const hash = createHash('sha256')
  for (const { version, up, down } of [...entries].sort((a, b) => compareVersions(a.version, b.version))) {
    const so = hash.copy()
    for (const line of around) so.update(line)
    digests.set(version, `v1:${so.digest('hex')}`)
    hash.update(`${version} ${up} ${down ?? '-'}\n`)
  }
  return digests
}
