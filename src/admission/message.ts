import { POLICY } from '../contract.ts'
import type { Policy } from '../injection/policy.ts'
import { type Finding, type FindingCode, SAFETY_CODES } from '../migration/finding.ts'
import { plain } from './plain.ts'

/** What a denial is about. */
export interface Denied {
  readonly namespace: string
  readonly name: string
  readonly target: string
  readonly policy: Policy
  readonly findings: readonly Finding[]
}

/** Findings that are listed; more are counted by code. */
const MAX_LISTED = 20
/** Characters of one line: a file name may have 253. */
const MAX_LINE = 400

/**
 * All findings in one message, which begins on a fresh line: kubectl puts its own words before it. It stays below 20 KB,
 * which clients print, and keep (Helm in its release, Argo CD in a condition) as it is.
 */
export function denialMessage({ namespace, name, target, policy, findings }: Denied): string {
  const back = findings.every(({ code }) => isRollback(code))
  const listed = findings.slice(0, MAX_LISTED)
  const width = Math.max(...listed.map(({ code }) => code.length))
  const lines = listed.flatMap(({ code, message, fix }) => [
    `  ${code.padEnd(width)}  ${plain(message, MAX_LINE)}`,
    `  ${' '.repeat(width)}  fix: ${plain(fix, MAX_LINE)}`,
  ])
  return [
    '',
    `schema version ${plain(target, 60)} of ${namespace}/${plain(name, 253)} ${back ? 'cannot be rolled back' : 'is refused'}:`,
    ...lines,
    ...notListed(findings.slice(MAX_LISTED)),
    `No pod was changed.${rollbackLine(namespace, policy, findings)}${listedLine(namespace, policy, findings)}`,
  ].join('\n')
}

/** What the policy about down scripts refuses; the other `rollback-*` are about a way back that is being gone. */
const isRollback = (code: FindingCode) =>
  code.startsWith('rollback-') && code !== 'rollback-data-loss' && code !== 'rollback-impossible'

/** These refuse only where a namespace lists them. */
const ofSql: ReadonlySet<string> = new Set(SAFETY_CODES)

function notListed(findings: readonly Finding[]): string[] {
  if (findings.length === 0) return []
  const counts = Map.groupBy(findings, ({ code }) => code)
  const byCode = [...counts].map(([code, each]) => `${each.length} ${code}`)
  return [`  and ${findings.length} more: ${byCode.join(', ')} (lockkeeper lint lists those of the files)`]
}

function rollbackLine(namespace: string, policy: Policy, findings: readonly Finding[]): string {
  if (!findings.some(({ code }) => isRollback(code) && !ofSql.has(code))) return ''
  const setting = `${short(POLICY.rollbackPolicy)}=${policy.rollbackPolicy}`
  return policy.explicit
    ? ` Policy: ${setting} on namespace ${namespace}.`
    : ` Policy: ${setting}, the default on namespace ${namespace}.`
}

/** Codes that are refused because the namespace lists them. */
function listedLine(namespace: string, { denyFindings }: Policy, findings: readonly Finding[]): string {
  const codes = [...new Set(findings.map(({ code }) => code))].filter((code) => denyFindings.includes(code))
  return codes.length === 0
    ? ''
    : ` Policy: ${short(POLICY.denyFindings)}=${codes.join(',')} on namespace ${namespace}.`
}

const short = (key: string) => key.split('/')[1]
