import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { install, installed } from './tools/install.ts'
import { release, withShop } from './tools/orders.ts'
import { get, kubectl, mustApply, mustKubectl, run, waitFor } from './tools/shell.ts'

const program = join(import.meta.dirname, '../../src/cli/main.ts')
const kubeconfig = () => ['--kubeconfig', process.env.LOCKKEEPER_TEST_KUBECONFIG ?? '']
const doctor = () => run(process.execPath, [program, 'doctor', ...kubeconfig(), '-o', 'json'])
interface Found {
  readonly code: string
  readonly subject: string
  readonly fix: string
}
/** The findings about this test's own objects and the installation. */
async function findings(namespace: string): Promise<[string, string][]> {
  const { stdout } = await doctor()
  const { findings: all } = JSON.parse(stdout) as { findings: Found[] }
  return all
    .filter(({ subject }) => subject.includes(namespace) || subject.includes('lockkeeper'))
    .map(({ code, subject }) => [code, subject])
}

installed('helm')

describe('the doctor', () => {
  test('finds an installation well, also as a plugin of kubectl', () =>
    withShop({}, async (shop) => {
      await shop.files(release(1))
      await shop.deploy(1)
      await shop.rolledOut()
      expect(await findings(shop.namespace)).toEqual([])
      const folder = mkdtempSync(join(tmpdir(), 'lockkeeper-plugin-'))
      try {
        const plugin = join(folder, 'kubectl-lockkeeper')
        writeFileSync(plugin, `#!/bin/sh\nexec "${process.execPath}" "${program}" "$@"\n`)
        chmodSync(plugin, 0o755)
        const path = { PATH: `${folder}:${process.env.PATH}` }
        const { stdout } = await run('kubectl', ['lockkeeper', 'doctor', ...kubeconfig()], { env: path })
        expect(stdout).toMatch(/all well|errors?, \d+ warnings?/)
      } finally {
        rmSync(folder, { recursive: true, force: true })
      }
    }))

  test('finds the pod whose migration failed, with the cure that the runner left', () =>
    withShop({}, async (shop) => {
      await shop.files({ ...release(1), '1_create_orders.up.sql': 'CREATE TABEL orders ();\n' })
      await shop.deploy(1, { replicas: 1 })
      const found = await waitFor('the failed pod to be found', async () => {
        const { stdout } = await doctor()
        const { findings: all } = JSON.parse(stdout) as { findings: (Found & { message: string })[] }
        return all.find(({ subject }) => subject.startsWith(`${shop.namespace}/Pod/`))
      })
      expect(found).toMatchObject({ code: 'migration-failed' })
      expect(found.message).toContain('1_create_orders.up.sql')
      expect((await doctor()).code).toBe(1)
    }))

  test('finds what holds pods up, and a pod that waits says why where kubectl describe shows it', () =>
    withShop({}, async (shop) => {
      const { namespace } = shop
      await shop.files(release(1))
      const uri = 'postgresql://u:p@nowhere.invalid/x'
      await mustApply({
        ...{ apiVersion: 'v1', kind: 'Secret', metadata: { name: 'nowhere', namespace }, stringData: { uri } },
      })
      const nowhere = { 'lockkeeper.dev/database': 'secret/nowhere#uri' }
      const unknown = { 'config.lockkeeper.dev/image': 'lockkeeper/none:1' }
      await shop.deploy(1, { name: 'waits', replicas: 1, annotations: nowhere })
      await shop.deploy(1, { name: 'unpulled', replicas: 1, annotations: unknown })
      const [waits] = await waitFor('the first pods', async () => {
        const pods = (await get('-n', namespace, 'pods')).items as { metadata: { name: string } }[]
        const names = pods.map(({ metadata }) => metadata.name)
        return names.length === 2 && names.filter((name) => name.startsWith('waits-'))
      })
      const max = { memory: '128Mi' }
      await mustApply({
        ...{ apiVersion: 'v1', kind: 'LimitRange', metadata: { name: 'small', namespace } },
        spec: { limits: [{ type: 'Container', max, default: max, defaultRequest: { memory: '32Mi' } }] },
      })
      await shop.deploy(1, { name: 'limited', replicas: 1 })
      const found = async (code: string, where: string) => {
        const { findings: all } = JSON.parse((await doctor()).stdout) as { findings: (Found & { message: string })[] }
        return all.find((each) => each.code === code && each.subject.startsWith(`${namespace}/${where}`))
      }
      const refused = await waitFor('the refused pods', () => found('pods-refused', 'Deployment/limited'))
      expect(refused.message).toContain('maximum memory usage per Container is 128Mi')
      const small = { 'config.lockkeeper.dev/memory-limit': '128Mi' }
      await shop.deploy(1, { name: 'limited', replicas: 1, annotations: small })
      await shop.rolledOut('limited')
      await waitFor('the image', () => found('container-not-started', 'Pod/unpulled-'))
      const waiting = await waitFor('the waiting pod', () => found('migration-waits', 'Pod/waits-'))
      expect(waiting.message).toContain('nowhere.invalid')
      await waitFor('its word', async () => {
        const described = await mustKubectl('-n', namespace, 'describe', 'pod', waits ?? '')
        return /Last State: +Terminated.*"code":"cannot-connect".*nowhere.invalid.*it starts again/s.test(described)
      })
    }))

  test('finds a workload that came while the webhooks were away, and what is missing of them', () =>
    withShop({}, async (shop) => {
      await shop.files(release(1))
      await mustKubectl('delete', 'mutatingwebhookconfiguration', 'lockkeeper')
      await mustKubectl('delete', 'validatingwebhookconfiguration', 'lockkeeper')
      await shop.deploy(1, { replicas: 1 })
      const found = await findings(shop.namespace)
      expect(found).toContainEqual(['configuration-missing', 'MutatingWebhookConfiguration/lockkeeper'])
      expect(found).toContainEqual(['configuration-missing', 'ValidatingWebhookConfiguration/lockkeeper'])
      expect(found).toContainEqual(['not-equipped', `${shop.namespace}/Deployment/orders`])
      await install('helm')
      await waitFor('the configurations to be trusted', async () =>
        (await findings(shop.namespace)).every(([code]) => code === 'not-equipped'),
      )
      // The cure that it names.
      await mustKubectl('-n', shop.namespace, 'rollout', 'restart', 'deployment/orders')
      await shop.rolledOut()
      expect(await findings(shop.namespace)).toEqual([])
    }))

  test('finds a webhook that is scaled to nothing, a namespace with a wrong label, and a label that is missing', () =>
    withShop(
      { 'lockkeeper.dev/rollback-policy': 'require' },
      async (shop) => {
        await mustKubectl('-n', 'lockkeeper', 'scale', 'deployment/lockkeeper', '--replicas=0')
        await waitFor('the finding', async () =>
          (await findings(shop.namespace)).some(([code]) => code === 'service-stopped'),
        )
        expect(await findings(shop.namespace)).toContainEqual(['not-opted-in', `Namespace/${shop.namespace}`])
        await mustKubectl('label', 'namespace', shop.namespace, 'lockkeeper.dev/admission=yes')
        expect(await findings(shop.namespace)).toContainEqual(['label-unknown', `Namespace/${shop.namespace}`])
        await mustKubectl('-n', 'lockkeeper', 'scale', 'deployment/lockkeeper', '--replicas=2')
        await mustKubectl('-n', 'lockkeeper', 'rollout', 'status', 'deployment/lockkeeper', '--timeout=180s')
      },
      '',
    ))

  test('says what it may not look at', async () => {
    await mustApply({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'nobody', namespace: 'default' } })
    const token = (await mustKubectl('-n', 'default', 'create', 'token', 'nobody')).trim()
    const folder = mkdtempSync(join(tmpdir(), 'lockkeeper-nobody-'))
    try {
      const server = await mustKubectl(
        'config',
        'view',
        '--minify',
        '--raw',
        '-o',
        'jsonpath={.clusters[0].cluster.server}',
      )
      const file = join(folder, 'kubeconfig')
      const cluster = { cluster: { server, 'insecure-skip-tls-verify': true }, name: 'c' }
      const context = { context: { cluster: 'c', user: 'nobody' }, name: 'x' }
      const users = [{ name: 'nobody', user: { token } }]
      writeFileSync(
        file,
        JSON.stringify({
          apiVersion: 'v1',
          kind: 'Config',
          clusters: [cluster],
          contexts: [context],
          'current-context': 'x',
          users,
        }),
      )
      const { code, output } = await run(process.execPath, [program, 'doctor', '--kubeconfig', file])
      expect(code).toBe(2)
      expect(output).toContain('the API server answered 403')
      expect(output).toContain('fix: ')
    } finally {
      rmSync(folder, { recursive: true, force: true })
      await kubectl('-n', 'default', 'delete', 'serviceaccount', 'nobody')
    }
  })
})
