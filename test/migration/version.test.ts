import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { formatDuration, parseDuration } from '../../src/migration/duration.ts'
import { compareVersions, highestVersion, parseVersion } from '../../src/migration/version.ts'

describe('a version', () => {
  test.each([
    ['1', '1'],
    ['000042', '42'],
    ['0', '0'],
    ['00', '0'],
    ['1.0', '1'],
    ['1.10', '1.10'],
    ['01.020.0', '1.20'],
    ['20240131120000', '20240131120000'],
    ['99999999999999999999999', '99999999999999999999999'],
  ])('%s is stored as %s', (text, canonical) => expect(parseVersion(text)).toBe(canonical))

  test.each(['', 'v1', '1.', '.1', '1..2', '-1', '1e3', ' 1', '1 ', '١', '1_2', '1'.repeat(201)])(
    '"%s" is none',
    (text) => expect(parseVersion(text)).toBeUndefined(),
  )

  test('order is numeric per part, never lexicographic', () => {
    const ordered = ['0', '1', '1.9', '1.10', '2', '9', '10', '10.0.1', '99999999999999999998', '99999999999999999999']
    expect([...ordered].reverse().sort(compareVersions)).toEqual(ordered)
    expect(compareVersions('1', '1.0')).toBe(0)
    expect(highestVersion(ordered)).toBe('99999999999999999999')
    expect(highestVersion([])).toBeUndefined()
  })

  test('order is total and agrees with the canonical form', () => {
    const versions = fc.array(fc.nat(20), { minLength: 1, maxLength: 3 }).map((parts) => parts.join('.'))
    fc.assert(
      fc.property(versions, versions, versions, (a, b, c) => {
        expect(Math.sign(compareVersions(a, b))).toBe(-Math.sign(compareVersions(b, a)) + 0)
        if (compareVersions(a, b) <= 0 && compareVersions(b, c) <= 0)
          expect(compareVersions(a, c)).toBeLessThanOrEqual(0)
        expect(parseVersion(a) === parseVersion(b)).toBe(compareVersions(a, b) === 0)
      }),
    )
  })
})

describe('a duration', () => {
  test.each([
    ['500ms', 500],
    ['30s', 30_000],
    ['10m', 600_000],
    ['1h', 3_600_000],
    ['0ms', 0],
  ])('%s is %i ms', (text, ms) => expect(parseDuration(text)).toBe(ms))
  test.each(['', '5', '1d', '1.5s', '-1s', '1 s', '1S'])('"%s" is none', (text) =>
    expect(parseDuration(text)).toBeUndefined(),
  )
  test('is written in the largest unit that loses nothing', () => {
    fc.assert(
      fc.property(fc.nat(10_000_000), (ms) => {
        expect(parseDuration(formatDuration(ms))).toBe(ms)
      }),
    )
  })
})
