import { BELOW_FLOOR, type BelowFloor, DEFAULTS, POLICY, ROLLBACK_POLICIES, type RollbackPolicy } from '../contract.ts'
import { LIMITS } from '../limits.ts'
import { FINDING_CODES, type Finding, remark } from '../migration/finding.ts'
import { parseVersion } from '../migration/version.ts'
import { type Annotations, invalid, meant } from './annotation-findings.ts'
import { nearest } from './nearest.ts'

/** The platform's rules for a namespace. */
export interface Policy {
  readonly rollbackPolicy: RollbackPolicy
  /** Whether the namespace says so itself. */
  readonly explicit: boolean
  readonly allowIrreversible: boolean
  readonly allowBreakGlass: boolean
  readonly allowAdopt: boolean
  readonly baseline: string | undefined
  readonly belowFloor: BelowFloor
  readonly denyFindings: readonly string[]
  /** Public key of who may vouch for proofs, as it was written; whoever checks a proof says what is wrong with it. */
  readonly proofKey: string | undefined
  /** PostgreSQL majors on each of which a migration has to be proven; undefined: any one will do. */
  readonly proofMajors: readonly number[] | undefined
  /** Milliseconds after which a proof counts no more. */
  readonly proofMaxAgeMs: number | undefined
  /** Whether scripts without a version may run; undefined: they are only said, but under `proven`. */
  readonly allowUnversioned: boolean | undefined
  /** Whether a workload may name an image for our container. */
  readonly allowImage: boolean
}

/** The rules of a namespace alone: they are needed for a message even when the workload's own annotations are wrong. */
export function readPolicy(namespace: Annotations, findings: Finding[] = []): Policy {
  const flag = (key: string) => {
    const value = namespace[key]
    if (value !== undefined && !/^(true|false)$/.test(value))
      findings.push(invalid(key, value, 'write "true" or "false"'))
    return value === undefined ? undefined : value === 'true'
  }
  const wanted = namespace[POLICY.rollbackPolicy]
  const rollbackPolicy = ROLLBACK_POLICIES.find((each) => each === (wanted ?? DEFAULTS.rollbackPolicy))
  if (rollbackPolicy === undefined)
    findings.push(invalid(POLICY.rollbackPolicy, wanted, `write ${ROLLBACK_POLICIES.join(', ')}`))
  const baselineText = namespace[POLICY.baselineVersion]
  const baseline = baselineText === undefined ? undefined : parseVersion(baselineText)
  if (baselineText !== undefined && baseline === undefined) {
    findings.push(invalid(POLICY.baselineVersion, baselineText, 'write a version like 42'))
  }
  const below = namespace[POLICY.belowFloor]
  const belowFloor = BELOW_FLOOR.find((each) => each === (below ?? DEFAULTS.belowFloor))
  if (belowFloor === undefined) findings.push(invalid(POLICY.belowFloor, below, `write ${BELOW_FLOOR.join(' or ')}`))
  return {
    rollbackPolicy: rollbackPolicy ?? DEFAULTS.rollbackPolicy,
    explicit: wanted !== undefined,
    allowIrreversible: flag(POLICY.allowIrreversible) ?? false,
    allowBreakGlass: flag(POLICY.allowBreakGlass) ?? false,
    allowAdopt: flag(POLICY.allowAdopt) ?? false,
    baseline,
    belowFloor: belowFloor ?? DEFAULTS.belowFloor,
    denyFindings: readDenyFindings(namespace[POLICY.denyFindings] ?? '', findings),
    proofKey: namespace[POLICY.proofKey],
    proofMajors: readMajors(namespace[POLICY.proofMajors], findings),
    proofMaxAgeMs: readAge(namespace[POLICY.proofMaxAge], findings),
    allowUnversioned: flag(POLICY.allowUnversioned),
    allowImage: flag(POLICY.allowImage) ?? true,
  }
}

/** `15,16`; what cannot be read is an error, and asks for a major that no proof has where only the policy is wanted. */
function readMajors(text: string | undefined, findings: Finding[]): readonly number[] | undefined {
  if (text === undefined) return undefined
  const majors = text.split(',').map((each) => (/^ *[1-9]\d{0,2} *$/.test(each) ? Number(each) : 0))
  if (majors.length > MAX_MAJORS || majors.includes(0))
    findings.push(invalid(POLICY.proofMajors, text, 'write majors of PostgreSQL like "15,16"'))
  return [...new Set(majors.slice(0, MAX_MAJORS))]
}
const MAX_MAJORS = 20

/** `90d`, or hours: a proof of minutes ago would be none by the time it is asked for. */
function readAge(text: string | undefined, findings: Finding[]): number | undefined {
  if (text === undefined) return undefined
  const [, number = '0', unit = 'd'] = /^([1-9]\d{0,4})([dh])$/.exec(text.trim()) ?? []
  if (number === '0')
    findings.push(invalid(POLICY.proofMaxAge, text, 'write a number of days like "90d", or of hours like "12h"'))
  return Number(number) * (unit === 'd' ? 24 * HOUR : HOUR)
}
const HOUR = 3_600_000

const known: readonly string[] = FINDING_CODES

/** Codes nobody knows deny nothing; a longer list of them is no list of codes. */
const MAX_UNKNOWN = 5

/** All that is listed is handed to the runner, which may know more codes than this release of the webhook. */
function readDenyFindings(text: string, findings: Finding[]): readonly string[] {
  const codes = [...new Set(text.split(',').flatMap((each) => (each.trim() === '' ? [] : [each.trim()])))]
  const most = LIMITS.deniedCodes.value
  if (codes.length > most) {
    const fix = `list codes of docs/rules.md, each once, and at most ${most}`
    findings.push(invalid(POLICY.denyFindings, `${codes.length} codes`, fix))
    return codes.slice(0, most)
  }
  const unknown = codes.filter((code) => !known.includes(code))
  for (const code of unknown.slice(0, MAX_UNKNOWN)) {
    const word = code.slice(0, 60)
    const fix = meant(nearest(word, known))
    findings.push(remark('annotation-invalid', `${POLICY.denyFindings} names "${word}", which is no code`, fix))
  }
  return codes
}
