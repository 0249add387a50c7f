import { readDirectives } from './directives.ts'
import type { Finding } from './finding.ts'
import { lex, OpenText } from './lexer.ts'
import type { Format, Migration, Script } from './migration.ts'
import { lineOf, type Statement, splitStatements } from './statements.ts'
import { transactionBody } from './transaction.ts'

/** What is known of the folder: whose files they are, and where the history is kept. */
export interface Surroundings {
  readonly format: Format
  readonly historySchema: string
}

/** A migration with what its own text says of it (directives, floor), and the findings about it. */
export function inspectMigration(
  given: Migration,
  around: Surroundings,
): { migration: Migration; findings: Finding[] } {
  const findings: Finding[] = []
  const {
    irreversible,
    floor,
    noTransaction,
    findings: unclear,
  } = readDirectives(given.up.file, given.up.text, given.up.line)
  findings.push(...unclear)
  const up = inspectScript(given.up, findings)
  if (noTransaction !== undefined) findings.push(notYet(given.up.file, noTransaction))
  const down = given.down === undefined ? undefined : inspectScript(given.down, findings)
  if (given.down === undefined && irreversible === undefined) findings.push(missing(given, around.format))
  if (given.down !== undefined && down?.length === 0 && irreversible === undefined) findings.push(empty(given.down))
  if (given.down !== undefined) findings.push(...touches(given.down, down ?? [], around))
  const known = up?.length === 0 ? '0' : floor
  return {
    migration: { ...given, ...(irreversible && { irreversible }), ...(known !== undefined && { floor: known }) },
    findings: findings.map((finding) => ({ ...finding, version: given.version })),
  }
}

/** Its statements but for an outer BEGIN … COMMIT, or undefined when it cannot be cut. */
function inspectScript(script: Script, findings: Finding[]): Statement[] | undefined {
  try {
    findings.push(...metaCommands(script))
    const body = transactionBody(script)
    findings.push(...body.findings)
    return [...splitStatements(body.text)]
  } catch (error) {
    if (!(error instanceof OpenText)) throw error
    const line = lineOf(script.text, error.offset) + script.line - 1
    findings.push({
      code: 'source-unreadable',
      severity: 'error',
      file: script.file,
      line,
      message: `${script.file} line ${line} opens ${error.what} that is never closed`,
      fix: 'close it',
    })
    return undefined
  }
}

function metaCommands(script: Script): Finding[] {
  const found: Finding[] = []
  for (const token of lex(script.text)) {
    if (token.kind !== 'meta') continue
    const command = script.text.slice(token.start, token.end).split(/\s/)[0] ?? ''
    const line = lineOf(script.text, token.start) + script.line - 1
    const message = `${script.file} line ${line} has ${command}, a command of psql that no server knows`
    found.push({
      code: 'source-unreadable',
      severity: 'error',
      file: script.file,
      line,
      message,
      fix: 'remove the line',
    })
  }
  return found
}

const missing = (migration: Migration, format: Format): Finding => ({
  code: 'rollback-missing',
  severity: 'error',
  file: migration.up.file,
  message: `${migration.up.file} has no down script`,
  fix: `${format.missingDown(migration)} (npx lockkeeper lint shows what it must undo)`,
})

const empty = (down: Script): Finding => ({
  code: 'rollback-empty',
  severity: 'error',
  file: down.file,
  line: down.line,
  message: `${down.file} holds no statement, so it would undo nothing`,
  fix: `write what undoes the up script into ${down.file}, or declare the up script irreversible`,
})

const notYet = (file: string, line: number): Finding => ({
  code: 'transaction-control',
  severity: 'error',
  file,
  line,
  message: `${file} line ${line} asks to run outside a transaction, which this release does not do`,
  fix: 'remove the line and use statements that may run in a transaction',
})

const changes = new Set([
  'drop',
  'alter',
  'delete',
  'update',
  'truncate',
  'insert',
  'lock',
  'create',
  'grant',
  'revoke',
])

function touches(down: Script, statements: readonly Statement[], around: Surroundings): Finding[] {
  return statements.flatMap(({ words, start }) => {
    const name = changes.has(words[0] ?? '') || words[0] === 'with' ? guardedName(words, around) : undefined
    if (name === undefined) return []
    const line = lineOf(down.text, start) + down.line - 1
    return {
      code: 'rollback-touches-history',
      severity: 'error',
      file: down.file,
      line,
      message: `${down.file} line ${line} changes ${name}, where the history of the migrations is kept`,
      fix: 'remove the statement: the history is kept in step without it',
    } satisfies Finding
  })
}

function guardedName(words: readonly string[], { historySchema, format }: Surroundings): string | undefined {
  const own = words.findIndex(
    (word, i) => word === historySchema && (words[i + 1] === '.' || words.slice(0, i).includes('schema')),
  )
  return own >= 0 ? `schema ${historySchema}` : words.find((word) => word === format.historyTable)
}
