import { lex, type Token } from './lexer.ts'

/** One statement of a script, without its `;`. */
export interface Statement {
  /** Offsets of its first and behind its last token, in UTF-16 units. */
  readonly start: number
  readonly end: number
  /** Its words, quoted names and symbols, lower case, in order; strings and numbers are left out. */
  readonly words: readonly string[]
}

/**
 * Cuts a script at the `;` between statements: not inside parentheses, and not inside the body of a SQL function
 * (`BEGIN ATOMIC … END`, PostgreSQL 14). Comments belong to no statement. Throws OpenText.
 */
export function* splitStatements(text: string): Generator<Statement> {
  let words: string[] = []
  let start = -1
  let end = -1
  let parentheses = 0
  let bodies = 0
  for (const token of lex(text)) {
    if (token.kind === 'comment' || token.kind === 'meta') continue
    const piece = pieceOf(text, token)
    const symbol = token.kind === 'symbol' ? piece : ''
    if (symbol === '(') parentheses++
    if (symbol === ')') parentheses = Math.max(0, parentheses - 1)
    if (token.kind === 'word') bodies = depthAfter(bodies, piece, words.at(-1))
    if (symbol === ';' && parentheses === 0 && bodies === 0) {
      if (start >= 0) yield { start, end, words }
      words = []
      start = -1
      continue
    }
    if (start < 0) start = token.start
    end = token.end
    if (token.kind !== 'string' && token.kind !== 'number') words.push(piece)
  }
  if (start >= 0) yield { start, end, words }
}

function pieceOf(text: string, token: Token): string {
  const raw = text.slice(token.start, Math.min(token.end, token.start + 200))
  return token.kind === 'quoted' ? raw.slice(1, -1).replaceAll('""', '"') : raw.toLowerCase()
}

/** Inside a body CASE opens what END closes too. */
function depthAfter(bodies: number, word: string, before: string | undefined): number {
  if (word === 'atomic' && before === 'begin') return bodies + 1
  if (bodies > 0 && word === 'case') return bodies + 1
  if (bodies > 0 && word === 'end') return bodies - 1
  return bodies
}

/** 1-based line of an offset. */
export function lineOf(text: string, offset: number): number {
  let line = 1
  for (let at = text.indexOf('\n'); at >= 0 && at < offset; at = text.indexOf('\n', at + 1)) line++
  return line
}
