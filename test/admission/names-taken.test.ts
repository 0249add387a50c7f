import { describe, expect, test } from 'vitest'
import { admit, type Deployment, deployment, gone, ours, source } from '../tools/admission.ts'
import { release } from '../tools/example-files.ts'
import { arrive } from './recorded/api-server.ts'
import { change, manifest, templateOf } from './recorded/objects.ts'

const world = { source: source(release(3)), now: 5000 }
const edited = (object: Deployment, edit: (pod: Record<string, never[]> & Record<string, unknown>) => void) => {
  const copy = structuredClone(object)
  edit(copy.spec.template.spec)
  return copy
}
const app = (more: object) => ({ name: 'orders', image: 'orders:1', ...more })
const fixes = ({ verdict }: ReturnType<typeof admit>) =>
  verdict.findings.filter(({ code }) => code === 'name-taken').map(({ message, fix }) => `${message} → ${fix}`)

/** What an application may have under a name of ours before it ever met us, and the thing whose name is to change. */
const foreign: [what: string, pod: object, named: string][] = [
  ['a claim', { volumes: [{ name: 'lockkeeper', persistentVolumeClaim: { claimName: 'data' } }] }, 'volume lockkeeper'],
  ['an empty volume', { volumes: [{ name: 'lockkeeper', emptyDir: {} }] }, 'volume lockkeeper'],
  ['a ConfigMap', { volumes: [{ name: 'lockkeeper', configMap: { name: 'a' } }] }, 'volume lockkeeper'],
  [
    'a projected volume of its own',
    { volumes: [{ name: 'lockkeeper', projected: { sources: [{ secret: { name: 'a' } }] } }] },
    'volume lockkeeper',
  ],
  [
    'a projected volume like ours, in a template that we never equipped',
    { volumes: [{ name: 'lockkeeper', projected: { sources: null } }] },
    'volume lockkeeper',
  ],
  [
    'a claim for files',
    { volumes: [{ name: 'lockkeeper-files', hostPath: { path: '/a' } }] },
    'volume lockkeeper-files',
  ],
  [
    'an init container',
    { initContainers: [{ name: 'lockkeeper-migrate', image: 'a', command: ['psql'] }] },
    'init container lockkeeper-migrate',
  ],
  [
    'an init container like ours, in a template that we never equipped',
    { initContainers: [{ name: 'lockkeeper-migrate', image: 'a', env: [{ name: 'LOCKKEEPER_TARGET', value: '1' }] }] },
    'init container lockkeeper-migrate',
  ],
  [
    'an init container with files',
    { initContainers: [{ name: 'lockkeeper-files', image: 'a' }] },
    'init container lockkeeper-files',
  ],
  ['a container', { containers: [app({ name: 'lockkeeper-migrate' })] }, 'container lockkeeper-migrate'],
]

describe('what has a name of ours and is not ours', () => {
  test.each(foreign)('is refused, and left as it is: %s', (_, pod, named) => {
    const own = edited(deployment(), (spec) => Object.assign(spec, pod))
    const created = admit(own, undefined, world)
    expect(created.object).toEqual(own)
    expect(created.verdict.allowed).toBe(false)
    expect(fixes(created)).toHaveLength(1)
    expect(fixes(created)[0]).toContain(`give ${named} another name`)
  })

  const unlike = foreign.filter(([what]) => !what.includes('like ours'))
  test.each(unlike)('stays with an application that asks for nothing any more: %s', (_, pod) => {
    const before = admit(deployment(), undefined, world).object
    const after = edited(deployment(), (spec) => Object.assign(spec, pod))
    after.metadata.annotations = {}
    const dropped = admit(after, before, world)
    expect(dropped.object).toEqual(after)
    expect(dropped.verdict.allowed).toBe(true)
  })

  test('is refused also where it takes the place of ours in a workload that was equipped', () => {
    const before = admit(deployment(), undefined, world).object
    for (const volume of [{ persistentVolumeClaim: { claimName: 'data' } }, { emptyDir: {} }]) {
      const swapped = edited(before, (spec) => {
        spec.volumes = [{ name: 'lockkeeper', ...volume }] as never
      })
      const result = admit(swapped, before, world)
      expect(result.object).toEqual(swapped)
      expect(fixes(result)).toHaveLength(1)
    }
  })

  test('is refused as a claim of a StatefulSet, which would take the place of our volume', () => {
    const object = change(manifest('StatefulSet', 2, { on: 'template' }), (copy) => {
      Object.assign(copy.spec as object, { volumeClaimTemplates: [{ metadata: { name: 'lockkeeper' }, spec: {} }] })
      templateOf(copy).spec.containers[0].volumeMounts = [{ name: 'lockkeeper', mountPath: '/data' }]
    })
    const { verdict, patch } = arrive(object, undefined, world)
    expect(patch).toEqual([])
    expect(verdict.findings.map(({ fix }) => fix)).toEqual([
      'give volume lockkeeper another name, wherever the pod template says it',
    ])
  })

  test.each([
    ['volumeMounts', { volumeMounts: [{ name: 'lockkeeper', mountPath: '/data' }] }, 'lockkeeper'],
    ['volumeDevices', { volumeDevices: [{ name: 'lockkeeper', devicePath: '/dev/x' }] }, 'lockkeeper'],
    ['files', { volumeMounts: [{ name: 'lockkeeper-files', mountPath: '/files' }] }, 'lockkeeper-files'],
  ])('is refused as another container that mounts our volume: %s', (_, more, volume) => {
    const before = admit(deployment(), undefined, world).object
    for (const list of ['containers', 'initContainers']) {
      const spying = edited(before, (spec) => {
        spec[list] = [...(spec[list] ?? []), app({ name: 'spy', ...more })] as never
      })
      const result = admit(spying, before, world)
      expect(result.verdict.allowed).toBe(false)
      expect(fixes(result)[0]).toMatch(new RegExp(`^container spy mounts volume ${volume}, .* name in container spy$`))
    }
  })

  test('is all said at once', () => {
    const own = edited(deployment(), (spec) => {
      spec.volumes = [{ name: 'lockkeeper', emptyDir: {} }] as never
      spec.initContainers = [{ name: 'lockkeeper-migrate', image: 'a' }] as never
      spec.containers = [app({ volumeMounts: [{ name: 'lockkeeper', mountPath: '/data' }] })] as never
    })
    expect(fixes(admit(own, undefined, world))).toHaveLength(2)
  })
})

describe('what we built', () => {
  const before = admit(deployment(), undefined, world).object
  /** As an earlier release wrote it: fewer variables, another command. */
  const earlier = edited(before, (spec) => {
    const container = (spec.initContainers as unknown as Record<string, unknown>[])[0] as Record<string, unknown>
    container.command = ['/runner']
    container.image = 'lockkeeper/runner:0.0.1'
    container.env = (container.env as { name: string }[]).filter(({ name }) => /TARGET|TOKEN|DIGEST/.test(name))
  })

  test('is recognised in the form of an earlier release, and replaced with the next change', () => {
    const next = edited(earlier, (spec) => {
      spec.containers = [app({ image: 'orders:2' })] as never
    })
    const result = admit(next, earlier, { ...world, now: 9000 })
    expect(result.verdict.allowed).toBe(true)
    expect(ours(result.object).image).toBe('lockkeeper/runner:1')
    expect(result.object.spec.template.spec.initContainers).toHaveLength(1)
  })

  test('is recognised in a copy that comes without a past', () => {
    const result = admit(earlier, undefined, world)
    expect(result.verdict.allowed).toBe(true)
    expect(ours(result.object).image).toBe('lockkeeper/runner:1')
  })

  test.each<[string, (pod: Record<string, unknown>) => void]>([
    ['its variables', (pod) => Object.assign(first(pod.initContainers), { env: [] })],
    ['what it mounts', (pod) => Object.assign(first(pod.initContainers), { volumeMounts: [] })],
    ['its image', (pod) => Object.assign(first(pod.initContainers), { image: 'busybox' })],
    ['a source of its volume', (pod) => first(pod.volumes).projected.sources.push({ secret: { name: 'x' } })],
    ['its volume', (pod) => Object.assign(pod, { volumes: undefined })],
  ])('is put back when somebody changed %s', (_, edit) => {
    const broken = edited(before, edit as never)
    const result = admit(broken, before, { source: gone })
    expect(result.object.spec.template).toEqual(before.spec.template)
    expect(result.verdict.allowed).toBe(true)
  })

  test('is left alone where the application has mounted our volume all along', () => {
    const mounting = edited(before, (spec) => {
      spec.containers = [app({ volumeMounts: [{ name: 'lockkeeper', mountPath: '/data' }] })] as never
    })
    const scaled = structuredClone(mounting)
    scaled.spec.replicas = 5
    expect(admit(scaled, mounting, { source: gone }).verdict.allowed).toBe(true)
  })
})

// biome-ignore lint/suspicious/noExplicitAny: tests reach into objects as their owner wrote them
const first = (list: unknown): any => (list as unknown[])[0]

describe('pods for Windows', () => {
  const affinity = (...values: string[][]) => ({
    nodeAffinity: {
      requiredDuringSchedulingIgnoredDuringExecution: {
        nodeSelectorTerms: values.map((each) => ({
          matchExpressions: [{ key: 'kubernetes.io/os', operator: 'In', values: each }],
        })),
      },
    },
  })
  test.each<[string, object, string]>([
    ['os', { os: { name: 'windows' } }, 'spec.os.name'],
    ['a node selector', { nodeSelector: { 'kubernetes.io/os': 'windows' } }, 'nodeSelector kubernetes.io/os'],
    ['its old label', { nodeSelector: { 'beta.kubernetes.io/os': 'windows' } }, 'nodeSelector beta.kubernetes.io/os'],
    ['an affinity', { affinity: affinity(['windows']) }, 'nodeAffinity'],
  ])('are refused in one sentence, and left as they are: %s', (_, pod, where) => {
    const object = edited(deployment(), (spec) => Object.assign(spec, pod))
    const result = admit(object, undefined, world)
    expect(result.object).toEqual(object)
    expect(result.verdict.allowed || result.verdict.findings).toMatchObject([{ code: 'linux-only' }])
    expect(result.verdict.findings[0]?.message).toBe(
      `the pods are for Windows (${where}), and the migration container runs on Linux only`,
    )
  })
  test.each<[string, object]>([
    ['Linux', { os: { name: 'linux' }, nodeSelector: { 'kubernetes.io/os': 'linux' } }],
    ['either', { affinity: affinity(['windows', 'linux']) }],
    ['one of two', { affinity: affinity(['windows'], ['linux']) }],
    ['other nodes', { nodeSelector: { 'example.com/os': 'windows' } }],
    ['nothing', { os: null, nodeSelector: null, affinity: null }],
  ])('are not those for %s', (_, pod) => {
    const object = edited(deployment(), (spec) => Object.assign(spec, pod))
    expect(admit(object, undefined, world).verdict.allowed).toBe(true)
  })
})
