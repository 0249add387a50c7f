import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { deployment } from '../tools/admission.ts'
import { installed } from './tools/install.ts'
import { release, type Shop, withShop } from './tools/orders.ts'
import { type Asked, startRecorder } from './tools/recorder.ts'
import { get, mustKubectl, waitFor } from './tools/shell.ts'

installed('helm')

const PORT = 18_643
const role = ['lockkeeper', '-o', 'json'] as const
interface Rule {
  readonly apiGroups: readonly string[]
  readonly resources: readonly string[]
  readonly resourceNames?: readonly string[]
  readonly verbs: readonly string[]
}

/** `verb group/resource`, each that the service account is granted. */
async function granted(): Promise<string[]> {
  const roles = [
    ['clusterrole', ...role],
    ['-n', 'lockkeeper', 'role', ...role],
  ]
  const found = await Promise.all(
    roles.map(async (args) => JSON.parse(await mustKubectl('get', ...args)) as { rules: Rule[] }),
  )
  const all = found.flatMap(({ rules }) =>
    rules.flatMap(({ apiGroups, resources, verbs }) =>
      apiGroups.flatMap((group) =>
        resources.flatMap((resource) => verbs.map((verb) => `${verb} ${group}/${resource}`)),
      ),
    ),
  )
  return [...new Set(all)].sort()
}

/** The webhook as a process of this machine, with the rights of its service account. */
async function withService(asked: Asked[], use: () => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'lockkeeper-rights-'))
  const recorder = await startRecorder(asked)
  const token = (await mustKubectl('-n', 'lockkeeper', 'create', 'token', 'lockkeeper')).trim()
  const kubeconfig = join(folder, 'kubeconfig')
  const cluster = { name: 'c', cluster: { server: recorder.url, 'insecure-skip-tls-verify': true } }
  const context = { name: 'c', context: { cluster: 'c', user: 'u' } }
  const users = [{ name: 'u', user: { token } }]
  writeFileSync(
    kubeconfig,
    JSON.stringify({
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [cluster],
      contexts: [context],
      users,
      'current-context': 'c',
    }),
  )
  const settings = { KUBECONFIG: kubeconfig, POD_NAMESPACE: 'lockkeeper', RUNNER_IMAGE: 'r', DRAIN_SECONDS: '0' }
  const child = spawn(process.execPath, [join(import.meta.dirname, '../../src/main.ts')], {
    env: { PATH: process.env.PATH, ...settings, PORT: String(PORT), METRICS_PORT: String(PORT + 1) },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  try {
    await logged(child, 'ready for reviews')
    await use()
  } finally {
    const ended = once(child, 'exit')
    child.kill('SIGTERM')
    await ended
    recorder.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}

async function logged(child: ChildProcess, wanted: string): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    child.stdout?.setEncoding('utf8').on('data', (text: string) => text.includes(wanted) && resolve())
    child.once('exit', (code) => reject(new Error(`the webhook ended with ${code}`)))
  })
}

const fetchInsecure = async (path: string, body?: object): Promise<string> => {
  const { request } = await import('node:https')
  return new Promise((resolve, reject) => {
    const options = {
      host: '127.0.0.1',
      port: PORT,
      path,
      rejectUnauthorized: false,
      method: body === undefined ? 'GET' : 'POST',
      headers: { 'Content-Type': 'application/json' },
    }
    const sent = request(options, (response) => {
      let text = ''
      response.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk
      })
      response.on('end', () => resolve(text))
    })
    sent.once('error', reject)
    sent.end(body === undefined ? undefined : JSON.stringify(body))
  })
}

const review = (namespace: string) => ({
  apiVersion: 'admission.k8s.io/v1',
  kind: 'AdmissionReview',
  request: {
    ...{ uid: 'u', operation: 'CREATE', namespace, name: 'orders', oldObject: null },
    kind: { group: 'apps', version: 'v1', kind: 'Deployment' },
    object: { ...deployment(), metadata: { ...deployment().metadata, namespace } },
  },
})

/** All that the service ever does with the API server. */
async function everything(shop: Shop): Promise<void> {
  await shop.files(release(2))
  await waitFor('the service to be ready', async () => (await fetchInsecure('/readyz')) === 'ok')
  expect(await fetchInsecure('/mutate', review(shop.namespace))).toContain('"patch"')
  const there = async (kind: string, name: string) => (await get('-n', 'lockkeeper', kind, name)).metadata.uid
  for (const [kind, name] of [
    ['secret', 'lockkeeper-tls'],
    ['lease', 'lockkeeper'],
  ] as const) {
    const before = await there(kind, name)
    await mustKubectl('-n', 'lockkeeper', 'delete', kind, name)
    await waitFor(`the ${kind} to be made again`, async () => (await there(kind, name)) !== before)
  }
  const json = (operations: object[]) => ['--type=json', '-p', JSON.stringify(operations)]
  await mustKubectl(
    ...['-n', 'lockkeeper', 'patch', 'secret', 'lockkeeper-tls'],
    ...json([{ op: 'replace', path: '/data/tls.crt', value: '' }]),
  )
  await waitFor('the Secret to be filled again', async () => {
    return (await get('-n', 'lockkeeper', 'secret', 'lockkeeper-tls')).data['tls.crt'] !== ''
  })
  for (const kind of ['mutatingwebhookconfiguration', 'validatingwebhookconfiguration']) {
    const bundle = async () => (await get(kind, 'lockkeeper')).webhooks[0].clientConfig.caBundle ?? ''
    await mustKubectl(
      'patch',
      kind,
      'lockkeeper',
      ...json([{ op: 'remove', path: '/webhooks/0/clientConfig/caBundle' }]),
    )
    await waitFor('the trust to come back', async () => (await bundle()) !== '')
  }
  await waitFor('the service to be ready again', async () => (await fetchInsecure('/readyz')) === 'ok')
}

test('the rights of the service account are exactly those that it uses: none is refused, and none is left over', async () => {
  await mustKubectl('-n', 'lockkeeper', 'scale', 'deployment/lockkeeper', '--replicas=0')
  await waitFor('our pods to be gone', async () => (await get('-n', 'lockkeeper', 'pods')).items.length === 0)
  const wanted = await granted()
  const asked: Asked[] = []
  await withShop({}, async (shop) => {
    // Twice: the second process finds the Secret and the Lease of the first.
    for (const first of [true, false]) {
      await withService(asked, () =>
        first
          ? everything(shop)
          : waitFor('the service to be ready', async () => (await fetchInsecure('/readyz')) === 'ok').then(
              () => undefined,
            ),
      )
    }
  })
  expect(asked.filter(({ status }) => status === 403)).toEqual([])
  expect([...new Set(asked.map(({ verb, resource }) => `${verb} ${resource}`))].sort()).toEqual(wanted)
})
