import { ApiException, type V1Secret } from '@kubernetes/client-node'
import { expect, test } from 'vitest'
import { Secrets } from '../../src/kubernetes/secrets.ts'

const answering = (answer: () => V1Secret | number, now = () => 0) => {
  const asked: string[] = []
  const secrets = new Secrets(async (name, namespace) => {
    asked.push(`${namespace}/${name}`)
    const found = answer()
    if (typeof found === 'number') throw new ApiException(found, 'no', 'secret body', {})
    return found
  }, now)
  return { secrets, asked }
}

test('only the keys of a Secret are kept, and a missing one is told', async () => {
  const { secrets } = answering(() => ({ data: { uri: 'cG9zdGdyZXM6Ly8=', user: 'YQ==' } }))
  expect(await secrets.keys('shop', 'orders-db')).toEqual(['uri', 'user'])
  expect(await answering(() => 404).secrets.keys('shop', 'orders-db')).toBe('missing')
  expect(await answering(() => 500).secrets.keys('shop', 'orders-db')).toBe('unknown')
})

test('a namespace that forbids it is asked again only after a minute', async () => {
  let now = 0
  const { secrets, asked } = answering(
    () => 403,
    () => now,
  )
  for (const at of [0, 59_999, 60_001]) {
    now = at
    expect(await secrets.keys('shop', 'orders-db')).toBe('unknown')
  }
  expect(asked).toHaveLength(2)
})
