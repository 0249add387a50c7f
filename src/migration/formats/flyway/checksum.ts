import { crc32 } from 'node:zlib'

/**
 * The number in the column `checksum` of `flyway_schema_history`: CRC-32 over the UTF-8 bytes of the lines, without
 * their ends (LF, CRLF or CR) and without a BOM, as a signed 32-bit integer. flyway#2474 has an example.
 *
 * It is taken over the text as the file has it for `V` and `U`; for `R` over the text with placeholders replaced, where
 * Flyway takes the other for the same too.
 */
export function flywayChecksum(text: string): number {
  return crc32(text.replace(/^\uFEFF/, '').replace(/[\r\n]+/g, '')) | 0
}
