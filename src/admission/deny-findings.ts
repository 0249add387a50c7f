import type { Policy } from '../injection/policy.ts'
import { type Finding, type FindingCode, SAFETY_CODES } from '../migration/finding.ts'

/** Findings whose code the namespace lists in `deny-findings` are denials; so is SQL that nobody could look at for them. */
export const hardened = (findings: readonly Finding[], { denyFindings }: Policy): Finding[] =>
  findings.map((finding) => {
    const { code } = finding
    const listed =
      denyFindings.includes(code) || (unseen.includes(code) && SAFETY_CODES.some((each) => denyFindings.includes(each)))
    return listed ? { ...finding, severity: 'error' } : finding
  })

/** There is SQL that nobody looked at. */
const unseen: readonly FindingCode[] = ['sql-unjudged', 'too-many-findings', 'too-many-statements', 'sql-too-long']
