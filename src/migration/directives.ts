import type { Finding } from './finding.ts'
import type { Migration } from './migration.ts'
import { parseVersion } from './version.ts'

/** What `-- lockkeeper:` lines of an up script say. */
export interface Directives {
  readonly irreversible?: NonNullable<Migration['irreversible']>
  readonly floor?: string
  readonly noTransaction?: number
  readonly findings: readonly Finding[]
}

/** Reads the directives, each on a comment line of its own. `firstLine` is the file's line of the text's first. */
export function readDirectives(file: string, text: string, firstLine: number): Directives {
  const found: { irreversible?: Directives['irreversible']; floor?: string; noTransaction?: number } = {}
  const findings: Finding[] = []
  // A script may be of many megabytes, and hardly any has one.
  if (!text.includes('lockkeeper:')) return { findings }
  text.split(/\r\n|\r|\n/).forEach((content, index) => {
    const line = firstLine + index
    const match = /^\s*--\s*lockkeeper:\s*(\S*)\s*(.*)$/.exec(content)
    if (match === null) return
    const [, word = '', rest = ''] = match
    const floor = word === 'floor' ? parseVersion(rest.trim()) : undefined
    if (word === 'irreversible' && rest.trim() !== '') found.irreversible = { reason: rest.trim(), line }
    else if (floor !== undefined) found.floor = floor
    else if (word === 'no-transaction') found.noTransaction = line
    else findings.push(unclear(file, line, word))
  })
  return { ...(found as Directives), findings }
}

const unclear = (file: string, line: number, word: string): Finding => {
  const known = 'write `-- lockkeeper: irreversible REASON`, `floor VERSION` or `no-transaction`'
  const what =
    word === 'irreversible'
      ? 'says irreversible without a reason'
      : word === 'floor'
        ? 'gives no version as its floor'
        : `has the unknown directive "${word}"`
  return { code: 'marker-unclear', severity: 'error', file, line, message: `${file} line ${line} ${what}`, fix: known }
}
