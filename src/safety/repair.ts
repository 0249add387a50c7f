import type { Finding } from '../migration/finding.ts'
import type { Script } from '../migration/migration.ts'
import { transactionBody } from '../migration/transaction.ts'
import type { Repair } from './rule.ts'

/** A script as it should be. Its text was all of its file, or the file is not to be written. */
export interface RepairedScript {
  readonly file: string
  readonly version: string | undefined
  readonly code: Finding['code']
  /** What the file has to hold for the repair to be right, BOM left out. */
  readonly before: string
  readonly after: string
}

/**
 * A script of one statement with that statement put right; none where there are several, or a transaction of its own.
 * Nothing else in it is touched: comments and line ends stay.
 */
export function repairedScript(
  script: Script,
  { code, version, file = '' }: Finding,
  repair: Repair,
): RepairedScript[] {
  const { statements, outer } = transactionBody(script)
  const [statement] = statements
  if (statement === undefined || statements.length !== 1 || outer) return []
  const end = script.text.includes('\r\n') ? '\r\n' : '\n'
  const own =
    script.text.slice(0, statement.start) + repair.text.replace(/(?<!\r)\n/g, end) + script.text.slice(statement.end)
  const says = /^\s*--\s*lockkeeper:\s*no-transaction/m.test(script.text)
  const after = repair.alone && !says ? `-- lockkeeper: no-transaction${end}${own}` : own
  return [{ file, version, code, before: script.text, after }]
}
