import { type Finding, refusal } from '../migration/finding.ts'
import type { Catalogue, CatalogueEntry } from '../migration/migration.ts'
import { digestsBefore } from './predecessors.ts'
import { type ProofEntry, restoresSchema } from './proof.ts'
import { readProof } from './proof-file.ts'
import { type Distrust, distrust, readPublicKey } from './signature.ts'

const PROVE = 'lockkeeper prove --proof FILE --sign KEY, then lockkeeper catalogue --proof FILE'

/** What a namespace asks of proofs beyond their signature. */
export interface ProofRules {
  /** PostgreSQL majors on each of which a migration has to be proven. */
  readonly majors?: readonly number[]
  /** Milliseconds after which an entry counts no more. */
  readonly maxAgeMs?: number
  /** Milliseconds of the epoch. */
  readonly now: number
}

/**
 * `rollback-unproven` for each judged migration that no signed record says can be undone. `proof` is the text that came
 * with the catalogue, `publicKey` the value of the namespace's `proof-key` (PEM, or its base64 on one line). The whole
 * catalogue is needed, since an entry holds behind exactly its predecessors. A migration that says that it cannot be
 * undone needs no proof: `rollback-irreversible` is about that.
 */
export function verifyProof(
  proof: string | undefined,
  catalogue: Pick<Catalogue, 'entries' | 'unversioned'>,
  publicKey: string | undefined,
  judged: readonly CatalogueEntry[] = catalogue.entries,
  rules: ProofRules = { now: 0 },
): Finding[] {
  const wanted = judged.filter(({ irreversible }) => irreversible === undefined)
  if (wanted.length === 0) return []
  const all = (why: string, fix: string) => [refusal('rollback-unproven', `${named(wanted)}: ${why}`, fix)]
  const key = publicKey === undefined ? undefined : readPublicKey(publicKey)
  if (key === undefined) {
    const what = publicKey === undefined ? 'has no proof-key' : 'has a proof-key that is no Ed25519 public key'
    return all(
      `the namespace ${what}, so nothing can be checked`,
      'set lockkeeper.dev/proof-key on the namespace to the line that lockkeeper prove --sign KEY prints',
    )
  }
  if (proof === undefined) return all('no proof comes with the migrations', PROVE)
  const read = readProof(proof)
  if ('flaw' in read) return all(`the proof cannot be read: ${read.flaw}`, PROVE)
  const reason = distrust(read, key)
  if (reason !== undefined) return all(distrusted[reason], PROVE)
  const before = digestsBefore(catalogue)
  const entries = Map.groupBy(read.entries, ({ version }) => version)
  return wanted.flatMap((entry) => {
    const why = unproven(entry, before.get(entry.version) ?? '', entries.get(entry.version) ?? [], rules)
    return why === undefined
      ? []
      : [{ ...refusal('rollback-unproven', `${entry.upFile} ${why}`, PROVE, entry.version), file: entry.upFile }]
  })
}

const distrusted: Readonly<Record<Distrust, string>> = {
  unsigned: 'the proof is not signed',
  'other-key': 'the proof is signed with another key than the proof-key of the namespace',
  changed: 'the proof is not what was signed: it was changed afterwards (bad signature)',
}

const SHOWN = 5

function named(entries: readonly CatalogueEntry[]): string {
  const versions = entries.slice(0, SHOWN).map(({ version }) => version)
  const more = entries.length - versions.length
  return `version ${versions.join(', ')}${more === 0 ? '' : ` and ${more} more`}`
}

/** Why no entry speaks for a migration: the nearest one says it. */
function unproven(
  entry: CatalogueEntry,
  before: string,
  sameVersion: readonly ProofEntry[],
  rules: ProofRules,
): string | undefined {
  if (sameVersion.length === 0) return 'has no entry in the proof'
  const sameScripts = sameVersion.filter(({ up, down }) => up === entry.up && down === entry.down)
  if (sameScripts.length === 0) {
    const which = sameVersion.some(({ up }) => up === entry.up) ? 'its down script' : 'its up script'
    return `was proven with other checksums: ${which} is not the one that was tried`
  }
  const same = sameScripts.filter((each) => each.before === before)
  if (same.length === 0)
    return 'was proven behind other predecessors: a migration before it was added, removed or changed'
  if (!same.some(restoresSchema)) return 'was tried, and its down script did not restore the schema'
  return rules.majors === undefined ? tooOld(same, rules) : unprovenOn(rules.majors, same, rules)
}

/** Every major that the namespace names has to be proven, and on none of them may anything differ. */
function unprovenOn(majors: readonly number[], entries: readonly ProofEntry[], rules: ProofRules): string | undefined {
  for (const major of majors) {
    const there = entries.filter(({ postgres }) => postgres === major)
    if (there.length === 0) return `was not tried on PostgreSQL ${major}, which proof-majors of the namespace names`
    if (!there.every(restoresSchema))
      return `was tried on PostgreSQL ${major}, and its down script did not restore the schema there`
    const old = tooOld(there, rules)
    if (old !== undefined) return `${old} (PostgreSQL ${major})`
  }
  return undefined
}

const DAY = 86_400_000

function tooOld(entries: readonly ProofEntry[], { maxAgeMs, now }: ProofRules): string | undefined {
  if (maxAgeMs === undefined) return undefined
  const newest = Math.max(...entries.filter(restoresSchema).map(({ at }) => Date.parse(at)))
  if (now - newest <= maxAgeMs) return undefined
  const days = Math.floor((now - newest) / DAY)
  return `was proven ${days} days ago, longer than proof-max-age of the namespace allows`
}
