import { expect, test } from 'vitest'
import { readConfig } from '../../src/webhook/config.ts'

test('the runner image is all that must be said', () => {
  expect(readConfig({ RUNNER_IMAGE: 'runner:1' })).toMatchObject({
    port: 8443,
    namespace: 'lockkeeper',
    runnerImage: 'runner:1',
    imagePullPolicy: 'IfNotPresent',
    drainMs: 5000,
  })
})

test('every problem is said at once', () => {
  const config = readConfig({ PORT: 'x', LOG_LEVEL: 'loud', DRAIN_SECONDS: '-1' })
  expect('problems' in config && config.problems.map((problem) => problem.split(':')[0])).toEqual([
    'PORT',
    'RUNNER_IMAGE',
    'LOG_LEVEL',
    'DRAIN_SECONDS',
  ])
})

test('certificates are our own, unless a folder with others is named', () => {
  expect(readConfig({ RUNNER_IMAGE: 'runner:1' })).toMatchObject({
    tlsDir: undefined,
    tlsSecret: 'lockkeeper-tls',
    lease: 'lockkeeper',
  })
  expect(readConfig({ RUNNER_IMAGE: 'runner:1', TLS_DIR: '' })).toMatchObject({ tlsDir: undefined })
  expect(readConfig({ RUNNER_IMAGE: 'runner:1', TLS_DIR: '/tls' })).toMatchObject({ tlsDir: '/tls' })
})

test('whoever asks is answered, unless a client CA is named', () => {
  expect(readConfig({ RUNNER_IMAGE: 'runner:1' })).toMatchObject({ clientCa: undefined, clientNames: [] })
  expect(readConfig({ RUNNER_IMAGE: 'runner:1', CLIENT_CA: '/c/ca.crt', CLIENT_NAMES: 'a, b' })).toMatchObject({
    clientCa: '/c/ca.crt',
    clientNames: ['a', 'b'],
  })
})
