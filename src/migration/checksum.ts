import { createHash } from 'node:crypto'

/** SHA-256, hex, of a script's UTF-8 text with the BOM removed and CRLF and CR made LF. */
export function checksumOf(text: string): string {
  const normalised = text.replace(/^\uFEFF/, '').replace(/\r\n?/g, '\n')
  return createHash('sha256').update(normalised, 'utf8').digest('hex')
}
