import { endOfComment, endOfDollarQuote, endOfName, endOfString } from './quotes.ts'

/**
 * From a place between tokens to the end of its statement, without a look at the words: the offset of the `;` that ends
 * it, or of the end of the text. `depth` is how many parentheses are open. Undefined: something here needs the lexer
 * (a command of psql, a quote that is not closed). Several times as fast as reading tokens, for scripts of megabytes.
 */
export function skipStatement(text: string, from: number, depth: number): { end: number } | undefined {
  let open = depth
  for (let at = from; ; ) {
    dull.lastIndex = at
    at = dull.test(text) ? dull.lastIndex : at
    if (at >= text.length) return { end: text.length }
    const char = text[at] ?? ''
    if (char === ';' && open === 0) return { end: at }
    if (char === '(') open++
    else if (char === ')') open = Math.max(0, open - 1)
    const end = endOf(text, at, char)
    if (end < 0) return undefined
    at = end
  }
}

/** Characters at which nothing begins that a `;` could stand in. */
const dull = /[^'"$\-/();\\]+/y

/** The end of what begins here, or -1 where only the lexer knows. */
function endOf(text: string, at: number, char: string): number {
  if (char === "'") {
    const escapes = isE(text[at - 1]) && !isName(text[at - 2])
    // A word that begins behind digits: whether this is its last letter or all of it takes reading them.
    if (isE(text[at - 1]) && isDigit(text[at - 2])) return -1
    return endOfString(text, at, escapes)
  }
  if (char === '"') return endOfName(text, at)
  if (char === '-') return text[at + 1] === '-' ? endOfLine(text, at) : at + 1
  if (char === '/') return text[at + 1] === '*' ? endOfPlainComment(text, at) : at + 1
  if (char === '\\') return -1
  if (char !== '$') return at + 1
  if (isDigit(text[at - 1])) return -1
  return isName(text[at - 1]) ? at + 1 : (endOfDollarQuote(text, at) ?? at + 1)
}

/** The lexer knows where a statement ends in front of comments. */
function endOfPlainComment(text: string, at: number): number {
  const end = endOfComment(text, at)
  return text.slice(at + 2, end).includes('/*') ? -1 : end
}

function endOfLine(text: string, at: number): number {
  lineComment.lastIndex = at
  return lineComment.test(text) ? lineComment.lastIndex : -1
}
const lineComment = /--[^\r\n]*/y

const isE = (char: string | undefined) => char === 'e' || char === 'E'
const isDigit = (char: string | undefined) => char !== undefined && char >= '0' && char <= '9'
const isName = (char: string | undefined) => char !== undefined && /[A-Za-z0-9_$\u0080-\uFFFF]/.test(char)
