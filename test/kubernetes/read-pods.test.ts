import { ApiException, type V1ContainerState, type V1Pod } from '@kubernetes/client-node'
import { expect, test } from 'vitest'
import { podsIn } from '../../src/kubernetes/read-pods.ts'

const now = new Date('2026-06-01T12:00:00Z')
const before = (seconds: number) => new Date(now.getTime() - seconds * 1000)

const pod = (state: V1ContainerState, more: { lastState?: V1ContainerState; status?: object; name?: string } = {}) =>
  ({
    metadata: { namespace: 'shop', name: 'orders-1' },
    status: {
      phase: 'Pending',
      initContainerStatuses: [{ name: more.name ?? 'lockkeeper-migrate', state, lastState: more.lastState ?? {} }],
      ...more.status,
    },
  }) as unknown as V1Pod

/** What is found of these pods, and how many logs were asked for. */
async function found(pods: V1Pod[], log: () => Promise<string> = async () => '{"event":"waiting"}\n') {
  const asked = { logs: 0 }
  const core = {
    listNamespacedPod: async () => ({ items: pods }),
    readNamespacedPodLog: () => {
      asked.logs++
      return log()
    },
  } as unknown as Parameters<typeof podsIn>[0]['core']
  return { states: await podsIn({ core }, 'shop', now), asked }
}
const of = { namespace: 'shop', pod: 'orders-1', container: 'lockkeeper-migrate' }
const failed = { terminated: { exitCode: 12, message: 'why' } }

test.each<[string, V1Pod, object[]]>([
  ['has run for half a minute', pod({ running: { startedAt: before(30) } }), []],
  [
    'has run for more than a minute',
    pod({ running: { startedAt: before(61) } }),
    [{ ...of, kind: 'running', since: before(61), failedBefore: false, lastLine: '{"event":"waiting"}' }],
  ],
  [
    'runs again after a failure',
    pod({ running: { startedAt: before(61) } }, { lastState: failed }),
    [{ ...of, kind: 'running', since: before(61), failedBefore: true, lastLine: '{"event":"waiting"}' }],
  ],
  ['ended well', pod({ terminated: { exitCode: 0 } }), []],
  ['failed', pod(failed), [{ ...of, kind: 'ended', message: 'why' }]],
  [
    'waits to be started again after a failure',
    pod({ waiting: { reason: 'CrashLoopBackOff' } }, { lastState: failed }),
    [{ ...of, kind: 'ended', message: 'why' }],
  ],
  ['waits for its turn', pod({ waiting: { reason: 'PodInitializing' } }), []],
  ['is prepared', pod({ waiting: { reason: 'ContainerCreating' } }), []],
  [
    'has no image',
    pod({ waiting: { reason: 'ErrImagePull', message: 'not found' } }),
    [{ ...of, kind: 'waiting', reason: 'ErrImagePull', message: 'not found' }],
  ],
  [
    'copies files and has no image',
    pod({ waiting: { reason: 'ImagePullBackOff' } }, { name: 'lockkeeper-files' }),
    [{ ...of, container: 'lockkeeper-files', kind: 'waiting', reason: 'ImagePullBackOff', message: '' }],
  ],
  [
    'was ended with its pod, whose time was over',
    pod({ waiting: { reason: 'PodInitializing' } }, { status: { phase: 'Failed', reason: 'DeadlineExceeded' } }),
    [{ ...of, kind: 'ended', message: 'DeadlineExceeded: activeDeadlineSeconds have passed' }],
  ],
  ['was evicted, and replaced', pod({}, { status: { phase: 'Failed', reason: 'Evicted' } }), []],
  ['is somebody else’s', pod({ waiting: { reason: 'ErrImagePull' } }, { name: 'warm-up' }), []],
])('a container that %s', async (_, given, expected) => {
  expect((await found([given])).states).toEqual(expected)
})

test('whose log nobody may read, or which is gone, is found without its last word', async () => {
  for (const code of [403, 404]) {
    const { states } = await found([pod({ running: { startedAt: before(90) } })], () =>
      Promise.reject(new ApiException(code, 'x', {}, {})),
    )
    expect(states).toEqual([{ ...of, kind: 'running', since: before(90), failedBefore: false }])
  }
})

test('of a hundred pods that wait, twenty are asked for their last word', async () => {
  const { states, asked } = await found(Array.from({ length: 100 }, () => pod({ running: { startedAt: before(90) } })))
  expect([states.length, asked.logs]).toEqual([100, 20])
})
