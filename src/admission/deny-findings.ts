import type { Policy } from '../injection/policy.ts'
import type { Finding } from '../migration/finding.ts'

/** Findings whose code the namespace lists in `deny-findings` are denials. */
export const hardened = (findings: readonly Finding[], { denyFindings }: Policy): Finding[] =>
  findings.map((finding) => (denyFindings.includes(finding.code) ? { ...finding, severity: 'error' } : finding))
