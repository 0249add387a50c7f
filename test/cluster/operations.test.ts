import { join } from 'node:path'
import { afterAll, afterEach, describe, expect, test } from 'vitest'
import { type Bundle, issueBundle } from '../../certs/issue.ts'
import { crd, shapes } from './tools/every-kind.ts'
import { images, ready, uninstall } from './tools/install.ts'
import { release, type Shop, withShop } from './tools/orders.ts'
import { apply, get, kubectl, must, mustApply, mustKubectl, run, waitFor } from './tools/shell.ts'

const chart = join(import.meta.dirname, '../../manifests/chart')
const ours = ['-n', 'lockkeeper'] as const

/** Installs or upgrades with values of our own. */
async function upgrade(helm: 'helm' | 'helm4', values: Readonly<Record<string, string | number | boolean>> = {}) {
  const { webhook, runner } = images()
  const all = { 'images.webhook': webhook, 'images.runner': runner, ...values }
  const set = Object.entries(all).flatMap(([key, value]) => ['--set', `${key}=${value}`])
  await must(helm, ['upgrade', '--install', 'lockkeeper', chart, ...ours, '--create-namespace', ...set])
}
const gone = (kind: string, name: string) =>
  waitFor(`${kind} ${name} to be gone`, async () => (await kubectl(...ours, 'get', kind, name)).code !== 0)

afterEach(() => uninstall('helm'), 120_000)

describe.each(['helm', 'helm4'] as const)('installed by %s', (helm) => {
  test('`helm test` passes while reviews can be answered, fails and says why when they cannot, and leaves no pod', async () => {
    await upgrade(helm)
    await ready()
    const passed = await run(helm, ['test', 'lockkeeper', ...ours])
    expect(passed.code, passed.output).toBe(0)
    await gone('pod', 'lockkeeper-test')
    await mustKubectl(...ours, 'scale', 'deployment/lockkeeper', '--replicas=0')
    await waitFor('no endpoint', async () => (await get(...ours, 'endpoints', 'lockkeeper')).subsets === undefined)
    const failed = await run(helm, ['test', 'lockkeeper', ...ours])
    expect(failed.code).toBe(1)
    expect(failed.output).toContain('https://lockkeeper.lockkeeper.svc/readyz: ')
    await gone('pod', 'lockkeeper-test')
  })

  test('`helm uninstall` leaves nothing behind, though the pods filled a Secret and hold a Lease', async () => {
    await upgrade(helm)
    await ready()
    await waitFor('the Lease to be held', async () => (await get(...ours, 'lease', 'lockkeeper')).spec?.holderIdentity)
    expect(Object.keys((await get(...ours, 'secret', 'lockkeeper-tls')).data).length).toBeGreaterThan(0)
    await must(helm, ['uninstall', 'lockkeeper', ...ours])
    await waitFor('the last pod to end', async () => (await get(...ours, 'pods')).items.length === 0)
    await waitFor('only what every namespace has', async () => (await objectsIn('lockkeeper')).length === 0, 30)
    expect(await clusterWide()).toEqual([])
  })
})

/** Everything in a namespace that a namespace does not have by itself; Events go by themselves. */
async function objectsIn(namespace: string): Promise<string[]> {
  const kinds = (await mustKubectl('api-resources', '--namespaced', '--verbs=list,delete', '-o', 'name'))
    .trim()
    .split('\n')
  const listed = kinds.filter((kind) => !/^events(\.|$)/.test(kind)).join()
  const found = (await mustKubectl('-n', namespace, 'get', listed, '-o', 'name', '--ignore-not-found')).split('\n')
  return found.filter((name) => name !== '' && !/^(configmap\/kube-root-ca\.crt|serviceaccount\/default)$/.test(name))
}

/** Objects without a namespace that are named after us. */
async function clusterWide(): Promise<string[]> {
  const kinds = (await mustKubectl('api-resources', '--namespaced=false', '--verbs=list,delete', '-o', 'name'))
    .trim()
    .split('\n')
  const found = (await mustKubectl('get', kinds.join(), '-o', 'name', '--ignore-not-found')).split('\n')
  return found.filter((name) => /\/lockkeeper/.test(name) && !name.startsWith('namespace/'))
}

describe('an upgrade to a chart with another runner image', () => {
  test('rolls no workload of any kind, whatever happens to it but a change of its own template', () =>
    withShop({}, async (shop) => {
      await upgrade('helm')
      await ready()
      await shop.files(release(1))
      expect((await shop.deploy(1)).code).toBe(0)
      await shop.rolledOut()
      const others = Object.entries(shapes).filter(([kind]) => kind !== 'Rollout' && kind !== 'Job')
      const annotations = {
        'lockkeeper.dev/schema-version': '1',
        'lockkeeper.dev/migrations': 'orders-migrations',
        'lockkeeper.dev/database': 'secret/orders-db#uri',
      }
      const objects = others.map(([kind, shape]) =>
        shape.object({ name: `a-${kind.toLowerCase()}`, namespace: shop.namespace, annotations }, annotations),
      )
      await mustApply(objects)
      const before = await everything(shop)
      expect(before.specs).toHaveLength(others.length + 1)
      for (const spec of before.specs) expect(spec).toContain('lockkeeper-migrate')

      await upgrade('helm', { 'images.runner': `${images().runner}-next` })
      await ready()
      await waitFor('the old pods to end', async () => (await get(...ours, 'pods')).items.length === 2)
      expect((await shop.deploy(1)).code).toBe(0)
      await mustApply(objects)
      await mustKubectl('-n', shop.namespace, 'label', 'deployment,statefulset,daemonset,cronjob', '--all', 'team=a')
      await mustKubectl('-n', shop.namespace, 'scale', 'deployment/a-deployment', '--replicas=1')
      await mustKubectl('-n', shop.namespace, 'scale', 'deployment/a-deployment', '--replicas=0')
      const after = await everything(shop)
      expect(after).toEqual(before)
      expect(JSON.stringify(after.specs)).not.toContain(`${images().runner}-next`)

      await mustKubectl('-n', shop.namespace, 'rollout', 'restart', 'deployment/a-deployment')
      const { spec } = await get('-n', shop.namespace, 'deployment', 'a-deployment')
      expect(spec.template.spec.initContainers[0].image).toBe(`${images().runner}-next`)
    }))

  /** The templates of all workloads as they are stored, and the pods that run. */
  async function everything(shop: Shop) {
    const { items } = await get('-n', shop.namespace, 'deployment,statefulset,daemonset,cronjob')
    const specs: string[] = items.map(({ kind, metadata, spec }: Awaited<ReturnType<typeof get>>) =>
      JSON.stringify([kind, metadata.name, spec.jobTemplate ?? spec.template]),
    )
    return { specs: specs.sort(), pods: await shop.pods() }
  }
})

describe('with everything optional, in a namespace with PodSecurity restricted', () => {
  const kinds = [
    crd('monitoring.coreos.com', 'v1', 'ServiceMonitor'),
    crd('monitoring.coreos.com', 'v1', 'PrometheusRule'),
  ]
  afterAll(async () => {
    for (const { metadata } of kinds) await kubectl('delete', 'crd', metadata.name, '--ignore-not-found')
  })

  test('pods run, metrics are read through the Service, and only one pod at a time can be evicted', async () => {
    await mustApply(kinds)
    for (const { metadata } of kinds) await mustKubectl('wait', '--for=condition=Established', `crd/${metadata.name}`)
    const labels = { 'pod-security.kubernetes.io/enforce': 'restricted' }
    await mustApply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'lockkeeper', labels } })
    await upgrade('helm', {
      'networkPolicy.enabled': true,
      'monitoring.serviceMonitor.enabled': true,
      'monitoring.rules.enabled': true,
      'monitoring.dashboard.enabled': true,
      'ports.webhook': 10250,
      'ports.metrics': 9999,
    })
    await ready()
    const test = await run('helm', ['test', 'lockkeeper', ...ours])
    expect(test.code, test.output).toBe(0)
    for (const kind of ['networkpolicy', 'servicemonitor', 'prometheusrule']) await get(...ours, kind, 'lockkeeper')
    const path = '/api/v1/namespaces/lockkeeper/services/http:lockkeeper:metrics/proxy/metrics'
    expect(await mustKubectl('get', '--raw', path)).toContain('lockkeeper_certificate_expiry_timestamp_seconds ')

    const names = (await get(...ours, 'pods')).items.map(
      ({ metadata }: { metadata: { name: string } }) => metadata.name,
    )
    const evictions = names.map((name: string) => ({
      args: ['create', '--raw', `/api/v1/namespaces/lockkeeper/pods/${name}/eviction`, '-f', '-'],
      input: JSON.stringify({ apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name, namespace: 'lockkeeper' } }),
    }))
    const [first, second] = [
      await run('kubectl', evictions[0].args, { input: evictions[0].input }),
      await run('kubectl', evictions[1].args, { input: evictions[1].input }),
    ]
    expect(first.code, first.output).toBe(0)
    expect(second.output).toContain("would violate the pod's disruption budget")
    await ready()
  })
})

describe('with certificates from cert-manager', () => {
  const kinds = ['Issuer', 'Certificate'].map((kind) => crd('cert-manager.io', 'v1', kind))
  afterAll(async () => {
    for (const { metadata } of kinds) await kubectl('delete', 'crd', metadata.name, '--ignore-not-found')
  })

  test('pods wait for the Secret, serve what is in it, may write nothing, and are ready when it is trusted', () =>
    withShop({}, async (shop) => {
      await mustApply(kinds)
      for (const { metadata } of kinds) await mustKubectl('wait', '--for=condition=Established', `crd/${metadata.name}`)
      await upgrade('helm', { 'certificates.mode': 'cert-manager' })
      const names: string[] = (await get(...ours, 'certificate', 'lockkeeper')).spec.dnsNames
      const bundle = await issueBundle({ names, now: new Date() })
      await actAsCertManager(bundle)
      await ready()
      const test = await run('helm', ['test', 'lockkeeper', ...ours])
      expect(test.code, test.output).toBe(0)
      await shop.files(release(1))
      const deployed = await shop.deploy(1, { replicas: 0 })
      expect(deployed.stderr).toContain('schema')
      expect(JSON.stringify(await get('-n', shop.namespace, 'deployment', 'orders'))).toContain('lockkeeper-migrate')

      for (const object of ['secret/lockkeeper-tls', 'lease/lockkeeper', 'role/lockkeeper'])
        expect((await kubectl(...ours, 'get', object)).code).toBe(1)
      const may = await mustKubectl(
        ...ours,
        'auth',
        'can-i',
        '--list',
        '--as=system:serviceaccount:lockkeeper:lockkeeper',
      )
      const lines = may.split('\n').filter((line) => /secrets|leases|webhookconfigurations/.test(line))
      expect(lines.join('\n')).not.toMatch(/create|update|patch|delete/)
    }))

  /** Fills the Secret of the Certificate, and has both configurations trust it: what cert-manager and its injector do. */
  async function actAsCertManager({ ca, cert, key }: Bundle): Promise<void> {
    const { secretName: name } = (await get(...ours, 'certificate', 'lockkeeper')).spec
    const stringData = { 'ca.crt': ca, 'tls.crt': cert, 'tls.key': key }
    const metadata = { name, namespace: 'lockkeeper' }
    const secret = { apiVersion: 'v1', kind: 'Secret', type: 'kubernetes.io/tls', metadata, stringData }
    expect(await apply(secret)).toMatchObject({ code: 0 })
    for (const kind of ['mutatingwebhookconfiguration', 'validatingwebhookconfiguration']) {
      const { annotations } = (await get(kind, 'lockkeeper')).metadata
      expect(annotations['cert-manager.io/inject-ca-from']).toBe('lockkeeper/lockkeeper')
      const value = Buffer.from(ca).toString('base64')
      const patch = [{ op: 'add', path: '/webhooks/0/clientConfig/caBundle', value }]
      await mustKubectl('patch', kind, 'lockkeeper', '--type=json', '-p', JSON.stringify(patch))
    }
  }
})
