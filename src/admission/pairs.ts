import { createHash } from 'node:crypto'
import type { Pairs } from '../injection/status.ts'
import { LIMITS } from '../limits.ts'
import type { Catalogue, CatalogueEntry } from '../migration/migration.ts'
import { compareVersions, isAbove } from '../migration/version.ts'

/** Quotes, colon and comma. */
const PUNCTUATION = 6
/** 16 bytes: to find another script with the same ones takes longer than a release lives. */
const PREFIX = 32

/** What a status keeps of a pair of scripts. */
export const pairOf = ({ up, down }: Pick<CatalogueEntry, 'up' | 'down'>): string =>
  down === undefined ? up.slice(0, PREFIX) : `${up.slice(0, PREFIX)}.${down.slice(0, PREFIX)}`

/** The up script's part of it. */
export const upOf = (pair: string): string => pair.slice(0, PREFIX)

/** The scripts of a catalogue up to a target, for a status: the newest by version, and a hash over all below them. */
export function pairsOf(catalogue: Catalogue, target: string): Pairs {
  const covered = catalogue.entries.filter(({ version }) => compareVersions(version, target) <= 0)
  const texts = covered.map((entry): [string, string] => [entry.version, pairOf(entry)])
  const first = firstWithin(LIMITS.statusEntries.value, texts)
  const beside = besideOf(catalogue)
  return {
    entries: Object.fromEntries(texts.slice(first)),
    ...(first > 0 && { older: hashOf(covered.slice(0, first)) }),
    ...(beside !== undefined && { beside }),
    format: catalogue.format,
  }
}

/** From which place on the entries fit into so many characters. */
function firstWithin(room: number, texts: readonly (readonly [string, string])[]): number {
  let left = room
  for (let i = texts.length - 1; i >= 0; i--) {
    const [version, pair] = texts[i] as readonly [string, string]
    left -= version.length + pair.length + PUNCTUATION
    if (left < 0) return i + 1
  }
  return 0
}

/** What is known of the scripts up to a lower target. */
export function pairsUpTo({ entries, older, beside, format }: Pairs, target: string): Pairs {
  const kept = Object.entries(entries).filter(([version]) => !isAbove(version, target))
  if (kept.length === 0) return { entries: {} }
  return {
    entries: Object.fromEntries(kept),
    ...(older !== undefined && { older }),
    ...(beside !== undefined && { beside }),
    ...(format !== undefined && { format }),
  }
}

/** The lowest version that has an entry. */
export function oldestOf({ entries }: Pairs): string | undefined {
  let oldest: string | undefined
  for (const version in entries) {
    if (oldest === undefined || compareVersions(version, oldest) < 0) oldest = version
  }
  return oldest
}

/** A hash over the pairs of these versions, in their order. */
export const hashOf = (entries: readonly Pick<CatalogueEntry, 'version' | 'up' | 'down'>[]): string =>
  hashed(entries.map(({ version, up, down }) => `${version} ${up} ${down ?? '-'}\n`))

/** A hash over what runs beside the versions; undefined where nothing does. */
export const besideOf = ({ unversioned = [] }: Catalogue): string | undefined =>
  unversioned.length === 0 ? undefined : hashed(unversioned.map(({ key, up }) => `${key} ${up}\n`))

const hashed = (lines: readonly string[]) => createHash('sha256').update(lines.join('')).digest('hex').slice(0, PREFIX)
