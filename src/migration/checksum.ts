import { createHash } from 'node:crypto'

/** SHA-256, hex, of a script's UTF-8 text with the BOM removed and CRLF and CR made LF. */
export function checksumOf(text: string): string {
  const start = text.replace(/^\uFEFF/, '')
  // Most texts have no CR, and looking for one is faster than replacing none in a text of megabytes.
  const normalised = start.includes('\r') ? start.replace(/\r\n?/g, '\n') : start
  return createHash('sha256').update(normalised, 'utf8').digest('hex')
}
