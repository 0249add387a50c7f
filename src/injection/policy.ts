import { DEFAULTS, POLICY, ROLLBACK_POLICIES, type RollbackPolicy } from '../contract.ts'
import { type Finding, type FindingCode, remark } from '../migration/finding.ts'
import { parseVersion } from '../migration/version.ts'
import { type Annotations, invalid, later } from './annotation-findings.ts'
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
  readonly denyFindings: readonly string[]
}

/** The rules of a namespace alone: they are needed for a message even when the workload's own annotations are wrong. */
export function readPolicy(namespace: Annotations, findings: Finding[] = []): Policy {
  const flag = (key: string) => {
    const value = namespace[key]
    if (value !== undefined && !/^(true|false)$/.test(value))
      findings.push(invalid(key, value, 'write "true" or "false"'))
    return value === 'true'
  }
  const wanted = namespace[POLICY.rollbackPolicy]
  const rollbackPolicy = ROLLBACK_POLICIES.find((each) => each === (wanted ?? DEFAULTS.rollbackPolicy))
  if (rollbackPolicy === undefined) findings.push(invalid(POLICY.rollbackPolicy, wanted, 'write require or off'))
  if (rollbackPolicy === 'proven') findings.push(later(POLICY.rollbackPolicy, rollbackPolicy))
  const baselineText = namespace[POLICY.baselineVersion]
  const baseline = baselineText === undefined ? undefined : parseVersion(baselineText)
  if (baselineText !== undefined && baseline === undefined) {
    findings.push(invalid(POLICY.baselineVersion, baselineText, 'write a version like 42'))
  }
  return {
    rollbackPolicy: rollbackPolicy ?? DEFAULTS.rollbackPolicy,
    explicit: wanted !== undefined,
    allowIrreversible: flag(POLICY.allowIrreversible),
    allowBreakGlass: flag(POLICY.allowBreakGlass),
    allowAdopt: flag(POLICY.allowAdopt),
    baseline,
    denyFindings: readDenyFindings(namespace[POLICY.denyFindings] ?? '', findings),
  }
}

/** Codes nobody knows deny nothing; a longer list of them is no list of codes. */
const MAX_UNKNOWN = 5

/** All that is listed is handed to the runner, which may know more codes than this release of the webhook. */
function readDenyFindings(text: string, findings: Finding[]): readonly string[] {
  const codes = text.split(',').flatMap((each) => (each.trim() === '' ? [] : [each.trim()]))
  const unknown = codes.filter((code) => !Object.hasOwn(FINDING_CODES, code))
  for (const code of unknown.slice(0, MAX_UNKNOWN)) {
    const word = code.slice(0, 60)
    const fix = `did you mean ${nearest(word, Object.keys(FINDING_CODES))}?`
    findings.push(remark('annotation-invalid', `${POLICY.denyFindings} names "${word}", which is no code`, fix))
  }
  return codes
}

/** The codes that exist (`FindingCode` is a type, and types are gone when this runs). */
const FINDING_CODES: Readonly<Record<FindingCode, true>> = {
  'annotation-invalid': true,
  'intent-split': true,
  'source-missing': true,
  'source-unreadable': true,
  'source-too-large': true,
  'source-changed': true,
  'version-invalid': true,
  'version-duplicate': true,
  'version-out-of-order': true,
  'marker-unclear': true,
  'transaction-control': true,
  'target-unknown': true,
  'rollback-missing': true,
  'rollback-empty': true,
  'rollback-irreversible': true,
  'rollback-touches-history': true,
  'rollback-unproven': true,
  'not-injected': true,
  'annotation-unknown': true,
  'break-glass': true,
  'container-restored': true,
  'database-missing': true,
  'deadline-long': true,
  'intent-dropped': true,
  'migration-changed': true,
  'owned-by-controller': true,
  'policy-off': true,
  'rollback-data-loss': true,
  'rollback-impossible': true,
  'schema-ahead-incompatible': true,
  'target-lowered': true,
}
