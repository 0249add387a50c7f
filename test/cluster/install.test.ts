import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { renderInstall } from '../tools/render.ts'
import { install, ready, uninstall } from './tools/install.ts'
import { release, withShop } from './tools/orders.ts'
import { apply, get, kubectl, must, mustKubectl, waitFor } from './tools/shell.ts'

const configurations = ['mutatingwebhookconfigurations', 'validatingwebhookconfigurations'] as const
const caBundles = async (): Promise<string[]> => {
  const found = await Promise.all(configurations.map((kind) => get(kind, 'lockkeeper')))
  return found.map(({ webhooks }) => webhooks[0].clientConfig.caBundle ?? '')
}

test('the rendered manifest is that of the chart', () => {
  expect(readFileSync(join(import.meta.dirname, '../../manifests/install.yaml'), 'utf8')).toBe(renderInstall())
})

describe.each(['helm4', 'kubectl'] as const)('installed by %s', (by) => {
  beforeAll(() => install(by), 300_000)
  afterAll(() => uninstall(by), 120_000)

  test('both replicas serve one certificate, and installing again keeps it', async () => {
    const secret = () => get('-n', 'lockkeeper', 'secret', 'lockkeeper-tls')
    const before = (await secret()).data
    const trusted = await caBundles()
    expect(trusted[0]).toBe(trusted[1])
    expect(Buffer.from(before['ca.crt'], 'base64').toString()).toBe(Buffer.from(trusted[0] ?? '', 'base64').toString())
    await install(by)
    expect((await secret()).data).toEqual(before)
    await waitFor('the trust to be as before', async () => (await caBundles()).every((bundle) => bundle === trusted[0]))
  })

  test('a blanked caBundle heals by itself', async () => {
    const [before] = await caBundles()
    for (const kind of configurations) {
      await mustKubectl(
        'patch',
        kind,
        'lockkeeper',
        '--type=json',
        '-p',
        '[{"op":"remove","path":"/webhooks/0/clientConfig/caBundle"}]',
      )
    }
    await waitFor('the caBundle to come back', async () => (await caBundles()).every((bundle) => bundle === before), 30)
  })

  test('a review of a kind we do not know, and one that is none, are answered plainly', async () => {
    const ask = async (body: string, type = 'application/json') => {
      const script = `fetch('https://lockkeeper.lockkeeper.svc/validate',{method:'POST',headers:{'content-type':'${type}'},body:process.argv[1]}).then(async r=>console.log(r.status,await r.text()))`
      const pod = (await get('-n', 'lockkeeper', 'pods', '-l', 'app.kubernetes.io/name=lockkeeper')).items[0].metadata
        .name
      return must('kubectl', [
        '-n',
        'lockkeeper',
        'exec',
        pod,
        '--',
        'env',
        'NODE_TLS_REJECT_UNAUTHORIZED=0',
        'node',
        '-e',
        script,
        body,
      ])
    }
    const request = {
      uid: 'x',
      operation: 'CREATE',
      kind: { group: '', version: 'v1', kind: 'Widget' },
      namespace: 'default',
      object: {},
    }
    const review = { apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', request }
    expect(await ask(JSON.stringify(review))).toContain(
      '200 {"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","response":{"uid":"x","allowed":true}}',
    )
    expect(await ask('{}')).toMatch(/^400 no AdmissionReview/)
    expect(await ask('<x/>', 'text/xml')).toMatch(/^415 /)
  })
})

describe('uninstalled', () => {
  test('leaves no webhook configuration behind, and workloads keep running', async () => {
    await install('helm')
    await withShop({}, async (shop) => {
      await shop.files(release(1))
      expect((await shop.deploy(1)).code).toBe(0)
      await shop.rolledOut()
      await uninstall('helm')
      for (const kind of configurations) expect((await kubectl('get', kind, 'lockkeeper')).code).toBe(1)
      expect((await get('-n', shop.namespace, 'deployment', 'orders')).status.readyReplicas).toBe(2)
      await mustKubectl('-n', shop.namespace, 'rollout', 'restart', 'deployment/orders')
      await shop.rolledOut()
    })
  })

  test('after the annotations are removed, nothing of us is left in a workload', async () => {
    await install('helm')
    await withShop({}, async (shop) => {
      await shop.files(release(1))
      await shop.deploy(1)
      await shop.rolledOut()
      const gone = await kubectl(
        '-n',
        shop.namespace,
        'annotate',
        'deployment/orders',
        'lockkeeper.dev/schema-version-',
      )
      expect(gone.output).toContain('the schema stays at 1')
      const { spec } = await get('-n', shop.namespace, 'deployment', 'orders')
      expect(JSON.stringify(spec)).not.toMatch(/lockkeeper-migrate|lockkeeper\.dev/)
      await shop.rolledOut()
    })
    await uninstall('helm')
  })
})

describe('while our pods are down', () => {
  test('only annotated Deployments in labelled namespaces are refused, and deleting the configurations is the way out', async () => {
    await install('helm')
    await withShop({}, async (shop) => {
      await shop.files(release(1))
      await mustKubectl('-n', 'lockkeeper', 'scale', 'deployment/lockkeeper', '--replicas=0')
      await waitFor('our pods to be gone', async () => (await get('-n', 'lockkeeper', 'pods')).items.length === 0)
      const refused = await shop.deploy(1)
      expect(refused.code).toBe(1)
      expect(refused.stderr).toContain('lockkeeper.dev')
      const plain = shop.object(1, { name: 'plain' }) as { metadata: Record<string, unknown> }
      expect((await apply({ ...plain, metadata: { ...plain.metadata, annotations: {} } })).code).toBe(0)
      await withShop(
        {},
        async (other) => {
          expect((await other.deploy(1, { replicas: 0 })).code).toBe(0)
        },
        '',
      )
      await mustKubectl('delete', 'mutatingwebhookconfiguration,validatingwebhookconfiguration', 'lockkeeper')
      expect((await shop.deploy(1, { replicas: 0 })).code).toBe(0)
    })
    await install('helm')
    await ready()
    await uninstall('helm')
  })
})
