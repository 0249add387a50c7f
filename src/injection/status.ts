import { STATUS } from '../contract.ts'
import type { Catalogue } from '../migration/migration.ts'
import { compareVersions, parseVersion } from '../migration/version.ts'
import type { Workload } from './workload.ts'

/** What a pod template was built for: written by us, on the template, so that an undo brings it back with its parts. */
export interface Status {
  readonly target: string
  /** Digest of the catalogue up to the target, or `-`. */
  readonly digest: string
  readonly token: number
  /** The lowest target whose code is known to work on the target's schema. */
  readonly floor: string
  /** Hash of the workload's own intent. */
  readonly intent: string
  /** Version to the first 4 bytes, hex, of its up checksum. */
  readonly entries: Readonly<Record<string, string>>
}

const MAX_ENTRIES = 200

/** The last millisecond that a date can name: a token above it was not made by a clock, and could not grow. */
const MAX_TOKEN = 8.64e15

/** The status of a workload, or undefined when there is none that can be read. */
export function readStatus(workload: Workload | undefined): Status | undefined {
  const text = workload?.spec.template.metadata?.annotations?.[STATUS]
  if (text === undefined) return undefined
  const known = read.get(text)
  if (known !== undefined) return known.status
  const status = parsed(text)
  if (text.length > LONGEST_KNOWN) return status
  if (read.size >= MAX_KNOWN) read.clear()
  read.set(text, { status })
  return status
}

/** The same texts come again and again: in both objects of a review, from both webhooks, with every replica edit. */
const read = new Map<string, { readonly status: Status | undefined }>()
const MAX_KNOWN = 200
/** Of 200 versions it has some 6 KB; an annotation may have 256. */
const LONGEST_KNOWN = 20_000

function parsed(text: string): Status | undefined {
  try {
    return checked(JSON.parse(text))
  } catch {
    return undefined // Somebody wrote over it; what was built is then built anew.
  }
}

function checked(found: Partial<Status> | null): Status | undefined {
  const { target, digest, token, floor, intent, entries } = found ?? {}
  if (!isVersion(target) || typeof digest !== 'string' || typeof intent !== 'string') return undefined
  if (!Number.isSafeInteger(token) || token === undefined || token < 0 || token > MAX_TOKEN) return undefined
  return { target, digest, token, floor: isVersion(floor) ? floor : target, intent, entries: checkedEntries(entries) }
}

const isVersion = (value: unknown): value is string => typeof value === 'string' && parseVersion(value) === value

function checkedEntries(entries: unknown): Status['entries'] {
  if (typeof entries !== 'object' || entries === null) return {}
  const known = Object.entries(entries).filter(([version, up]) => isVersion(version) && typeof up === 'string')
  return Object.fromEntries(known.slice(-MAX_ENTRIES))
}

/** The same status is always the same text. */
export const writeStatus = ({ target, digest, token, floor, intent, entries }: Status): string =>
  JSON.stringify({ target, digest, token, floor, intent, entries })

/** Prefixes of the up checksums of the last versions up to a target. */
export function entriesOf(catalogue: Catalogue, target: string): Record<string, string> {
  const covered = catalogue.entries.filter(({ version }) => compareVersions(version, target) <= 0)
  return Object.fromEntries(covered.slice(-MAX_ENTRIES).map(({ version, up }) => [version, up.slice(0, 8)]))
}
