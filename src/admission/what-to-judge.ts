import type { Status } from '../injection/status.ts'
import { digestOf } from '../migration/digest.ts'
import type { Catalogue, CatalogueEntry } from '../migration/migration.ts'
import { compareVersions } from '../migration/version.ts'
import { besideOf, hashOf, oldestOf, pairOf, upOf } from './pairs.ts'

/** What was admitted before, see `admittedBy`. */
export type Admitted = Pick<Status, 'target' | 'digest' | 'entries' | 'older' | 'beside' | 'format'>

/**
 * Why a version is judged: nothing of what was admitted is known (`unknown`), it was not there (`new`), the scripts below
 * those that are known one by one are others (`older`), it has another up script (`up`), or another down script or none
 * beside the admitted up (`down`).
 */
export type Why = 'unknown' | 'new' | 'older' | 'up' | 'down'

export interface ToJudge {
  readonly versions: readonly { readonly entry: CatalogueEntry; readonly why: Why }[]
  /** What runs beside the versions (repeatable migrations, callbacks, baselines) is not what was admitted. */
  readonly beside: boolean
}

/**
 * Which versions up to a target have to be judged: each whose pair of scripts is not the admitted one, whatever direction
 * the target takes. `admitted`: what the old object was admitted with; undefined where nothing of it counts.
 *
 * | admitted                                    | judged                                                         |
 * |---------------------------------------------|----------------------------------------------------------------|
 * | undefined, or files of another format       | everything                                                     |
 * | an entry with this pair                     | not                                                            |
 * | an entry with another                       | yes: `up` or `down`                                            |
 * | no entry, above the oldest that there is    | yes: `new`                                                     |
 * | no entry, below it                          | unless the hash over all below is the same: `older`            |
 * | a status of an earlier release              | as above, but 4 bytes of the up script are the whole entry, and |
 * |                                             | what lies below the oldest counts as admitted                  |
 *
 * What runs beside the versions is judged as a whole. A status of an earlier release tells by its digest whether it is
 * what was admitted.
 */
export function whatToJudge(admitted: Admitted | undefined, catalogue: Catalogue, target: string): ToJudge {
  const covered = catalogue.entries.filter(({ version }) => compareVersions(version, target) <= 0)
  const runsBeside = besideOf(catalogue)
  if (admitted === undefined || (admitted.format !== undefined && admitted.format !== catalogue.format)) {
    return { versions: covered.map((entry) => ({ entry, why: 'unknown' })), beside: runsBeside !== undefined }
  }
  const why = whyOf(admitted, catalogue)
  const versions = covered.flatMap((entry) => {
    const found = why(entry)
    return found === undefined ? [] : [{ entry, why: found }]
  })
  const sameBeside = isShort(admitted)
    ? admitted.digest === digestOf(catalogue, admitted.target)
    : admitted.beside === runsBeside
  return { versions, beside: runsBeside !== undefined && !sameBeside }
}

/** Whether an earlier release wrote the entries: 4 bytes of the up script. */
function isShort({ format, entries }: Admitted): boolean {
  const pairs = Object.values(entries)
  return format === undefined && pairs.length > 0 && pairs.every((pair) => /^[0-9a-f]{8}$/.test(pair))
}

function whyOf(admitted: Admitted, { entries }: Catalogue): (entry: CatalogueEntry) => Why | undefined {
  const oldest = oldestOf(admitted)
  const below = (version: string) => oldest !== undefined && compareVersions(version, oldest) < 0
  const short = isShort(admitted)
  const olderIsSame = short || admitted.older === hashOf(entries.filter(({ version }) => below(version)))
  return (entry) => {
    const pair = admitted.entries[entry.version]
    if (pair === undefined) return !below(entry.version) ? 'new' : olderIsSame ? undefined : 'older'
    if (short) return entry.up.startsWith(pair) ? undefined : 'up'
    if (pair === pairOf(entry)) return undefined
    return upOf(pair) === upOf(pairOf(entry)) ? 'down' : 'up'
  }
}
