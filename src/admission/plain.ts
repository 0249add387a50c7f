/**
 * What moves a terminal's cursor, breaks a line or turns the reading direction: control characters, line and paragraph
 * separators, bidirectional controls. An annotation or a file name may hold any of them.
 */
const unprintable = /[\p{Cc}\p{Zl}\p{Zp}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]+/gu

/** Text of anybody as one line that is safe to print, of at most so many characters (as the API server counts them). */
export function plain(text: string, max: number): string {
  // Two units are one character at most; the rest of a text of 256 KB need not be looked at.
  const line = text
    .slice(0, 2 * max + 2)
    .toWellFormed()
    .replace(unprintable, ' ')
  const characters = [...line]
  if (characters.length <= max && text.length <= 2 * max + 2) return line
  return `${characters.slice(0, max - 1).join('')}…`
}
