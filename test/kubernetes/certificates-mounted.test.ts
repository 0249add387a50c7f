import { describe, expect, onTestFinished, test } from 'vitest'
import { type Bundle, issueBundle } from '../../certs/issue.ts'
import type { Trust } from '../../certs/serving.ts'
import { serveMounted } from '../../src/kubernetes/mounted.ts'
import { keyPool } from '../certs/keys.ts'
import { names, until } from './replicas.ts'

const newKey = keyPool()
const issue = (now = new Date()) => issueBundle({ names, now, newKey })
const [one, two] = [await issue(), await issue()]

/** Files of a mounted Secret, and what a CA injector wrote into the configurations. */
function mounted(files: Bundle | Error, ...caBundles: string[]) {
  const state = { files, caBundles, served: [] as Bundle[], log: [] as string[] }
  const certificates = serveMounted({
    names,
    now: () => new Date(),
    files: async () => {
      if (state.files instanceof Error) throw state.files
      return { ...state.files, caKey: '' }
    },
    trusts: async (): Promise<Trust[]> =>
      state.caBundles.map((each, i) => ({ configuration: `configuration ${i}`, caBundles: [each] })),
    serve: (bundle) => state.served.push(bundle),
    log: (_, message) => state.log.push(message),
    pause: 10,
  })
  onTestFinished(certificates.stop)
  const serves = (bundle: Bundle) => state.served.at(-1)?.cert === bundle.cert
  return { state, certificates, serves }
}

describe('a mounted certificate', () => {
  test('is served, and ready once both configurations trust it', async () => {
    const { state, certificates, serves } = mounted(one, '', one.ca)
    await until('it to be served', () => serves(one))
    expect(certificates.problem()).toBe('configuration 0 does not trust the certificate yet')
    state.caBundles = [one.ca, one.ca]
    await until('it to be ready', () => certificates.problem() === undefined)
  })

  test('is swapped when its files change, but not before both configurations trust the new one', async () => {
    const { state, certificates, serves } = mounted(one, one.ca, one.ca)
    await until('it to be ready', () => certificates.problem() === undefined)
    state.files = two
    await until('the new one to be seen', () => state.log.length > 0)
    expect(serves(one)).toBe(true)
    expect(state.log).toEqual(['the mounted Secret has a certificate that the webhooks do not trust yet'])
    state.caBundles = [one.ca + two.ca, one.ca + two.ca]
    await until('it to be swapped', () => serves(two))
    expect(certificates.problem()).toBeUndefined()
    expect(state.served).toHaveLength(2)
  })

  test('stays when its files are half written, for others or not there, and says so once', async () => {
    const { state, certificates, serves } = mounted(one, one.ca, one.ca)
    await until('it to be ready', () => certificates.problem() === undefined)
    state.files = { ...one, key: two.key }
    await until('the half pair to be seen', () => state.log.length === 1)
    state.files = await issueBundle({ names: ['other.svc'], now: new Date(), newKey })
    await until('the wrong names to be seen', () => state.log.length === 2)
    state.files = new Error('ENOENT: no such file or directory, open /tls/tls.crt')
    await until('the missing file to be seen', () => state.log.length === 3)
    expect(state.log).toEqual([
      'the mounted Secret has a tls.key that is not that of its tls.crt',
      'the mounted Secret has a tls.crt that is not for lockkeeper.lockkeeper.svc',
      'the mounted certificate cannot be looked after: ENOENT: no such file or directory, open /tls/tls.crt',
    ])
    expect(serves(one)).toBe(true)
    expect(certificates.problem()).toBeUndefined()
    state.files = one
    await until('all to be well', () => certificates.problem() === undefined)
  })
})
