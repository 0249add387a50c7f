import { backslashBehindOff } from './conforming.ts'
import type { Finding } from './finding.ts'
import type { Script } from './migration.ts'
import { modesWithin } from './modes-within.ts'
import { isAlone, kindOf, type StatementKind } from './statement-kind.ts'
import { lineOf, type Statement, splitStatements } from './statements.ts'
import { beginWith, modesOf } from './transaction-modes.ts'

/** A statement of a script; of its words only the first few are kept, since a script may be of many megabytes. */
export interface BodyStatement extends Statement {
  readonly kind: StatementKind
}
const KEPT_WORDS = 16

/** A script made ready for the transaction that the runner opens. */
export interface TransactionBody {
  /**
   * As many lines as the script: its one outer BEGIN … COMMIT, pg_dump's `\restrict` and the rows of COPY are blanked, so
   * that a line of it is a line of the file.
   */
  readonly text: string
  /** `begin` with the modes of the script's own BEGIN, and of SET TRANSACTION where that stands before anything else. */
  readonly begin: string
  /** The statements that are left, by their offsets in the script. */
  readonly statements: readonly BodyStatement[]
  /** What COPY … FROM STDIN reads, in order. */
  readonly rows: readonly string[]
  /** Whether the script opens and ends a transaction around itself. */
  readonly outer: boolean
  /** Whether PostgreSQL forbids a transaction around one of them. */
  readonly alone: boolean
  readonly findings: readonly Finding[]
}

/** A script is read several times on its way (inspected, planned, sent), and may be of many megabytes. */
const known = new WeakMap<object, TransactionBody>()

/** What the runner would send, and why it cannot (`transaction-control` and others, by line). Throws OpenText. */
export function transactionBody(script: Pick<Script, 'file' | 'line' | 'text'>): TransactionBody {
  const body = known.get(script) ?? read(script)
  known.set(script, body)
  return body
}

function read(script: Pick<Script, 'file' | 'line' | 'text'>): TransactionBody {
  const { text } = script
  const findings: Finding[] = []
  const say = (offset: number, refused: Refusal) => findings.push(finding(script, offset, refused))
  const blanks: Span[] = []
  const onMeta = (token: Span) => {
    const command = text.slice(token.start, token.end).split(/\s/)[0] ?? ''
    if (dumpCommand.test(command)) blanks.push(token)
    else
      say(token.start, [`${command}, a command of psql that no server knows`, 'remove the line', 'source-unreadable'])
  }
  const all: (BodyStatement & { readonly refused: Refusal | undefined })[] = []
  for (const statement of splitStatements(text, onMeta)) {
    const { words } = statement
    const refused = refusal(statement)
    all.push({ ...statement, words: words.slice(0, KEPT_WORDS), kind: kindOf(words), refused })
    if (statement.data?.stray !== undefined) say(statement.data.stray, strayed)
  }
  const [first, last] = [all.at(0), all.at(-1)]
  const outer = first !== undefined && opens(first) && last !== undefined && all.length > 1 && closes(last)
  const backslash = backslashBehindOff(text, all)
  if (backslash !== undefined) say(backslash, ambiguous)
  const lone = !outer && last !== undefined && closes(last) && all.every((each) => each === last || !controls(each))
  const within = outer ? all.slice(1, -1) : lone ? all.slice(0, -1) : all
  const alone = within.find(({ kind }) => isAlone(kind))
  const read = modesWithin(text, within, outer)
  const modes = { ...(outer ? modesOf(optionsOf(first)) : {}), ...read.modes }
  if (modes.access === 'read only') say(read.readOnly ?? first?.start ?? 0, readOnly)
  for (const [statement, refused] of read.refused) say(statement.start, refused)
  const taken = new Set<Statement>(read.taken)
  const statements = within.filter((each) => !taken.has(each))
  blanks.push(...taken)
  for (const { refused, start } of statements) if (refused !== undefined) say(start, refused)
  if (outer && alone !== undefined)
    say(alone.start, [`${head(alone)} between BEGIN and COMMIT, where PostgreSQL forbids it`, notHere])
  if (outer) blanks.push(first, last)
  if (lone) blanks.push(last)
  if (lone) findings.push(loneCommit(script, last))
  for (const { data } of statements) if (data !== undefined) blanks.push({ ...data, end: data.end + 2, rows: true })
  return {
    text: blanked(text, blanks),
    begin: beginWith(modes),
    statements,
    rows: statements.flatMap(({ data }) => (data === undefined ? [] : text.slice(data.start, data.end))),
    outer,
    alone: alone !== undefined,
    findings,
  }
}

/** pg_dump writes these around its output since 2025, as a guard for psql. */
const dumpCommand = /^\\(?:un)?restrict$/

interface Span {
  readonly start: number
  readonly end: number
  /** Only the line ends stay, so that a million rows are no megabytes of spaces. */
  readonly rows?: boolean
}

function blanked(text: string, spans: readonly Span[]): string {
  const parts: string[] = []
  let at = 0
  for (const { start, end, rows } of [...spans].sort((a, b) => a.start - b.start)) {
    const piece = text.slice(start, end)
    parts.push(text.slice(at, start), rows === true ? piece.replace(/[^\n]+/g, '') : piece.replace(/[^\r\n]/g, ' '))
    at = end
  }
  return [...parts, text.slice(at)].join('')
}

const opens = ({ words }: Statement) =>
  (words[0] === 'begin' && words[1] !== 'atomic') || (words[0] === 'start' && words[1] === 'transaction')
const closes = ({ words }: Statement) =>
  (words[0] === 'commit' || words[0] === 'end') &&
  words.slice(1).every((word) => word === 'work' || word === 'transaction')

/** BEGIN and START TRANSACTION take the same modes (PostgreSQL manual, BEGIN). */
const optionsOf = ({ words }: Statement) => words.slice(1).filter((word) => word !== 'transaction' && word !== 'work')

const readOnly: Refusal = ['READ ONLY, and the history is written in the same transaction', 'remove READ ONLY']
const ambiguous: Refusal = [
  'a backslash in a string behind SET standard_conforming_strings = off, which no longer counts for the script it is in',
  "remove that SET, and write strings with backslashes as E'…'",
]
const strayed: Refusal = [
  'more SQL on the line of a COPY … FROM STDIN',
  'move it below the rows, behind the line with only \\.',
  'source-unreadable',
]

/** Says where a transaction begins or ends: with one of these in front a COMMIT at the end is not its whole meaning. */
const controls = ({ refused }: { readonly refused: Refusal | undefined }) => refused?.[1] === ownTransaction

/**
 * A script that ends with COMMIT without a BEGIN: the tools send it as one query, whose implicit transaction it ends
 * (PostgreSQL manual, 55.2.2.1), which is where the runner ends it too.
 */
const loneCommit = (script: Pick<Script, 'file' | 'line' | 'text'>, { start, words }: Statement): Finding => ({
  ...finding(script, start, [
    `${upper(words[0])} as its last statement without a BEGIN, which means no more than the end of the script`,
    'remove it where the script was not applied yet; nothing needs to be done where it was',
  ]),
  severity: 'warning',
})

type Refusal = readonly [what: string, fix: string, code?: 'source-unreadable']
const ownTransaction = 'remove it: Lockkeeper opens one transaction around each script and commits it with the history'
const notHere = 'remove BEGIN and COMMIT: the statements then run one by one, and the journal keeps count'

/** Why a statement cannot be part of a script whose transactions and session others own, or undefined. */
function refusal({ words }: Statement): Refusal | undefined {
  const [one] = words
  const two = words.slice(0, 2).join(' ')
  if (one === 'begin' || two === 'start transaction') return [`${upper(one)} inside the script`, ownTransaction]
  if (one === 'commit' || one === 'end' || one === 'abort') return [`${upper(one)} inside the script`, ownTransaction]
  if (one === 'rollback' && !words.includes('to')) return ['ROLLBACK inside the script', ownTransaction]
  if (two === 'prepare transaction') return ['PREPARE TRANSACTION inside the script', ownTransaction]
  if (two === 'reset all' || two === 'discard all') {
    return [`${upper(two)}, which undoes what keeps this session safe`, 'reset single settings by their names']
  }
  if (words.some((word) => word.startsWith('pg_advisory_unlock'))) {
    return ['a call that releases advisory locks, among them ours', 'remove it: Lockkeeper holds its own lock']
  }
  return undefined
}

const head = ({ words }: Statement) => upper(words.slice(0, words[1] === 'unique' ? 3 : 2).join(' '))
const upper = (words: string | undefined) => (words ?? '').toUpperCase()

function finding(script: Pick<Script, 'file' | 'line' | 'text'>, offset: number, [what, fix, code]: Refusal): Finding {
  const line = lineOf(script.text, offset) + script.line - 1
  const message = `${script.file} line ${line} has ${what}`
  return { code: code ?? 'transaction-control', severity: 'error', file: script.file, line, message, fix }
}
