import { createHash } from 'node:crypto'
import type { Digested } from '../migration/digest.ts'
import { compareVersions } from '../migration/version.ts'

/**
 * For each version the digest (`migration/digest.ts`) of everything that runs before it: the versions below, callbacks
 * and baselines. Repeatable migrations (keys `R:`) are not in it: they run after all versions, and a proof is made
 * without them. One pass, since a catalogue may hold thousands; where there are many callbacks and baselines, one line
 * `beside SHA-256` stands for theirs, so that each version does not go through all of them.
 */
export function digestsBefore({ entries, unversioned = [] }: Digested): ReadonlyMap<string, string> {
  const digests = new Map<string, string>()
  const beside = besideOf(unversioned.filter(({ key }) => !key.startsWith('R:')))
  const hash = createHash('sha256')
  for (const { version, up, down } of [...entries].sort((a, b) => compareVersions(a.version, b.version))) {
    digests.set(version, `v1:${hash.copy().update(beside).digest('hex')}`)
    hash.update(`${version} ${up} ${down ?? '-'}\n`)
  }
  return digests
}

/** So many are listed one by one, as in every proof of a set that has no more. */
const LISTED = 20

function besideOf(all: NonNullable<Digested['unversioned']>): string {
  const lines = all.map(({ key, up }) => `${key} ${up} -\n`).join('')
  return all.length <= LISTED ? lines : `beside ${createHash('sha256').update(lines).digest('hex')}\n`
}
