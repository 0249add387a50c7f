import { type Finding, SAFETY_CODES, type SafetyCode } from './finding.ts'
import type { Migration } from './migration.ts'
import { parseVersion } from './version.ts'

/** What the `-- lockkeeper:` lines of a script say. Lines are those of the file, 1-based. */
export interface Directives {
  readonly irreversible?: NonNullable<Migration['irreversible']>
  /** The step is done by something else than this script: why. */
  readonly elsewhere?: NonNullable<Migration['irreversible']>
  /** The author's word that the up script leaves nothing that a down script could undo: why. */
  readonly nothingToUndo?: NonNullable<Migration['irreversible']>
  readonly floor?: string
  readonly noTransaction?: number
  /** The author's word that code written for the schema before this script works after it too: why. */
  readonly compatible?: string
  /** Findings that are meant to be, each about the statement behind its line. */
  readonly allowed: readonly Allowed[]
  readonly findings: readonly Finding[]
}

export interface Allowed {
  readonly code: SafetyCode
  readonly reason: string
  readonly line: number
}

type Found = { -readonly [Key in keyof Directives]: Directives[Key] } & { allowed: Allowed[]; findings: Finding[] }

/** Reads the directives, each on a comment line of its own. `firstLine` is the file's line of the text's first. */
export function readDirectives(file: string, text: string, firstLine: number): Directives {
  const found: Found = { allowed: [], findings: [] }
  // A script may be of many megabytes, and hardly any has one.
  if (!text.includes('lockkeeper:')) return found
  text.split(/\r\n|\r|\n/).forEach((content, index) => {
    const match = /^\s*--\s*lockkeeper:\s*(\S*)\s*(.*)$/.exec(content)
    if (match === null) return
    const [, word = '', rest = ''] = match
    const line = firstLine + index
    if (!take(found, word, rest.trim(), line)) found.findings.push(unclear(file, line, word, rest.trim()))
  })
  return found
}

/** Whether a directive says something, which is then noted. */
function take(found: Found, word: string, rest: string, line: number): boolean {
  if (word === 'no-transaction') {
    found.noTransaction = line
    return true
  }
  const floor = word === 'floor' ? parseVersion(rest) : undefined
  if (floor !== undefined) found.floor = floor
  else if (rest === '') return false
  else if (word === 'irreversible') found.irreversible = { reason: rest, line }
  else if (word === 'elsewhere') found.elsewhere = { reason: rest, line }
  else if (word === 'nothing-to-undo') found.nothingToUndo = { reason: rest, line }
  else if (word === 'compatible') found.compatible = rest
  else {
    const [, code = '', reason = ''] = /^(\S+)\s*(.*)$/.exec(rest) ?? []
    const known = SAFETY_CODES.find((each) => each === code)
    if (word !== 'allow' || known === undefined || reason === '') return false
    found.allowed.push({ code: known, reason, line })
  }
  return true
}

function unclear(file: string, line: number, word: string, rest: string): Finding {
  const [what, fix, severity] = complaint(word, rest)
  return { code: 'marker-unclear', severity, file, line, message: `${file} line ${line} ${what}`, fix }
}

const needReason: ReadonlySet<string> = new Set(['irreversible', 'compatible', 'elsewhere', 'nothing-to-undo'])

function complaint(word: string, rest: string): [what: string, fix: string, severity: Finding['severity']] {
  const known =
    'write `-- lockkeeper: irreversible REASON`, `nothing-to-undo REASON`, `elsewhere REASON`, `floor VERSION`, `no-transaction`, `compatible REASON` or `allow CODE REASON`'
  if (word === 'floor') return ['gives no version as its floor', known, 'error']
  if (needReason.has(word)) return [`says ${word} without a reason`, known, 'error']
  if (word !== 'allow') return [`has the unknown directive "${word}"`, known, 'error']
  const [code = ''] = rest.split(/\s/)
  if (code === '') return ['allows a finding without its code and a reason', known, 'error']
  if (SAFETY_CODES.some((each) => each === code)) {
    return [`allows ${code} without a reason`, `write \`-- lockkeeper: allow ${code} REASON\``, 'error']
  }
  // No error: a webhook that is older than the program may not know the code yet.
  return [`allows ${code}, which is no code that can be allowed`, 'docs/rules.md lists the codes', 'warning']
}
