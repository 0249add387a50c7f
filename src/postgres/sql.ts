/** A name as SQL writes it. */
export const identifier = (name: string): string => `"${name.replaceAll('"', '""')}"`

/**
 * A text as an SQL expression in plain ASCII without quotes or backslashes inside, so that it means the same whatever
 * a script did to client_encoding and standard_conforming_strings.
 */
export function literal(value: string | null | undefined): string {
  if (value === null || value === undefined) return 'NULL'
  if (/^[\x20-\x7e]*$/.test(value) && !/['\\]/.test(value)) return `'${value}'`
  return `pg_catalog.convert_from(${bytes(Buffer.from(value, 'utf8'))}, 'UTF8')`
}

/** Bytes as an SQL expression of type bytea. */
export const bytes = (value: Uint8Array): string =>
  `pg_catalog.decode('${Buffer.from(value).toString('base64')}', 'base64')`

/** The offset near which a text may be cut: a character beyond the BMP is two units, which stay together. */
export const endOfPiece = (text: string, wanted: number): number =>
  wanted < text.length && /[\uD800-\uDBFF]/.test(text[wanted - 1] ?? '') ? wanted + 1 : Math.min(text.length, wanted)
