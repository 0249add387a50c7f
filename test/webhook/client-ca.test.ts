import { createPrivateKey } from 'node:crypto'
import { request } from 'node:https'
import forge from 'node-forge'
import { expect, test } from 'vitest'
import { type Authority, issueAuthority, issueBundle } from '../../certs/issue.ts'
import { createApp } from '../../src/webhook/app.ts'
import { createMetrics } from '../../src/webhook/metrics.ts'
import { serve } from '../../src/webhook/server.ts'
import { shop } from '../tools/admission.ts'

/** A certificate for a client, as a cluster's CA issues one for its API server. */
function clientOf({ ca, caKey }: Authority, name: string) {
  const keys = forge.pki.rsa.generateKeyPair(2048)
  const made = forge.pki.createCertificate()
  made.publicKey = keys.publicKey
  made.serialNumber = '0123'
  made.validity.notBefore = new Date(Date.now() - 60_000)
  made.validity.notAfter = new Date(Date.now() + 3_600_000)
  made.setSubject([{ name: 'commonName', value: name }])
  made.setIssuer(forge.pki.certificateFromPem(ca).subject.attributes)
  made.setExtensions([{ name: 'extKeyUsage', clientAuth: true }])
  const pkcs1 = createPrivateKey(caKey).export({ format: 'pem', type: 'pkcs1' }).toString()
  made.sign(forge.pki.privateKeyFromPem(pkcs1), forge.md.sha256.create())
  return { cert: forge.pki.certificateToPem(made), key: forge.pki.privateKeyToPem(keys.privateKey) }
}

test('with a client CA only who shows a certificate of it, with a known name, is answered; probes go on without', async () => {
  const now = new Date()
  const [bundle, authority, other] = await Promise.all([
    issueBundle({ names: ['localhost'], now }),
    issueAuthority({ names: [], now }),
    issueAuthority({ names: [], now }),
  ])
  const app = createApp(
    {
      namespace: async () => shop(),
      source: async () => ({ kind: 'missing', configMap: 'm' }),
      secretKeys: async () => 'unknown',
      cluster: 'c',
      runnerImage: 'runner:1',
      imagePullPolicy: 'IfNotPresent',
      now: () => 1000,
      unready: () => undefined,
      log: () => undefined,
      metrics: createMetrics(),
    },
    { names: ['api-server'] },
  )
  const server = await serve(app, 0, bundle, { host: '127.0.0.1', clientCa: authority.ca })
  const ask = (path: string, client = {}): Promise<number | undefined> =>
    new Promise((resolve, reject) => {
      const headers = { 'Content-Type': 'application/json' }
      const to = { host: '127.0.0.1', port: server.port, path, ca: bundle.ca, servername: 'localhost', agent: false }
      const method = path === '/readyz' ? 'GET' : 'POST'
      const sent = request({ ...to, ...client, method, headers }, (response) => {
        response.resume()
        resolve(response.statusCode)
      })
      sent.once('error', reject)
      sent.end(method === 'GET' ? undefined : '{')
    })
  // 400: it was read, and is no review.
  const known = clientOf(authority, 'api-server')
  expect(await ask('/mutate', known)).toBe(400)
  expect(await ask('/validate', known)).toBe(400)
  expect(await ask('/mutate')).toBe(403)
  expect(await ask('/mutate', clientOf(authority, 'kubelet'))).toBe(403)
  expect(await ask('/mutate', clientOf(other, 'api-server'))).toBe(403)
  expect(await ask('/readyz')).toBe(200)
  server.reload(bundle)
  expect(await ask('/mutate', known)).toBe(400)
  expect(await ask('/mutate')).toBe(403)
  await server.drain(0)
})
