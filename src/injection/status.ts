import { STATUS } from '../contract.ts'
import { parseVersion } from '../migration/version.ts'
import type { Workload } from './workload.ts'

/** What a pod template was built for: written by us, on the template, so that an undo brings it back with its parts. */
export interface Status extends Pairs {
  readonly target: string
  /** Digest of the catalogue up to the target, or `-`: the runner then checks whatever files it finds. */
  readonly digest: string
  readonly token: number
  /** The lowest target whose code is known to work on the target's schema. */
  readonly floor: string
  /** Hash of the workload's own intent. */
  readonly intent: string
  /** A version above the target that a way back left in the schema, or may have left; absent where there is none. */
  readonly left?: string
}

/** The scripts that were admitted up to a target, as far as an annotation has room for them. */
export interface Pairs {
  /**
   * Version to its scripts: the first 16 bytes, hex, of the up checksum, a point and those of the down checksum where
   * there is one. Statuses of earlier releases have 4 bytes of the up checksum alone.
   */
  readonly entries: Readonly<Record<string, string>>
  /** Hash over the versions below those; absent: there are none, or an earlier release wrote the status. */
  readonly older?: string
  /** Hash over what runs beside the versions; absent: nothing does, or an earlier release wrote the status. */
  readonly beside?: string
  /** Format that the files were read as; absent: nothing is known of them, or an earlier release wrote the status. */
  readonly format?: string
}

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
/** Somewhat more than the pairs may take (`admission/pairs.ts`); an annotation may have 256 KB. */
const LONGEST_KNOWN = 20_000

function parsed(text: string): Status | undefined {
  try {
    return checked(JSON.parse(text))
  } catch {
    return undefined // Somebody wrote over it; what was built is then built anew.
  }
}

function checked(found: Partial<Status> | null): Status | undefined {
  const { target, digest, token, floor, intent, entries, older, beside, format, left } = found ?? {}
  if (!isVersion(target) || typeof digest !== 'string' || typeof intent !== 'string') return undefined
  if (!Number.isSafeInteger(token) || token === undefined || token < 0 || token > MAX_TOKEN) return undefined
  return {
    ...{ target, digest, token, floor: isVersion(floor) ? floor : target, intent, entries: checkedEntries(entries) },
    ...(typeof older === 'string' && { older }),
    ...(typeof beside === 'string' && { beside }),
    ...(typeof format === 'string' && { format }),
    ...(isVersion(left) && { left }),
  }
}

const isVersion = (value: unknown): value is string => typeof value === 'string' && parseVersion(value) === value

function checkedEntries(entries: unknown): Status['entries'] {
  if (typeof entries !== 'object' || entries === null) return {}
  return Object.fromEntries(
    Object.entries(entries).filter(([version, pair]) => isVersion(version) && typeof pair === 'string'),
  )
}

/** The same status is always the same text. */
export const writeStatus = (status: Status): string => {
  const { target, digest, token, floor, intent, entries, older, beside, format, left } = status
  return JSON.stringify({ target, digest, token, floor, intent, entries, older, beside, format, left })
}
