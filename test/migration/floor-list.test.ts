import fc from 'fast-check'
import { expect, test } from 'vitest'
import { readFloors, writeFloors } from '../../src/migration/floor-list.ts'

test('floors are handed over as those that are not 0', () => {
  const entries = [
    { version: '1', floor: '0' },
    { version: '2', floor: '2' },
    { version: '3' },
    { version: '4.1', floor: '2' },
  ]
  expect(writeFloors(entries)).toBe('2=2,3=?,4.1=2')
  expect(writeFloors([{ version: '1', floor: '0' }])).toBe('-')
  expect(writeFloors([{ version: '1' }])).toBeUndefined()
})

test('what is written is read back, whatever it is', () => {
  const version = fc.tuple(fc.nat(10_000), fc.nat(9)).map(([a, b]) => (b === 0 ? `${a + 1}` : `${a + 1}.${b}`))
  const floor = fc.oneof(fc.constant('0'), version, fc.constant(undefined))
  fc.assert(
    fc.property(fc.uniqueArray(version, { maxLength: 100 }), fc.infiniteStream(floor), (versions, floors) => {
      const entries = versions.map((each) => {
        const { value } = floors.next()
        return value === undefined ? { version: each } : { version: each, floor: value }
      })
      const text = writeFloors(entries)
      const read = text === undefined ? () => undefined : readFloors(text)
      for (const { version: each, floor: known } of entries as { version: string; floor?: string }[]) {
        expect(read?.(each)).toBe(known)
      }
    }),
  )
})

test('a list that is too long for an object is not handed over', () => {
  const many = Array.from({ length: 4000 }, (_, i) => ({ version: String(i), floor: String(i) }))
  expect(writeFloors(many)).toBeUndefined()
})

test.each(['', 'x', '1', '1=', '1=x', 'x=1', '1=2=3', '1=2,', ' '])('%j is no such list', (text) => {
  expect(readFloors(text)).toBeUndefined()
})
