import { checksumOf } from './checksum.ts'
import { type Directives, readDirectives } from './directives.ts'
import type { Finding } from './finding.ts'
import { OpenText } from './lexer.ts'
import type { Format, Migration, Script, TransactionMode } from './migration.ts'
import { lineOf, type Statement } from './statements.ts'
import { transactionBody } from './transaction.ts'
import { type Undoable, whatNeedsUndoing } from './undoable.ts'

/** What is known of the folder: whose files they are, and where the history is kept. */
export interface Surroundings {
  readonly format: Format
  readonly historySchema: string
}

/**
 * A migration with what its own text says of it (directives, floor, whether it may run in a transaction), and the
 * findings about it.
 */
export function inspectMigration(
  given: Migration,
  around: Surroundings,
): { migration: Migration; findings: Finding[] } {
  const up = inspectScript(given.up)
  const down = given.down && inspectScript(given.down)
  const { floor, elsewhere } = up.directives
  const findings = [...up.findings, ...(down?.findings ?? [])]
  if (elsewhere !== undefined && up.statements?.length !== 0) findings.push(notElsewhere(given.up, elsewhere.line))
  const irreversible = up.directives.irreversible ?? (elsewhere && { ...elsewhere, reason: doneBy(elsewhere.reason) })
  const said = sayNothing({ up, down, given, irreversible })
  findings.push(...said.findings)
  if (!said.settled) {
    if (given.down === undefined && irreversible === undefined) findings.push(missing(given, around.format))
    if (given.down !== undefined && down?.statements?.length === 0 && irreversible === undefined) {
      findings.push(empty(given.down))
    }
  }
  if (given.down !== undefined) findings.push(...touches(given.down, down?.statements ?? [], around))
  // What happens elsewhere may be anything.
  const known = up.statements?.length === 0 && elsewhere === undefined ? '0' : floor
  return {
    migration: {
      ...given,
      ...(said.down && { down: said.down }),
      ...(said.nothing && { nothingToUndo: true as const }),
      ...(elsewhere && { elsewhere: true as const }),
      transaction: {
        up: modeOf(up, given.transaction.up),
        down: down === undefined ? given.transaction.down : modeOf(down, given.transaction.down),
      },
      ...(irreversible && { irreversible }),
      ...(known !== undefined && { floor: known }),
    },
    findings: findings.map((finding) => ({ ...finding, version: given.version })),
  }
}

interface Inspected {
  readonly directives: Directives
  /** Its statements but for an outer BEGIN … COMMIT, or undefined when it cannot be cut. */
  readonly statements: readonly Statement[] | undefined
  /** Has a statement that PostgreSQL forbids in a transaction. */
  readonly alone: boolean
  /** Is all between one BEGIN and COMMIT of its own. */
  readonly outer: boolean
  readonly findings: readonly Finding[]
}

/** A script that opens a transaction around itself has one, whatever else says that it needs none. */
function modeOf({ alone, outer, directives }: Inspected, declared: TransactionMode): TransactionMode {
  if (outer && !alone) return 'required'
  return alone || directives.noTransaction !== undefined ? 'none' : declared
}

function inspectScript(script: Script): Inspected {
  const directives = readDirectives(script.file, script.text, script.line)
  try {
    const body = transactionBody(script)
    const { statements, alone, outer } = body
    return { directives, statements, alone, outer, findings: [...directives.findings, ...body.findings] }
  } catch (error) {
    if (!(error instanceof OpenText)) throw error
    const findings = [...directives.findings, open(script, error)]
    return { directives, statements: undefined, alone: false, outer: false, findings }
  }
}

interface Claim {
  readonly given: Migration
  readonly up: Inspected
  readonly down: Inspected | undefined
  readonly irreversible: Migration['irreversible'] | undefined
}

/**
 * What `nothing-to-undo` comes to. It holds where the up script only changes rows and settings; then a down script that is
 * not there is one without statements. `settled`: what is to be said of the way back is said.
 */
function sayNothing({ given, up, down, irreversible }: Claim): {
  readonly down?: Script
  readonly nothing: boolean
  readonly settled: boolean
  readonly findings: readonly Finding[]
} {
  const claim = up.directives.nothingToUndo ?? down?.directives.nothingToUndo
  const counts = given.kind === 'versioned' && irreversible === undefined && up.statements !== undefined
  if (claim === undefined || !counts) {
    return { nothing: false, settled: false, findings: [] }
  }
  const from = up.directives.nothingToUndo === undefined && given.down !== undefined ? given.down : given.up
  if ((down?.statements?.length ?? 0) > 0) {
    return { nothing: false, settled: true, findings: [twoReadings(from, claim.line, given.down?.file ?? '')] }
  }
  const against = whatNeedsUndoing(given.up.text)
  if (against !== undefined) {
    return { nothing: false, settled: true, findings: [needsUndoing(given, against, claim.line)] }
  }
  if (given.down !== undefined) return { nothing: true, settled: true, findings: [] }
  const text = `-- lockkeeper: nothing-to-undo ${claim.reason}\n`
  const said = { file: given.up.file, line: claim.line, text, checksum: checksumOf(text) }
  return { down: said, nothing: true, settled: true, findings: [] }
}

const doneBy = (reason: string) => `it is done elsewhere: ${reason}`

const twoReadings = ({ file }: Script, line: number, down: string): Finding => ({
  code: 'marker-unclear',
  severity: 'error',
  file,
  line,
  message: `${file} line ${line} says that nothing is to be undone, and ${down} has statements that would run`,
  fix: 'remove the directive, or the statements of the down script',
})

const notElsewhere = ({ file }: Script, line: number): Finding => ({
  code: 'marker-unclear',
  severity: 'error',
  file,
  line,
  message: `${file} line ${line} says that the migration is done elsewhere, and the file has statements that would run`,
  fix: 'remove the directive, or the statements',
})

const needsUndoing = ({ up }: Migration, { what, start }: Undoable, line: number): Finding => {
  const at = lineOf(up.text, start) + up.line - 1
  return {
    code: 'rollback-missing',
    severity: 'error',
    file: up.file,
    line: at,
    message: `${up.file} has no down script: line ${at} has ${what}, so nothing-to-undo (line ${line}) does not count`,
    fix: 'write the down script, or declare the up script irreversible',
  }
}

function open(script: Script, { offset, what }: OpenText): Finding {
  const line = lineOf(script.text, offset) + script.line - 1
  return {
    code: 'source-unreadable',
    severity: 'error',
    file: script.file,
    line,
    message: `${script.file} line ${line} opens ${what} that is never closed`,
    fix: 'close it',
  }
}

const missing = (migration: Migration, format: Format): Finding => ({
  code: 'rollback-missing',
  severity: 'error',
  file: migration.up.file,
  message: `${migration.up.file} has no down script`,
  fix: `${format.missingDown(migration)} (lockkeeper lint shows what it must undo)`,
})

const empty = (down: Script): Finding => ({
  code: 'rollback-empty',
  severity: 'error',
  file: down.file,
  line: down.line,
  message: `${down.file} holds no statement, so it would undo nothing`,
  fix: `write what undoes the up script into ${down.file}, or declare the up script irreversible`,
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
