import { STATUS } from '../contract.ts'
import type { Catalogue } from '../migration/migration.ts'
import { compareVersions } from '../migration/version.ts'
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

/** The status of a workload, or undefined when there is none that can be read. */
export function readStatus(workload: Workload | undefined): Status | undefined {
  const text = workload?.spec.template.metadata?.annotations?.[STATUS]
  if (text === undefined) return undefined
  try {
    const found = JSON.parse(text) as Partial<Status>
    const { target, digest, token, floor, intent, entries } = found
    if (typeof target !== 'string' || typeof digest !== 'string' || typeof intent !== 'string') return undefined
    if (typeof token !== 'number' || !Number.isSafeInteger(token)) return undefined
    return { target, digest, token, floor: typeof floor === 'string' ? floor : target, intent, entries: entries ?? {} }
  } catch {
    return undefined // Somebody wrote over it; what was built is then built anew.
  }
}

/** The same status is always the same text. */
export const writeStatus = ({ target, digest, token, floor, intent, entries }: Status): string =>
  JSON.stringify({ target, digest, token, floor, intent, entries })

/** Prefixes of the up checksums of the last versions up to a target. */
export function entriesOf(catalogue: Catalogue, target: string): Record<string, string> {
  const covered = catalogue.entries.filter(({ version }) => compareVersions(version, target) <= 0)
  return Object.fromEntries(covered.slice(-MAX_ENTRIES).map(({ version, up }) => [version, up.slice(0, 8)]))
}
