import { expect, test } from 'vitest'
import { CONFIG, INTENT, POLICY } from '../../src/contract.ts'
import { unknownKeys } from '../../src/injection/annotation-findings.ts'
import { nearest } from '../../src/injection/nearest.ts'

const known = [...Object.values(INTENT), ...Object.values(CONFIG), ...Object.values(POLICY)]

test.each([
  ['lockkeeper.dev/schema-verison', 'lockkeeper.dev/schema-version'],
  ['lockkeeper.dev/schemaversion', 'lockkeeper.dev/schema-version'],
  ['lockkeeper.dev/lock-timeout', 'config.lockkeeper.dev/lock-timeout'],
  ['config.lockkeeper.dev/schema-version', 'lockkeeper.dev/schema-version'],
  ['config.lockkeeper.dev/lock_timeout', 'config.lockkeeper.dev/lock-timeout'],
  ['config.lockkeeper.dev/memory-limits', 'config.lockkeeper.dev/memory-limit'],
  ['lockkeeper.dev/rollback-polcy', 'lockkeeper.dev/rollback-policy'],
  ['config.lockkeeper.dev/ephemeral-storage-request', undefined],
  ['config.lockkeeper.dev/retries', undefined],
  ['config.lockkeeper.dev/network-policy', undefined],
  ['lockkeeper.dev/', undefined],
  [`lockkeeper.dev/${'schema-version'.repeat(20_000)}`, undefined],
])('%.60s is nearest to %s', (word, expected) => {
  expect(nearest(word, known)).toBe(expected)
})

test('a key that is like none is not said to be another', () => {
  const [finding] = unknownKeys({ 'config.lockkeeper.dev/ephemeral-storage-request': '1Gi' }, 'workload')
  expect(finding?.fix).toBe('take it away: nothing of a similar name is known either')
})
