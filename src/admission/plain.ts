import { sanitize } from '../migration/sanitize.ts'

/** Text of anybody as one line that is safe to print, of at most so many characters (as the API server counts them). */
export function plain(text: string, max: number): string {
  // Two units are one character at most; the rest of a text of 256 KB need not be looked at.
  const line = sanitize(text.slice(0, 2 * max + 2))
  const characters = [...line]
  if (characters.length <= max && text.length <= 2 * max + 2) return line
  return `${characters.slice(0, max - 1).join('')}…`
}
