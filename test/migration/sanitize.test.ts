import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { safeJson, sanitize, sanitizeLines } from '../../src/migration/sanitize.ts'

/** What a terminal may act on: C0, DEL, C1, separators of lines, bidirectional controls. */
const acted = /[\p{Cc}\p{Zl}\p{Zp}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/u

describe('text of others for a person', () => {
  test.each([
    ['a colour', 'a\u001b[31mb', 'a [31mb'],
    ['the 8-bit form of the same', 'a\u009b2Jb', 'a 2Jb'],
    ['a title of the window', 'a\u001b]0;x\u0007b', 'a ]0;x b'],
    ['a carriage return over what was said', 'error\rok   ', 'error ok   '],
    ['a forged second line', 'no\n  fix: run this', 'no   fix: run this'],
    ['lines of Unicode', 'a\u2028b\u2029c\u0085d', 'a b c d'],
    ['backspaces', 'a\b\b\bb', 'a b'],
    ['an override of the direction', 'a\u202egpj.exe\u2066', 'a gpj.exe '],
    ['half of a character', 'a\ud800b', 'a\ufffdb'],
    ['no such thing', 'größe – 表 🙂', 'größe – 表 🙂'],
  ])('%s is one plain line', (_, text, shown) => expect(sanitize(text)).toBe(shown))

  test('several lines stay lines', () => {
    expect(sanitizeLines('a\r\n\tb\u001b[2J\n\u202ec\r')).toBe('a\n\tb [2J\n c ')
  })

  test('whatever it is, nothing is left that a terminal acts on, and JSON of it says the same', () =>
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 50 }), (text) => {
        expect(sanitize(text)).not.toMatch(acted)
        expect(sanitizeLines(text).replace(/[\n\t]/g, '')).not.toMatch(acted)
        const json = safeJson({ [text]: text })
        expect(json).not.toMatch(acted)
        expect(JSON.parse(json)).toEqual({ [text]: text })
      }),
    ))
})
