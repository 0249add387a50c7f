import { createHash } from 'node:crypto'
import { DOMAIN, INTENT, STATUS } from '../contract.ts'
import type { Workload } from './workload.ts'

/** Annotations of ours on a workload, by key; the status is output, not intent. */
export type Intent = Readonly<Record<string, string>>

/** Keys that metadata and template give different values. */
export interface SplitKey {
  readonly key: string
  readonly metadata: string
  readonly template: string
}

const ours = (key: string) => key !== STATUS && (key.startsWith(`${DOMAIN}/`) || key.startsWith(`config.${DOMAIN}/`))

const ownKeys = (annotations: Readonly<Record<string, string>> | undefined): Intent =>
  Object.fromEntries(Object.entries(annotations ?? {}).filter(([key]) => ours(key)))

/** What a workload itself asks for, on its metadata or on its pod template. */
export function ownIntent({ metadata, spec }: Workload): { intent: Intent; split: readonly SplitKey[] } {
  const outer = ownKeys(metadata.annotations)
  const inner = ownKeys(spec.template.metadata?.annotations)
  const split = Object.entries(inner).flatMap(([key, template]) => {
    const value = outer[key]
    return value === undefined || value === template ? [] : [{ key, metadata: value, template }]
  })
  return { intent: { ...inner, ...outer }, split }
}

/** Whether an intent asks for a schema at all. */
export const asks = (intent: Intent): boolean => intent[INTENT.schemaVersion] !== undefined

/** Names an intent in the status: the same text for the same wishes. Break-glass is an excuse, not a wish. */
export function intentHash(intent: Intent): string {
  const lines = Object.entries(intent)
    .filter(([key]) => key !== INTENT.breakGlass)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, value]) => `${key}=${value}\n`)
  return createHash('sha256').update(lines.join('')).digest('hex').slice(0, 16)
}
