import { CONFIG, DOMAIN, INTENT, POLICY, STATUS } from '../contract.ts'
import { type Finding, refusal, remark } from '../migration/finding.ts'
import { nearest } from './nearest.ts'

export interface Annotations {
  readonly [key: string]: string
}

/** `annotation-invalid`: the value cannot be, or is missing where it must be. */
export const invalid = (key: string, value: string | undefined, fix: string): Finding =>
  refusal('annotation-invalid', `${key} ${shown(value)}`, fix)

/** What the interface knows and this release does not do. */
export const later = (key: string, value: string): Finding =>
  refusal(
    'annotation-invalid',
    `${key} ${shown(value)}, which this release does not do yet`,
    'leave it out, or wait for a release that says it does',
  )

const shown = (value: string | undefined) =>
  value === undefined ? 'is not set' : `is "${value.length > 60 ? `${value.slice(0, 60)}…` : value}"`

const intentKeys = [...Object.values(INTENT), ...Object.values(CONFIG)]
const policyKeys: readonly string[] = Object.values(POLICY)

/** Keys of ours that nobody knows, each with the nearest known one. */
export function unknownKeys(annotations: Annotations, where: 'workload' | 'namespace'): Finding[] {
  const known: readonly string[] = where === 'workload' ? intentKeys : [...intentKeys, ...policyKeys]
  return Object.keys(annotations).flatMap((key): Finding[] => {
    const ours = key.startsWith(`${DOMAIN}/`) || key.startsWith(`config.${DOMAIN}/`)
    if (!ours || key === STATUS || known.includes(key)) return []
    if (policyKeys.includes(key)) return [unknown(key, 'counts on the namespace only', 'set it there')]
    return [unknown(key, 'is not known', `did you mean ${nearest(key, known)}?`)]
  })
}

const unknown = (key: string, what: string, fix: string): Finding => remark('annotation-unknown', `${key} ${what}`, fix)
