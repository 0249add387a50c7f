import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { installed } from './tools/install.ts'
import { closeShop, openShop, release, type Shop } from './tools/orders.ts'
import { kubectl, mustApply, mustKubectl, type Result, run } from './tools/shell.ts'

installed('helm')

/** What an app team may do in its namespace, and no more. */
const rules = [
  { apiGroups: ['apps'], resources: ['deployments'], verbs: ['get', 'list', 'create', 'update', 'patch', 'delete'] },
  { apiGroups: ['batch'], resources: ['jobs'], verbs: ['get', 'list', 'create', 'update', 'patch', 'delete'] },
  { apiGroups: [''], resources: ['configmaps'], verbs: ['get', 'list', 'create', 'update', 'patch', 'delete'] },
]
const key = (name: string) => `lockkeeper.dev/${name}`
const good = release(2)
const [downOfTwo = ''] = Object.keys(release(2)).filter((name) => /^0*2_.*\.down\.sql$/.test(name))
const { [downOfTwo]: _, ...evil } = good

let shop: Shop
let team: readonly string[]
beforeAll(async () => {
  shop = await openShop({})
  const { namespace } = shop
  const subject = { kind: 'ServiceAccount', name: 'team', namespace }
  await mustApply([
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'team', namespace } },
    { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'Role', metadata: { name: 'team', namespace }, rules },
    {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'RoleBinding',
      metadata: { name: 'team', namespace },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'team' },
      subjects: [subject],
    },
  ])
  team = ['-n', namespace, '--as', `system:serviceaccount:${namespace}:team`]
  for (const [name, files] of Object.entries({ good, evil, three: release(3) })) await shop.files(files, name)
})
afterAll(() => closeShop(shop))

/** The team hands a manifest to kubectl. */
const send = (verb: string, object: object): Promise<Result> =>
  run('kubectl', [...team, verb, '-f', '-'], { input: JSON.stringify(object) })
const asks = (name: string, version: number, files: string, more: Readonly<Record<string, string>> = {}) =>
  shop.object(version, { name, replicas: 0, annotations: { [key('migrations')]: `configmap/${files}`, ...more } })

// biome-ignore lint/suspicious/noExplicitAny: objects of the API as they come
type Any = any

async function admitted(name: string, version: number, files: string): Promise<void> {
  const { code, output } = await send('apply', asks(name, version, files))
  expect(code, output).toBe(0)
}

/** Refused, with what to do. */
function expectRefused({ code, output }: Result, finding: string): void {
  expect(code, output).not.toBe(0)
  expect(output).toContain('admission webhook "validate.lockkeeper.dev" denied the request')
  expect(output).toContain(finding)
  expect(output).toMatch(/fix: \S+ \S+/)
}

describe('a team that may write Deployments, Jobs and ConfigMaps', () => {
  test('is who it says it is, and has no way to its own policy', async () => {
    const patch = ['patch', 'namespace', shop.namespace, '-p', '{"metadata":{"annotations":{}}}']
    expect((await kubectl(...team, ...patch)).output).toContain('forbidden')
  })

  test('cannot begin with a migration that nothing takes back', async () => {
    expectRefused(await send('apply', asks('fresh', 2, 'evil')), 'rollback-missing')
  })

  test('cannot bring other files at the same target', async () => {
    await admitted('same', 2, 'good')
    expectRefused(await send('apply', asks('same', 2, 'evil')), 'rollback-missing')
  })

  test('cannot take the down script out of the ConfigMap and restart', async () => {
    await shop.files(good, 'emptied')
    await admitted('emptied', 2, 'emptied')
    const taken = JSON.stringify([{ op: 'remove', path: `/data/${downOfTwo}` }])
    await mustKubectl(...team, 'patch', 'configmap', 'emptied', '--type=json', '-p', taken)
    expectRefused(await kubectl(...team, 'rollout', 'restart', 'deployment/emptied'), 'rollback-missing')
  })

  test('cannot go back to other files', async () => {
    await admitted('back', 3, 'three')
    const [up = ''] = Object.keys(good).filter((name) => /^0*2_.*\.up\.sql$/.test(name))
    await shop.files({ ...evil, [up]: 'drop table if exists orders;' }, 'rewritten')
    expectRefused(await send('apply', asks('back', 2, 'rewritten')), 'rollback-missing')
  })

  test('cannot take another numbering', async () => {
    await admitted('set', 2, 'good')
    expectRefused(await send('apply', asks('set', 2, 'evil', { [key('set')]: 'other' })), 'rollback-missing')
  })

  test('cannot write the status by hand, and then the annotations', async () => {
    await admitted('model', 2, 'good')
    const model: Any = JSON.parse(await mustKubectl(...team, 'get', 'deployment', 'model', '-o', 'json'))
    const asking = asks('forged', 2, 'evil') as Any
    const { template } = model.spec
    template.metadata.labels.app = 'forged'
    const planted = { ...asking, metadata: { ...asking.metadata, annotations: {} }, spec: { ...asking.spec, template } }
    const asleep = await send('apply', planted)
    expect(asleep.code, asleep.output).toBe(0)
    expectRefused(await send('apply', { ...planted, metadata: asking.metadata }), 'rollback-missing')
  })

  test('cannot have a Deployment or a Job passed over by an owner that it writes itself', async () => {
    const owner = { apiVersion: 'v1', kind: 'ConfigMap', name: 'good', uid: 'made-up', controller: true }
    const deployment = asks('owned', 2, 'good') as Any
    const container = { name: 'lockkeeper-migrate', image: 'evil:1' }
    deployment.metadata.ownerReferences = [owner]
    deployment.spec.template.spec.initContainers = [container]
    expectRefused(await send('create', deployment), 'owned-by-controller')
    const { metadata, spec } = asks('job', 2, 'evil') as Any
    const { containers } = spec.template.spec
    const job = {
      apiVersion: 'batch/v1',
      kind: 'Job',
      metadata: { ...metadata, ownerReferences: [{ ...owner, apiVersion: 'batch/v1', kind: 'CronJob', name: 'x' }] },
      spec: { suspend: true, template: { spec: { restartPolicy: 'Never', containers, initContainers: [container] } } },
    }
    const { code, output } = await send('create', job)
    expect(code, output).not.toBe(0)
    expect(output).toMatch(/rollback-missing|name-taken/)
  })

  test('cannot swap the ConfigMap while the rollout is under way', async () => {
    await shop.files(good, 'swapped')
    await admitted('swapped', 2, 'swapped')
    await mustKubectl(...team, 'delete', 'configmap', 'swapped')
    await shop.files(evil, 'swapped')
    expectRefused(await kubectl(...team, 'set', 'env', 'deployment/swapped', 'LOG=debug'), 'rollback-missing')
    // What no review sees the runner checks: none of it runs.
    await mustKubectl('-n', shop.namespace, 'scale', 'deployment/swapped', '--replicas=1')
    const failed = async () => {
      const pods = await mustKubectl('-n', shop.namespace, 'get', 'pods', '-l', 'app=swapped', '-o', 'json')
      return pods.includes('rollback-missing')
    }
    await expect.poll(failed, { timeout: 120_000, interval: 2000 }).toBe(true)
    expect(await shop.sql(`select to_regclass('public.orders') is null`)).toEqual([['t']])
  })
})
