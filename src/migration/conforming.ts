import { lex } from './lexer.ts'
import type { Statement } from './statements.ts'

/**
 * Behind SET standard_conforming_strings = off psql and the server take a backslash in a plain string for an escape, one
 * statement at a time. A script that is sent as one message was read before the SET ran. The offset of the first string
 * that means two things; undefined: none does.
 */
export function backslashBehindOff(text: string, statements: readonly Statement[]): number | undefined {
  const off = statements.findIndex(({ words, start, end }) => {
    const sets = words[0] === 'set' && words.slice(0, 3).includes('standard_conforming_strings')
    return sets && /\b(?:off|false|no|0)\b/i.test(text.slice(start, end))
  })
  if (off < 0) return undefined
  for (const { start, end } of statements.slice(off + 1)) {
    for (const token of lex(text.slice(start, end))) {
      const piece = { start: start + token.start, end: start + token.end }
      const plain = token.kind === 'string' && text[piece.start] === "'"
      if (plain && text.slice(piece.start, piece.end).includes('\\')) return piece.start
    }
  }
  return undefined
}
