import { lex, OpenText, type Token } from './lexer.ts'
import { skipStatement } from './skip.ts'

/** One statement of a script, without its `;`. */
export interface Statement {
  /** Offsets of its first and behind its last token, in UTF-16 units. */
  readonly start: number
  readonly end: number
  /** Its words, quoted names and symbols, lower case, in order; strings and numbers are left out. */
  readonly words: readonly string[]
  /** The rows that follow a COPY … FROM STDIN. */
  readonly data?: Data
}

interface Data {
  /** Offsets of the first line, and of the line `\\.` that ends them. */
  readonly start: number
  readonly end: number
  /** Offset of more SQL on the line of the statement, which psql runs when it has read the rows. */
  readonly stray?: number
}

/**
 * Cuts a script at the `;` between statements: not inside parentheses, and not inside the body of a SQL routine
 * (`BEGIN ATOMIC … END`, PostgreSQL 14). Comments belong to no statement; commands of psql go to `onMeta`. What follows
 * COPY … FROM STDIN is data, as psql reads it: from the next line up to a line `\\.`. Throws OpenText.
 */
export function* splitStatements(text: string, onMeta?: (token: Token) => void): Generator<Statement> {
  let from: number | undefined = 0
  while (from !== undefined) from = yield* cutUntilData(text, from, onMeta)
}

/** Statements up to the first that brings data; returns where the text goes on behind that, if it does. */
function* cutUntilData(
  text: string,
  from: number,
  onMeta: ((token: Token) => void) | undefined,
): Generator<Statement, number | undefined> {
  let words: string[] = []
  let start = -1
  let end = -1
  let parentheses = 0
  let body = false
  let stdin = false
  let before = ''
  let tried = -1
  for (const token of lex(text, from)) {
    if (token.kind === 'meta') onMeta?.(token)
    if (token.kind === 'comment' || token.kind === 'meta') continue
    const piece = pieceOf(text, token)
    const sign = token.kind === 'word' || token.kind === 'symbol' ? piece : ''
    if (sign === '(') parentheses++
    if (sign === ')') parentheses = Math.max(0, parentheses - 1)
    if (parentheses === 0) {
      if (body) body = !(sign === 'end' && (before === ';' || before === 'atomic'))
      else body = sign === 'atomic' && before === 'begin' && makesRoutine(words)
      stdin ||= words[0] === 'copy' && before === 'from' && (sign === 'stdin' || sign === 'stdout')
    }
    before = sign
    if (sign === ';' && parentheses === 0 && !body) {
      if (start >= 0 && stdin) {
        const data = dataAfter(text, token.end, start)
        yield { start, end, words, data }
        return endOfLine(text, data.end)
      }
      if (start >= 0) yield { start, end, words }
      words = []
      start = -1
      continue
    }
    if (start < 0) start = token.start
    end = token.end
    if (token.kind !== 'string' && token.kind !== 'number') words.push(piece)
    // Once for a statement: where the lexer is needed, it goes on to its end.
    if (words.length === KNOWN_BY && rows.has(words[0] ?? '') && tried !== start) {
      tried = start
      const rest = skipStatement(text, token.end, parentheses)
      if (rest !== undefined) {
        yield { start, end: rest.end, words: withUnlock(words, text, token.end, rest.end) }
        return rest.end < text.length ? rest.end + 1 : undefined
      }
    }
  }
  if (start >= 0) yield { start, end, words }
  return undefined
}

/** After so many words, statements that bring rows are known; what follows is data, of megabytes perhaps. */
const KNOWN_BY = 4
const rows = new Set(['insert', 'values'])

/** The one word that matters wherever it stands: a call that may release our lock. */
function withUnlock(words: readonly string[], text: string, from: number, to: number): readonly string[] {
  const call = /\bpg_advisory_unlock\w*/i.exec(text.slice(from, to))
  return call === null ? words : [...words, call[0].toLowerCase()]
}

function pieceOf(text: string, token: Token): string {
  const raw = text.slice(token.start, Math.min(token.end, token.start + 200))
  return token.kind === 'quoted' ? raw.slice(1, -1).replaceAll('""', '"') : raw.toLowerCase()
}

/**
 * Only these have a body of statements, and it ends with an END that begins one (gram.y, `opt_routine_body`): the END of
 * a CASE stands behind an expression. Elsewhere `begin` and `atomic` are names like others.
 */
const makesRoutine = (words: readonly string[]) =>
  /^create (or replace )?(function|procedure) /.test(words.slice(0, 5).join(' '))

function dataAfter(text: string, semicolon: number, statement: number): Data {
  const start = endOfLine(text, semicolon)
  const blank = /[ \t\r\f\v]*(?:--[^\n]*)?(?:\n|$)/y
  blank.lastIndex = semicolon
  const stray = blank.test(text) ? {} : { stray: semicolon }
  for (let line = start; line < text.length; line = endOfLine(text, line)) {
    if (/^\\\.\r?(?:\n|$)/.test(text.slice(line, line + 4))) return { start, end: line, ...stray }
  }
  throw new OpenText('the data of COPY … FROM STDIN (a line with only \\.)', statement)
}

/** Offset of the line after this one. */
function endOfLine(text: string, offset: number): number {
  const at = text.indexOf('\n', offset)
  return at < 0 ? text.length : at + 1
}

/** Where the last line was counted: findings ask for one place of a text after another, of megabytes perhaps. */
const counted = { text: '', offset: 0, line: 1 }

/** 1-based line of an offset. */
export function lineOf(text: string, offset: number): number {
  if (counted.text !== text) Object.assign(counted, { text, offset: 0, line: 1 })
  const [from, to] = offset < counted.offset ? [offset, counted.offset] : [counted.offset, offset]
  let breaks = 0
  for (let at = text.indexOf('\n', from); at >= 0 && at < to; at = text.indexOf('\n', at + 1)) breaks++
  counted.line += offset < counted.offset ? -breaks : breaks
  counted.offset = offset
  return counted.line
}
