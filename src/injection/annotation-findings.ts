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

const intentKeys: readonly string[] = [...Object.values(INTENT), ...Object.values(CONFIG)]
const policyKeys: readonly string[] = Object.values(POLICY)
/** An excuse and a wish for one release are no defaults. */
const workloadKeys: readonly string[] = [INTENT.schemaVersion, INTENT.breakGlass]
/** More are only counted. */
const MAX_NAMED = 20

/** Keys of ours that nobody knows, each with the nearest known one. */
export function unknownKeys(annotations: Annotations, where: 'workload' | 'namespace'): Finding[] {
  const known = where === 'workload' ? intentKeys : [...intentKeys, ...policyKeys]
  const misplaced = where === 'workload' ? policyKeys : workloadKeys
  const wrong = Object.keys(annotations).filter((key) => {
    const ours = key.startsWith(`${DOMAIN}/`) || key.startsWith(`config.${DOMAIN}/`)
    return ours && key !== STATUS && (misplaced.includes(key) || !known.includes(key))
  })
  const named = wrong.slice(0, MAX_NAMED).map((key): Finding => {
    if (!misplaced.includes(key)) return unknown(key, 'is not known', meant(nearest(key, known)))
    return unknown(key, `counts on the ${where === 'workload' ? 'namespace' : 'workload'} only`, 'set it there')
  })
  const more = wrong.length - named.length
  return more === 0 ? named : [...named, unknown(`${more} more keys`, 'are not known', 'take them away')]
}

/** What to do about a word that is not known, where another is near. */
export const meant = (word: string | undefined): string =>
  word === undefined ? 'take it away: nothing of a similar name is known either' : `did you mean ${word}?`

const unknown = (key: string, what: string, fix: string): Finding => remark('annotation-unknown', `${key} ${what}`, fix)
