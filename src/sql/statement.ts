import type { Node } from 'libpg-query'
import { LIMITS } from '../limits.ts'
import type { Finding } from '../migration/finding.ts'
import { OpenText } from '../migration/lexer.ts'
import type { Script } from '../migration/migration.ts'
import { lineOf } from '../migration/statements.ts'
import { type BodyStatement, transactionBody } from '../migration/transaction.ts'
import { PARSER_VERSION, type Parse, type Rejected } from './parser.ts'

/** One statement of a script, as PostgreSQL's parser reads it. */
export interface Statement {
  /** Undefined: the parser does not know it, or it is too long to be given to it. */
  readonly node: Node | undefined
  /** Without its `;`. */
  readonly text: string
  /** Offset of the text in the script. */
  readonly start: number
  /** 1-based line of the file. */
  readonly line: number
  /** Brings rows, so many that they were not read: no rule looks at it. */
  readonly bulk?: true
}

export interface ReadScript {
  readonly script: Script
  /** Without the outer BEGIN … COMMIT. */
  readonly statements: readonly Statement[]
  /** What could not be read, and why. */
  readonly unread: readonly { readonly statement: Statement; readonly finding: Finding }[]
}

/** UTF-16 units. */
export const MAX_PARSED = LIMITS.parsedStatement.value

/**
 * The statements of a script. One whose quotes or comments are not closed has none: reading the files said so.
 * `severity`: of a statement that the parser rejects.
 */
export function readScript(script: Script, parse: Parse, severity: Finding['severity'] = 'warning'): ReadScript {
  const unread: { statement: Statement; finding: Finding }[] = []
  const leave = (place: Place, finding: Finding): Statement[] => {
    const statement = { ...place, node: undefined }
    unread.push({ statement, finding })
    return [statement]
  }
  let judged = 0
  const statements = bodyOf(script).flatMap((body): Statement[] => {
    const text = script.text.slice(body.start, body.end)
    const place = { text, start: body.start, line: lineOf(script.text, body.start) + script.line - 1 }
    if (body.words[0] === 'insert' && isBulk(script, text)) return [{ ...place, node: insertInto(text), bulk: true }]
    judged++
    if (judged > LIMITS.judgedStatements.value)
      return judged - 1 > LIMITS.judgedStatements.value ? [] : leave(place, tooManyStatements(script, place))
    if (text.length > MAX_PARSED) return leave(place, tooLong(script, place))
    const nodes = parse(text)
    return 'message' in nodes
      ? leave(place, rejected(script, place, nodes, severity))
      : nodes.map((node) => ({ ...place, node }))
  })
  return { script, statements, unread }
}

const tooManyStatements = ({ file }: Script, { line }: Place): Finding => ({
  code: 'too-many-statements',
  severity: 'warning',
  file,
  line,
  message: `${file} line ${line} begins statement ${LIMITS.judgedStatements.value + 1}, and from there on none is judged`,
  fix: 'make several migrations of it, or load rows by COPY',
})

function bodyOf(script: Script): readonly BodyStatement[] {
  try {
    return transactionBody(script).statements
  } catch (error) {
    if (error instanceof OpenText) return []
    throw error
  }
}

/** Rows are no reason to read many megabytes, unless something else could be in them. */
const isBulk = (script: Script, text: string) =>
  text.length > MAX_PARSED || (script.text.length > MAX_PARSED && !/\b(?:select|delete|update|merge)\b/i.test(text))

/** As the parser would say it, as far as rules look. */
function insertInto(text: string): Node {
  const parts = [...(target.exec(text)?.[1] ?? '').matchAll(/"((?:[^"]|"")*)"|([^\s".]+)/g)].map(
    ([, quoted, plain = '']) => (quoted === undefined ? plain.toLowerCase() : quoted.replaceAll('""', '"')),
  )
  const [relname = '', schemaname] = parts.reverse()
  return { InsertStmt: { relation: { relname, ...(schemaname !== undefined && { schemaname }) } } }
}

const target = /^insert\s+into\s+((?:"(?:[^"]|"")*"|[^\s".(]+|\s*\.\s*)+)/i

type Place = Omit<Statement, 'node'>

function rejected(
  { file, text, line: first }: Script,
  place: Place,
  { message, at = 0 }: Rejected,
  severity: Finding['severity'],
): Finding {
  const offset = place.start + at
  const line = lineOf(text, offset) + first - 1
  const column = offset - text.lastIndexOf('\n', offset - 1)
  return {
    code: 'sql-rejected',
    severity,
    file,
    line,
    message: `${file} line ${line} column ${column} is not valid SQL for PostgreSQL ${PARSER_VERSION}: ${message}`,
    fix:
      severity === 'error'
        ? 'correct the statement: the server would reject it and the rollback would fail'
        : `correct the statement, unless the server is newer than PostgreSQL ${PARSER_VERSION} and knows this syntax`,
  }
}

const tooLong = ({ file }: Script, { line, text }: Place): Finding => ({
  code: 'sql-too-long',
  severity: 'warning',
  file,
  line,
  message: `${file} line ${line} begins a statement of ${text.length} characters, and at most ${MAX_PARSED} are judged`,
  fix: 'make several statements of it, or look at it yourself',
})
