import fc from 'fast-check'
import { expect, test } from 'vitest'
import { flywayChecksum } from '../../src/migration/formats/flyway/checksum.ts'

/** CRC-32 bit by bit, as the definition has it: polynomial 0xEDB88320, all ones before and after. */
function crcByDefinition(text: string): number {
  let crc = 0xffffffff
  for (const byte of Buffer.from(text, 'utf8')) {
    crc ^= byte
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1
  }
  return ~crc
}

test.each([
  // The script and the number of flyway#2474.
  ['alter table location_history add column valid_until timestamp with time zone;', -1039259818],
  // The check value of CRC-32 is 0xCBF43926.
  ['123456789', 0xcbf43926 - 2 ** 32],
  ['', 0],
  ['\n\r\n\r', 0],
])('the checksum of %j is %i', (text, checksum) => expect(flywayChecksum(text)).toBe(checksum))

test('counts the UTF-8 bytes of the lines, without a BOM and without line ends', () => {
  const line = fc.string({ unit: fc.constantFrom('a', ' ', ';', 'é', '–', '😀', '\t', '\u2028', '\uFEFF') })
  const ends = fc.array(fc.constantFrom('\n', '\r\n', '\r', '\n\n'), { minLength: 1, maxLength: 5 })
  fc.assert(
    fc.property(line, ends, line, (first, between, second) => {
      const start = first.replace(/^\uFEFF+/, '')
      const expected = crcByDefinition(start + second)
      expect(flywayChecksum(`\uFEFF${start}${between.join('')}${second}`)).toBe(expected)
      expect(flywayChecksum(`${start}\n${second}\n`)).toBe(expected)
    }),
  )
})

test('differs when a space at the end of a line does', () => {
  expect(flywayChecksum('SELECT 1; \n')).not.toBe(flywayChecksum('SELECT 1;\n'))
})
