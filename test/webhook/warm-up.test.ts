import { expect, test } from 'vitest'
import { warmUp } from '../../src/webhook/warm-up.ts'
import { CLUSTER, RUNNER_IMAGE } from '../tools/admission.ts'

const ports = { cluster: CLUSTER, runnerImage: RUNNER_IMAGE, imagePullPolicy: 'IfNotPresent', now: Date.now }

test('made-up reviews are injected and allowed, as often as there is time', async () => {
  expect(await warmUp(ports, 200)).toBeGreaterThan(2)
})

test('others get their turn while it runs', async () => {
  const warming = warmUp(ports, 200)
  const order: string[] = []
  setTimeout(() => order.push('timer'), 1)
  await warming
  expect(order).toEqual(['timer'])
})
