import { describe, expect, it } from 'vitest'
import { diff, patched } from '../../src/injection/patch.ts'

const items = (count: number, from = 0) => Array.from({ length: count }, (_, i) => ({ key: `${from + i}.sql` }))

describe('the patch of a list', () => {
  it('names the elements that differ, where they are few', () => {
    const [before, after] = [{ items: items(300) }, { items: [...items(299), { key: 'other.sql' }] }]
    expect(diff(before, after)).toEqual([{ op: 'replace', path: '/items/299/key', value: 'other.sql' }])
  })

  it('adds what is new at its end, however long the list is', () => {
    expect(diff({ items: items(300) }, { items: items(302) })).toEqual([
      { op: 'add', path: '/items/300', value: { key: '300.sql' } },
      { op: 'add', path: '/items/301', value: { key: '301.sql' } },
    ])
  })

  it('is one operation where many differ, and gives the same', () => {
    const [before, after] = [{ items: items(300) }, { items: items(280, 500) }]
    const patch = diff(before, after)
    expect(patch).toEqual([{ op: 'replace', path: '/items', value: after.items }])
    expect(patched(before, patch)).toEqual(after)
    expect(before).toEqual({ items: items(300) })
  })
})
