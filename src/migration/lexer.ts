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

const space = /[ \t\r\n\f\v]+/y
const word = /[\p{L}_\u0080-\uFFFF][\p{L}\p{N}_$\u0080-\uFFFF]*/uy
const number = /\.?\d[\w.]*/y
const dollarTag = /\$(?:[\p{L}_][\p{L}\p{N}_]*)?\$/uy
const lineComment = /--[^\r\n]*/y
const metaCommand = /\\[^\r\n]*/y
const plainString = /'[^']*(?:''[^']*)*'/y
const escapeString = /'[^'\\]*(?:(?:''|\\[\s\S])[^'\\]*)*'/y
const quotedName = /"[^"]*(?:""[^"]*)*"/y

/**
 * PostgreSQL's lexical rules (manual, section 4.1): quotes, E'' strings, dollar quotes, nested comments. One token at a
 * time, so that a file of many megabytes costs little memory. `from`: where to begin. Throws OpenText when something is
 * never closed.
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
  const char = text[at] ?? ''
  if (char === "'") return ['string', closed(match(plainString), 'a quote', at)]
  if (char === '"') return ['quoted', closed(match(quotedName), 'a quoted name', at)]
  if (char === '-' && text[at + 1] === '-') return ['comment', match(lineComment)]
  if (char === '/' && text[at + 1] === '*') return ['comment', endOfComment(text, at)]
  if (char === '\\' && startsLine(text, at)) return ['meta', match(metaCommand)]
  if (char === '$') {
    const tag = match(dollarTag)
    if (tag < 0) return ['symbol', at + 1]
    const close = text.indexOf(text.slice(at, tag), tag)
    return ['string', close < 0 ? closed(-1, 'a dollar quote', at) : close + (tag - at)]
  }
  if ((char === 'e' || char === 'E') && text[at + 1] === "'") {
    escapeString.lastIndex = at + 1
    return ['string', escapeString.test(text) ? escapeString.lastIndex : closed(-1, 'a quote', at)]
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

/** Block comments nest in PostgreSQL. */
function endOfComment(text: string, start: number): number {
  const edge = /\/\*|\*\//g
  edge.lastIndex = start
  let depth = 0
  for (let found = edge.exec(text); found !== null; found = edge.exec(text)) {
    depth += found[0] === '/*' ? 1 : -1
    if (depth === 0) return edge.lastIndex
  }
  throw new OpenText('a comment', start)
}

function startsLine(text: string, at: number): boolean {
  for (let i = at - 1; i >= 0; i--) {
    if (text[i] === '\n' || text[i] === '\r') return true
    if (text[i] !== ' ' && text[i] !== '\t') return false
  }
  return true
}
