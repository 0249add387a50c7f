/**
 * Ends of what PostgreSQL's scanner reads as one piece whatever stands in it (`src/backend/parser/scan.l`, states xq, xe,
 * xd, xdolq and xc). Offsets in UTF-16 units; -1: it is never closed. Loops, not patterns with a group that repeats: V8
 * keeps a place for each turn of such a group, and runs out of room on texts of megabytes.
 */

/** From a string's first quote; where only line ends and `--` comments part it from another quote, it goes on there. */
export function endOfString(text: string, quote: number, escapes: boolean): number {
  for (let from = quote; ; ) {
    const end = escapes ? endOfEscaped(text, from) : endOfDoubled(text, from, "'")
    if (end < 0) return -1
    from = continuation(text, end)
    if (from < 0) return end
  }
}

/** From a quoted name's first quote. */
export const endOfName = (text: string, quote: number): number => endOfDoubled(text, quote, '"')

/** What closes it may stand in it twice. */
function endOfDoubled(text: string, quote: number, sign: string): number {
  for (let at = text.indexOf(sign, quote + 1); at >= 0; at = text.indexOf(sign, at + 2)) {
    if (text[at + 1] !== sign) return at + 1
  }
  return -1
}

/** A backslash takes the next character along. */
function endOfEscaped(text: string, quote: number): number {
  const sign = /['\\]/g
  sign.lastIndex = quote + 1
  for (let found = sign.exec(text); found !== null; found = sign.exec(text)) {
    const pair = found[0] === '\\' || text[sign.lastIndex] === "'"
    if (!pair) return sign.lastIndex
    sign.lastIndex += 1
  }
  return -1
}

/** The quote with which a string goes on (SQL: at least one line end between the pieces), or -1. */
function continuation(text: string, end: number): number {
  let lines = 0
  for (let at = end; at < text.length; at++) {
    const char = text[at]
    if (char === '\n' || char === '\r') lines++
    else if (char === '-' && text[at + 1] === '-') at = lastOfLine(text, at)
    else if (char === "'") return lines > 0 ? at : -1
    else if (char !== ' ' && char !== '\t' && char !== '\f' && char !== '\v') return -1
  }
  return -1
}

function lastOfLine(text: string, from: number): number {
  const end = /[\r\n]/g
  end.lastIndex = from
  return (end.exec(text)?.index ?? text.length) - 1
}

/** A tag is a name without `$`, and to the server every character beyond ASCII is a letter. */
const dollarTag = /\$(?:[A-Za-z_\u0080-\uFFFF][A-Za-z0-9_\u0080-\uFFFF]*)?\$/y

/** From a `$`; undefined: it opens no string. */
export function endOfDollarQuote(text: string, at: number): number | undefined {
  dollarTag.lastIndex = at
  if (!dollarTag.test(text)) return undefined
  const tag = text.slice(at, dollarTag.lastIndex)
  const close = text.indexOf(tag, at + tag.length)
  return close < 0 ? -1 : close + tag.length
}

/** From its first sign. They nest. */
export function endOfComment(text: string, start: number): number {
  const edge = /\/\*|\*\//g
  edge.lastIndex = start
  let depth = 0
  for (let found = edge.exec(text); found !== null; found = edge.exec(text)) {
    depth += found[0] === '/*' ? 1 : -1
    if (depth === 0) return edge.lastIndex
  }
  return -1
}
