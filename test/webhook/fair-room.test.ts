import { expect, test } from 'vitest'
import { FairRoom } from '../../src/webhook/fair-room.ts'

/** Who was let in, in order, and how each leaves. */
function room(size: number) {
  const inside: string[] = []
  const leaves = new Map<string, () => void>()
  const fair = new FairRoom(size)
  return {
    inside,
    ask: (asker: string, name: string, own: number) =>
      void fair.enter(asker, own).then((leave) => {
        inside.push(name)
        leaves.set(name, leave)
      }),
    leave: async (name: string) => {
      leaves.get(name)?.()
      await new Promise((resolve) => setImmediate(resolve))
    },
  }
}
const turn = () => new Promise((resolve) => setImmediate(resolve))

test('askers take turns, whatever one of them asks for', async () => {
  const { inside, ask, leave } = room(1)
  for (let i = 0; i < 50; i++) ask('many', `many ${i}`, 1)
  ask('one', 'one', 1)
  await turn()
  expect(inside).toEqual(['many 0'])
  await leave('many 0')
  await leave('many 1')
  await leave('one')
  expect(inside).toEqual(['many 0', 'many 1', 'one', 'many 2'])
})

test('leaving twice gives the room back once, and one larger than all comes alone', async () => {
  const { inside, ask, leave } = room(10)
  ask('a', 'first', 6)
  ask('b', 'huge', 100)
  ask('c', 'small', 1)
  await turn()
  expect(inside).toEqual(['first'])
  await leave('first')
  await leave('first')
  expect(inside).toEqual(['first', 'huge'])
  await leave('huge')
  expect(inside).toEqual(['first', 'huge', 'small'])
})
