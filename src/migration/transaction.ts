import type { Finding } from './finding.ts'
import type { Script } from './migration.ts'
import { lineOf, type Statement, splitStatements } from './statements.ts'

/** A script made ready for the transaction that the runner opens. */
export interface TransactionBody {
  /** As long as the script: its one outer BEGIN … COMMIT is blanked with spaces. */
  readonly text: string
  /** `begin` with the options of the script's own BEGIN. */
  readonly begin: string
  /** How many statements are left. */
  readonly statements: number
  readonly findings: readonly Finding[]
}

/** What the runner would send, and why it cannot (`transaction-control`, by line). Throws OpenText. */
export function transactionBody(script: Script): TransactionBody {
  const { text } = script
  const all = [...splitStatements(text)]
  const [first, last] = [all.at(0), all.at(-1)]
  const opened = first !== undefined && opens(first)
  const outer = opened && last !== undefined && all.length > 1 && closes(last)
  const inner = outer ? all.slice(1, -1) : all
  const findings = inner.flatMap((statement) => {
    const why = refusal(statement)
    return why === undefined ? [] : [finding(script, lineOf(text, statement.start) + script.line - 1, why)]
  })
  if (!outer) return { text, begin: 'begin', statements: all.length, findings }
  return {
    text: blank(blank(text, first), last),
    begin: beginOf(first),
    statements: inner.length,
    findings,
  }
}

const blank = (text: string, { start, end }: Statement) =>
  text.slice(0, start) + text.slice(start, end).replace(/[^\r\n]/g, ' ') + text.slice(end)

const opens = ({ words }: Statement) =>
  (words[0] === 'begin' && words[1] !== 'atomic') || (words[0] === 'start' && words[1] === 'transaction')
const closes = ({ words }: Statement) =>
  (words[0] === 'commit' || words[0] === 'end') &&
  words.slice(1).every((word) => word === 'work' || word === 'transaction')

/** BEGIN and START TRANSACTION take the same options (PostgreSQL manual, BEGIN). */
const beginOf = ({ words }: Statement) =>
  ['begin', ...words.slice(1).filter((word) => word !== 'transaction' && word !== 'work')]
    .join(' ')
    .replaceAll(' ,', ',')

type Refusal = readonly [what: string, fix: string]
const ownTransaction = 'remove it: Lockkeeper opens one transaction around each script and commits it with the history'
const alone = 'this release runs every migration in one transaction; use a form of the statement that may run in one'

/** Why a statement cannot be part of one transaction that others own, or undefined. */
function refusal({ words }: Statement): Refusal | undefined {
  const [one] = words
  const head = words.slice(0, 2).join(' ')
  if (one === 'begin' || head === 'start transaction') return [`${upper(one)} inside the script`, ownTransaction]
  if (one === 'commit' || one === 'end' || one === 'abort') return [`${upper(one)} inside the script`, ownTransaction]
  if (one === 'rollback' && !words.includes('to')) return ['ROLLBACK inside the script', ownTransaction]
  if (head === 'prepare transaction') return ['PREPARE TRANSACTION inside the script', ownTransaction]
  if (head === 'reset all' || head === 'discard all') {
    return [`${upper(head)}, which undoes what keeps this session safe`, 'reset single settings by their names']
  }
  if (words.some((word) => word.startsWith('pg_advisory_unlock'))) {
    return ['a call that releases advisory locks, among them ours', 'remove it: Lockkeeper holds its own lock']
  }
  if (one === 'copy' && words.includes('stdin')) {
    return ['COPY … FROM STDIN', 'write the rows as INSERT statements: this release does not read inline data']
  }
  if (words.includes('concurrently') && /^(create|drop|reindex|alter)$/.test(one ?? '')) {
    return [`${upper(one)} … CONCURRENTLY, which PostgreSQL forbids inside a transaction`, alone]
  }
  if (one === 'vacuum' || head === 'alter system' || /^(create|drop) (database|tablespace|subscription)$/.test(head)) {
    return [`${upper(one === 'vacuum' ? one : head)}, which PostgreSQL forbids inside a transaction`, alone]
  }
  if (one === 'reindex' && /^(schema|database|system)$/.test(kindOfReindex(words))) {
    return [`${upper(head)}, which PostgreSQL forbids inside a transaction`, alone]
  }
  return undefined
}

/** REINDEX may have options in parentheses before it says what it rebuilds. */
const kindOfReindex = (words: readonly string[]): string =>
  words[1] === '(' ? (words[words.indexOf(')') + 1] ?? '') : (words[1] ?? '')

const upper = (words: string | undefined) => (words ?? '').toUpperCase()

const finding = (script: Script, line: number, [what, fix]: Refusal): Finding => ({
  code: 'transaction-control',
  severity: 'error',
  file: script.file,
  line,
  message: `${script.file} line ${line} has ${what}`,
  fix,
})
