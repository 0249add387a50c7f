import type { Finding, SafetyCode } from '../migration/finding.ts'
import type { Script } from '../migration/migration.ts'
import { lineOf } from '../migration/statements.ts'
import type { Statement } from '../sql/statement.ts'
import type { Found, Repair } from './rule.ts'

/** A finding, and the statement that a comment in front of could allow it. */
export interface Judged {
  readonly finding: Finding
  /** Its fix without the statements to paste, where it has some. */
  readonly brief?: string
  readonly statement?: Statement
  readonly repair?: Repair
}

/** What a rule found, as a finding with its place. */
export function judgedOf(
  code: SafetyCode,
  { file, text, line: first }: Script,
  statement: Statement | undefined,
  { message, fix, sql, at = 0, repair, severity = 'warning' }: Found & { readonly severity?: Finding['severity'] },
): Judged {
  const line = statement === undefined ? first : lineOf(text, statement.start + at) + first - 1
  const finding: Finding = {
    code,
    severity,
    file,
    line,
    message: `${file} line ${line} ${message}`,
    fix: sql.length === 0 ? fix : `${fix}: ${sql.join(' ')}`,
  }
  return { finding, brief: fix, ...(statement && { statement }), ...(repair && { repair }) }
}
