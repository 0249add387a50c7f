import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { sameJson } from '../../src/injection/same-json.ts'

/** JSON as it is parsed, with field names that every object inherits. */
const names = fc.constantFrom('a', 'b', 'constructor', 'valueOf', 'toString', '__proto__', 'length')
const { value } = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.constantFrom(null, true, 0, 1, '', 'a'),
    fc.array(tie('value'), { maxLength: 3 }),
    fc
      .uniqueArray(fc.tuple(names, tie('value')), { selector: ([name]) => name, maxLength: 4 })
      .map((fields) => JSON.parse(`{${fields.map(([k, v]) => `${JSON.stringify(k)}:${JSON.stringify(v)}`).join()}}`)),
  ),
}))

describe('the comparison of JSON values', () => {
  it('agrees with the one of Node on what a review can hold', () => {
    fc.assert(
      fc.property(value, value, (a, b) => {
        expect(sameJson(a, b)).toBe(isDeepStrictEqual(a, b))
      }),
      { numRuns: 2_000 },
    )
  })

  it('finds a value equal to its copy', () => {
    fc.assert(
      fc.property(value, (a) => {
        expect(sameJson(a, JSON.parse(JSON.stringify(a)))).toBe(true)
      }),
    )
  })

  it.each([
    ['a field that the other inherits', JSON.parse('{"toString":"x"}'), {}],
    ['an own field named __proto__', JSON.parse('{"__proto__":{}}'), {}],
    ['an empty list and an empty object', [], {}],
    ['null and an empty object', null, {}],
    ['a number and its text', 1, '1'],
  ])('tells %s apart, whichever comes first', (_, a, b) => {
    expect([sameJson(a, b), sameJson(b, a)]).toEqual([false, false])
  })

  it('takes a field that is undefined as one that is not there', () => {
    expect([sameJson({ a: 1, b: undefined }, { a: 1 }), sameJson({ a: 1 }, { a: 1, b: undefined })]).toEqual([
      true,
      true,
    ])
  })
})
