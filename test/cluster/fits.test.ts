import { describe, expect, test } from 'vitest'
import { installed } from './tools/install.ts'
import { release, type Shop, withShop } from './tools/orders.ts'
import { apply, get, mustApply, mustKubectl } from './tools/shell.ts'

installed('helm')

const enforce = (level: 'baseline' | 'restricted') => async (shop: Shop) => {
  const label = `pod-security.kubernetes.io/enforce=${level}`
  await mustKubectl('label', '--overwrite', 'namespace', shop.namespace, label)
}

/** Every pod must say what it asks for and how much it may take. */
const quota = async ({ namespace }: Shop) => {
  const metadata = { name: 'all', namespace }
  const hard = { 'requests.cpu': '2', 'requests.memory': '2Gi', 'limits.cpu': '4', 'limits.memory': '4Gi' }
  const limits = [
    {
      type: 'Container',
      default: { cpu: '500m', memory: '256Mi' },
      defaultRequest: { cpu: '20m', memory: '64Mi' },
      max: { cpu: '1', memory: '512Mi' },
    },
  ]
  await mustApply([
    { apiVersion: 'v1', kind: 'ResourceQuota', metadata, spec: { hard } },
    { apiVersion: 'v1', kind: 'LimitRange', metadata, spec: { limits } },
  ])
}

const restricted = { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } }
const restrictedContainer = { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } }

interface Fit {
  readonly name: string
  readonly prepare: (shop: Shop) => Promise<void>
  /** Security context of the application's pod. */
  readonly pod: object
  readonly container: object
  /** User that the init container runs as, where the pod says. */
  readonly user?: number
}

const fits: Fit[] = [
  { name: 'a pod that runs as root', prepare: enforce('baseline'), pod: { runAsUser: 0 }, container: {}, user: 65_532 },
  {
    name: 'a pod with a UID and a group for its files that nobody foresaw, as on OpenShift, under restricted',
    prepare: enforce('restricted'),
    pod: { ...restricted, runAsUser: 1_000_650_000, fsGroup: 1_000_650_000 },
    container: restrictedContainer,
    user: 1_000_650_000,
  },
  {
    name: 'a pod whose container has a user of its own, under restricted',
    prepare: enforce('restricted'),
    pod: restricted,
    container: { ...restrictedContainer, runAsUser: 1234 },
  },
  {
    name: 'a namespace with restricted, a ResourceQuota and a LimitRange',
    prepare: async (shop) => {
      await enforce('restricted')(shop)
      await quota(shop)
    },
    pod: restricted,
    container: restrictedContainer,
  },
]

describe('what is injected fits', () => {
  test.each(fits)('$name: its init container starts and migrates', ({ prepare, pod, container, user }) =>
    withShop({}, async (shop) => {
      await prepare(shop)
      await shop.files(release(2))
      const applied = await apply(secured(shop, pod, container))
      expect(applied.code, applied.output).toBe(0)
      expect(applied.output).not.toContain('would violate PodSecurity')
      await shop.rolledOut()
      expect(await shop.versions()).toEqual(['1', '2'])
      const { items } = await get('-n', shop.namespace, 'pods', '-l', 'app=orders')
      const [init] = items[0].spec.initContainers
      expect(init.name).toBe('lockkeeper-migrate')
      expect(init.securityContext.runAsUser ?? items[0].spec.securityContext.runAsUser).toBe(user)
      expect(init.resources.requests).toEqual({ cpu: expect.anything(), memory: expect.anything() })
      expect(init.resources.limits.memory).toEqual(expect.anything())
    }),
  )

  test('a namespace whose ResourceQuota counts requests and memory, and no LimitRange helps', () =>
    withShop({}, async (shop) => {
      const metadata = { name: 'memory', namespace: shop.namespace }
      const hard = { 'requests.cpu': '2', 'requests.memory': '2Gi', 'limits.memory': '4Gi' }
      await mustApply({ apiVersion: 'v1', kind: 'ResourceQuota', metadata, spec: { hard } })
      await shop.files(release(2))
      const resources = { requests: { cpu: '20m', memory: '64Mi' }, limits: { memory: '256Mi' } }
      expect((await apply(secured(shop, {}, {}, { resources }))).code).toBe(0)
      await shop.rolledOut()
      expect(await shop.versions()).toEqual(['1', '2'])
    }))
})

/** The example's Deployment with security contexts. */
function secured(shop: Shop, pod: object, container: object, more: object = {}): object {
  const object = structuredClone(shop.object(2, { replicas: 1 })) as {
    spec: { template: { spec: { securityContext?: object; containers: object[] } } }
  }
  const { spec } = object.spec.template
  spec.securityContext = pod
  spec.containers = spec.containers.map((each) => ({ ...each, securityContext: container, ...more }))
  return object
}
