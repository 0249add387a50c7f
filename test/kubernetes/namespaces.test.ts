import { ApiException, type V1Namespace } from '@kubernetes/client-node'
import { expect, test } from 'vitest'
import { freshNamespace } from '../../src/kubernetes/namespaces.ts'

const namespace = (labels?: Record<string, string>): V1Namespace => ({
  metadata: { name: 'shop', annotations: {}, ...(labels && { labels }) },
})
const labelled = namespace({ 'lockkeeper.dev/admission': 'enabled' })
const asking = (answer: V1Namespace | Error) => {
  const asked = { times: 0 }
  const read = async () => {
    asked.times++
    if (answer instanceof Error) throw answer
    return answer
  }
  return { asked, read }
}

test('a labelled namespace is taken from the cache', async () => {
  const { asked, read } = asking(namespace())
  expect((await freshNamespace(labelled, read))?.labels).toEqual(labelled.metadata?.labels)
  expect(asked.times).toBe(0)
})

test.each([
  ['does not know', undefined],
  ['knows without labels', namespace()],
  ['knows without the label', namespace({ team: 'shop' })],
  ['knows with another value', namespace({ 'lockkeeper.dev/admission': 'disabled' })],
])('a namespace that the cache %s is asked for, so that its first review is not let through', async (_, known) => {
  const { asked, read } = asking(labelled)
  expect((await freshNamespace(known, read))?.labels).toEqual(labelled.metadata?.labels)
  expect(asked.times).toBe(1)
})

test('a namespace that is gone is none, and what cannot be read is no leave to pass', async () => {
  const answered = (code: number) => asking(new ApiException(code, 'x', {}, {})).read
  expect(await freshNamespace(namespace(), answered(404))).toBeUndefined()
  await expect(freshNamespace(namespace(), answered(500))).rejects.toThrow()
})
