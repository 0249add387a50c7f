import { expect, test } from 'vitest'
import { Kept } from '../../src/kubernetes/kept.ts'

test('the owner with the most gives up what it used least; what others have stays', () => {
  const kept = new Kept<number>(100)
  kept.set('shop', 'a', 1, 10)
  for (let i = 0; i < 50; i++) {
    kept.set('greedy', String(i), i, 20)
    kept.get('greedy', '0')
  }
  expect(kept.get('shop', 'a')).toBe(1)
  expect(kept.get('greedy', '49')).toBe(49)
  expect(kept.get('greedy', '0')).toBe(0)
  expect(kept.get('greedy', '10')).toBeUndefined()
})

test('one that is larger than the room is not kept, and the same key counts once', () => {
  const kept = new Kept<string>(100)
  kept.set('shop', 'huge', 'x', 101)
  expect(kept.get('shop', 'huge')).toBeUndefined()
  for (let i = 0; i < 20; i++) kept.set('shop', 'a', String(i), 60)
  kept.set('orders', 'b', 'y', 30)
  expect([kept.get('shop', 'a'), kept.get('orders', 'b')]).toEqual(['19', 'y'])
})
