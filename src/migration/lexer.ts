import { endOfComment, endOfDollarQuote, endOfName, endOfString } from './quotes.ts'

/** One piece of SQL text. Whitespace is left out; comments are kept, since directives stand in them. */
export interface Token {
  readonly kind: 'word' | 'quoted' | 'string' | 'number' | 'symbol' | 'comment' | 'meta'
  /** Offsets into the text, in UTF-16 units. */
  readonly start: number
  readonly end: number
}

/** Text that ends inside a quote or a comment. */
export class OpenText extends Error {
  readonly what: string
  readonly offset: number
  constructor(what: string, offset: number) {
    super(`${what} is never closed`)
    this.what = what
    this.offset = offset
  }
}

// As in the server's scan.l. It reads bytes, and every byte beyond ASCII may stand in a name, so no property of Unicode
// counts, and both halves of a surrogate pair are letters.
const space = /[ \t\r\n\f\v]+/y
const word = /[A-Za-z_\u0080-\uFFFF][A-Za-z0-9_$\u0080-\uFFFF]*/y
/** Letters behind a number are a word of their own, as up to PostgreSQL 14; later servers refuse them. */
const number =
  /0[xX](?:_?[0-9a-fA-F]){1,99}|0[oO](?:_?[0-7]){1,99}|0[bB](?:_?[01]){1,99}|(?:\d+(?:_\d+){0,99}(?:\.(?!\.)(?:\d+(?:_\d+){0,99})?)?|\.\d+(?:_\d+){0,99})(?:[eE][-+]?\d+)?/y
const lineComment = /--[^\r\n]*/y
const metaCommand = /\\[^\r\n]*/y

/**
 * PostgreSQL's lexical rules (manual, section 4.1, and scan.l): quotes, E'' strings, strings that go on behind a line
 * end, dollar quotes, nested comments; and psql's commands, which begin with a backslash outside all of these. One token
 * at a time, so that a file of many megabytes costs little memory. `from`: where to begin. Throws OpenText when something
 * is never closed.
 */
export function* lex(text: string, from = 0): Generator<Token> {
  let at = from
  const match = (rule: RegExp): number => {
    rule.lastIndex = at
    return rule.test(text) ? rule.lastIndex : -1
  }
  while (at < text.length) {
    const spaces = match(space)
    if (spaces > 0) {
      at = spaces
      continue
    }
    const [kind, end] = next(text, at, match)
    yield { kind, start: at, end }
    at = end
  }
}

function next(text: string, at: number, match: (rule: RegExp) => number): [Token['kind'], number] {
  const [char = '', second] = [text[at], text[at + 1]]
  if (char === "'") return ['string', closed(endOfString(text, at, false), 'a quote', at)]
  if (char === '"') return ['quoted', closed(endOfName(text, at), 'a quoted name', at)]
  if (char === '-' && second === '-') return ['comment', match(lineComment)]
  if (char === '/' && second === '*') return ['comment', closed(endOfComment(text, at), 'a comment', at)]
  if (char === '\\') return ['meta', match(metaCommand)]
  if (char === '$') {
    const end = endOfDollarQuote(text, at)
    return end === undefined ? ['symbol', at + 1] : ['string', closed(end, 'a dollar quote', at)]
  }
  if ((char === 'e' || char === 'E') && second === "'") {
    return ['string', closed(endOfString(text, at + 1, true), 'a quote', at)]
  }
  const name = match(word)
  if (name > 0) return ['word', name]
  const digits = match(number)
  if (digits > 0) return ['number', digits]
  return ['symbol', at + 1]
}

function closed(end: number, what: string, offset: number): number {
  if (end < 0) throw new OpenText(what, offset)
  return end
}
