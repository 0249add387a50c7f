import jsonPatch from 'fast-json-patch'
import { describe, expect, test } from 'vitest'
import { mutate } from '../../src/admission/mutate.ts'
import { situationOf } from '../../src/admission/situation.ts'
import { sourceNeeded } from '../../src/admission/source-needed.ts'
import {
  admit,
  type Deployment,
  deployment,
  envOf,
  factsOf,
  gone,
  ours,
  requestOf,
  shop,
  source,
  statusOf,
} from '../tools/admission.ts'
import { release } from '../tools/example-files.ts'

const inImage = (more: Record<string, string> = {}, image = 'orders:2') =>
  deployment(
    {
      'lockkeeper.dev/migrations': 'image/registry:5000/orders/files:2@sha256:abc:/db/migrations',
      'lockkeeper.dev/catalogue': 'orders-catalogue',
      ...more,
    },
    image,
  )
const inContainer = (more: Record<string, string> = {}, image = 'orders:2') =>
  inImage({ 'lockkeeper.dev/migrations': 'container/orders:/app/migrations', ...more }, image)
const change = (object: Deployment, edit: (copy: Deployment) => void): Deployment => {
  const copy = structuredClone(object)
  edit(copy)
  return copy
}
const withoutCatalogue = ({ metadata }: Deployment) => {
  delete metadata.annotations?.['lockkeeper.dev/catalogue']
}
const named = (list: { name: string }[] | undefined, name: string) => (list ?? []).filter((each) => each.name === name)
const copier = ({ spec }: Deployment) => named(spec.template.spec.initContainers, 'lockkeeper-files')[0] as never
const filesVolume = ({ spec }: Deployment) => named(spec.template.spec.volumes, 'lockkeeper-files')[0]
const world = { source: source(release(3)), now: 1000 }
const messageOf = ({ verdict }: ReturnType<typeof admit>) => (verdict.allowed ? 'allowed' : verdict.message)

test.each<[string, Deployment, object | undefined]>([
  ['the ConfigMaps of files', deployment(), { configMaps: ['orders-migrations'] }],
  ['the catalogue of files in an image, as one', inImage(), { configMaps: ['orders-catalogue'], catalogue: true }],
  [
    'the catalogue of files in a container’s image',
    inContainer(),
    { configMaps: ['orders-catalogue'], catalogue: true },
  ],
  ['nothing without a catalogue', change(inImage(), withoutCatalogue), undefined],
])('a review reads %s', (_, object, expected) => {
  const request = requestOf(object, undefined)
  const needed = sourceNeeded(request, situationOf(request, shop()))
  const others = { namespace: 'shop', format: undefined, historySchema: 'lockkeeper', placeholders: {} }
  expect(needed).toEqual(expected && { ...others, ...expected })
})

describe('files in an image', () => {
  const created = admit(inImage(), undefined, world)

  test('are copied by a container of that image right before ours, which is all that a restricted namespace wants', () => {
    expect(created.verdict.allowed).toBe(true)
    const { initContainers, volumes } = created.object.spec.template.spec
    expect(initContainers.map(({ name }: { name: string }) => name)).toEqual(['lockkeeper-files', 'lockkeeper-migrate'])
    expect(copier(created.object)).toEqual({
      name: 'lockkeeper-files',
      image: 'registry:5000/orders/files:2@sha256:abc',
      imagePullPolicy: 'IfNotPresent',
      command: ['cp', '-R', '-L', '-f', '/db/migrations/.', '/lockkeeper-files'],
      resources: { requests: { cpu: '10m', memory: '64Mi' }, limits: { memory: '256Mi' } },
      securityContext: {
        allowPrivilegeEscalation: false,
        capabilities: { drop: ['ALL'] },
        readOnlyRootFilesystem: true,
        runAsNonRoot: true,
        runAsUser: 65532,
        seccompProfile: { type: 'RuntimeDefault' },
      },
      terminationMessagePath: '/dev/termination-log',
      terminationMessagePolicy: 'FallbackToLogsOnError',
      volumeMounts: [{ name: 'lockkeeper-files', mountPath: '/lockkeeper-files' }],
    })
    expect(volumes.map(({ name }: { name: string }) => name)).toEqual(['lockkeeper', 'lockkeeper-files'])
    expect(filesVolume(created.object)).toEqual({ name: 'lockkeeper-files', emptyDir: { sizeLimit: '64Mi' } })
    expect(envOf(created.object).LOCKKEEPER_MIGRATIONS).toBe('/lockkeeper-files')
    expect(ours(created.object).volumeMounts).toEqual([
      { name: 'lockkeeper', mountPath: '/lockkeeper', readOnly: true },
      { name: 'lockkeeper-files', mountPath: '/lockkeeper-files', readOnly: true },
    ])
    const { sources } = volumes[0].projected
    expect(sources).toMatchObject([{ secret: { name: 'orders-db' } }])
    expect(sources).toHaveLength(1)
  })

  test('and a database in the environment leave the volume empty, as the API server writes that', () => {
    const { object } = admit(inImage({ 'lockkeeper.dev/database': 'env/orders:URL' }), undefined, world)
    expect(object.spec.template.spec.volumes[0]).toEqual({
      name: 'lockkeeper',
      projected: { defaultMode: 0o644, sources: null },
    })
    expect(mutate(requestOf(object, object), factsOf(world)).patch).toEqual([])
  })

  test('stand behind native sidecars with ours, before the other init containers', () => {
    const proxied = change(inImage(), (copy) => {
      copy.spec.template.spec.initContainers = [{ name: 'proxy', restartPolicy: 'Always' }, { name: 'warm-up' }]
    })
    const names = admit(proxied, undefined, world).object.spec.template.spec.initContainers.map(
      ({ name }: { name: string }) => name,
    )
    expect(names).toEqual(['proxy', 'lockkeeper-files', 'lockkeeper-migrate', 'warm-up'])
  })

  test('are mounted as a volume where the namespace or the workload says that the cluster can', () => {
    const { object } = admit(inImage(), undefined, {
      ...world,
      namespace: shop({ 'config.lockkeeper.dev/image-volume': 'true' }),
    })
    expect(copier(object)).toBeUndefined()
    expect(filesVolume(object)).toEqual({
      name: 'lockkeeper-files',
      image: { reference: 'registry:5000/orders/files:2@sha256:abc', pullPolicy: 'IfNotPresent' },
    })
    expect(envOf(object).LOCKKEEPER_MIGRATIONS).toBe('/lockkeeper-files/db/migrations')
    expect(mutate(requestOf(object, object), factsOf(world)).patch).toEqual([])
  })

  test.each([
    ['orders', 'Always'],
    ['orders:latest', 'Always'],
    ['registry:5000/orders', 'Always'],
    ['registry:5000/orders:1', 'IfNotPresent'],
    ['orders@sha256:0f', 'IfNotPresent'],
    ['orders:latest@sha256:0f', 'Always'],
  ])('of %s are pulled as Kubernetes does by default: %s', (image, policy) => {
    const { object } = admit(inImage({ 'lockkeeper.dev/migrations': `image/${image}:/m` }), undefined, world)
    expect(copier(object)).toMatchObject({ image, imagePullPolicy: policy })
  })

  test('of a container of the pod come from its image, also after kubectl set image, with the same token', () => {
    const first = admit(inContainer(), undefined, world)
    expect(copier(first.object)).toMatchObject({
      image: 'orders:2',
      command: ['cp', '-R', '-L', '-f', '/app/migrations/.', '/lockkeeper-files'],
    })
    const image = change(first.object, (copy) => {
      copy.spec.template.spec.containers[0].image = 'orders:2.1'
      copy.spec.template.spec.containers[0].imagePullPolicy = 'Never'
    })
    const second = admit(image, first.object, { ...world, now: 2000 })
    expect(copier(second.object)).toMatchObject({ image: 'orders:2.1', imagePullPolicy: 'Never' })
    expect(statusOf(second.object)).toEqual(statusOf(first.object))
  })

  test.each<[string, number | undefined, number | undefined, boolean, number | undefined]>([
    ['named by nobody, so that an image whose user is root can run', undefined, undefined, false, 65532],
    ['named by nobody, where the cluster assigns one', undefined, undefined, true, undefined],
    ["the pod's", undefined, 1000, false, undefined],
    ["the pod's, which is root", undefined, 0, false, 65532],
    ["the container's", 2000, 1000, false, 2000],
    ["the container's, where the cluster assigns one", 2000, undefined, true, 2000],
    ["the container's, which is root", 0, 1000, false, 65532],
  ])('are copied by a user that is %s', (_, own, pod, assigned, expected) => {
    const object = change(inContainer(), ({ spec }) => {
      if (own !== undefined) spec.template.spec.containers[0].securityContext = { runAsUser: own }
      if (pod !== undefined) spec.template.spec.securityContext = { runAsUser: pod }
    })
    const namespace = shop(assigned ? { 'openshift.io/sa.scc.uid-range': '1000650000/10000' } : {})
    const { securityContext } = copier(admit(object, undefined, { ...world, namespace }).object) as {
      securityContext: { runAsUser?: number; runAsNonRoot: boolean }
    }
    expect(securityContext.runAsNonRoot).toBe(true)
    expect(securityContext.runAsUser).toBe(expected)
  })
})

describe('the parts that bring files out of an image', () => {
  const created = admit(inContainer(), undefined, world)

  test('are built the same again, and gone without a trace when the intent is', () => {
    expect(mutate(requestOf(created.object, undefined), factsOf(world)).patch).toEqual([])
    expect(mutate(requestOf(created.object, created.object), factsOf({ ...world, now: 9000 })).patch).toEqual([])
    const without = (given: Deployment) => ({ ...given, metadata: { ...given.metadata, annotations: {} } })
    expect(admit(without(created.object), created.object, world).object).toEqual(without(inContainer()))
  })

  test('are carried over byte for byte when nothing of the pods changes, though the catalogue is gone', () => {
    const scaled = change(created.object, (copy) => Object.assign(copy.spec, { replicas: 9 }))
    const result = admit(scaled, created.object, { source: gone, now: 5000, runnerImage: 'lockkeeper/runner:2' })
    expect([result.patch, result.verdict.allowed]).toEqual([[], true])
    const applied = admit(
      change(inContainer(), ({ spec }) => Object.assign(spec, { replicas: 9 })),
      created.object,
      {
        source: gone,
        now: 5000,
      },
    )
    expect(applied.object.spec.template).toEqual(created.object.spec.template)
  })

  const broken: [string, (object: Deployment) => void][] = [
    ['an edited copying container', (object) => Object.assign(copier(object), { image: 'other' })],
    ['a missing copying container', ({ spec }) => spec.template.spec.initContainers.shift()],
    ['a missing volume', ({ spec }) => spec.template.spec.volumes.pop()],
    ['a volume of another kind', (object) => Object.assign(filesVolume(object) ?? {}, { emptyDir: {} })],
    ['a second one', (object) => object.spec.template.spec.initContainers.push(structuredClone(copier(object)))],
  ]
  test.each(broken)('are repaired: %s', (_, edit) => {
    const edited = change(created.object, edit)
    expect(admit(edited, created.object, { source: gone, now: 5000 }).object).toEqual(created.object)
    const { 'lockkeeper.dev/status': status } = created.object.spec.template.metadata.annotations
    const anew = admit(edited, undefined, world)
    expect(anew.object.spec.template.metadata.annotations['lockkeeper.dev/status']).toBe(status)
    expect(anew.object).toEqual(created.object)
  })

  test.each(broken.slice(1, 3))('that somebody takes away after us are missed: %s', (_, edit) => {
    const verdict = admit(inContainer(), undefined, { ...world, between: (object) => change(object, edit) })
    expect(messageOf(verdict)).toContain('not-injected')
  })

  test('change places with ConfigMaps both ways, and leave nothing behind', () => {
    const map = deployment({ 'lockkeeper.dev/schema-version': '2' }, 'orders:2')
    const applied = (stored: Deployment, wanted: Deployment) =>
      change(wanted, ({ spec }) => {
        spec.template.metadata.annotations = stored.spec.template.metadata.annotations
        spec.template.spec.initContainers = stored.spec.template.spec.initContainers
        spec.template.spec.volumes = stored.spec.template.spec.volumes
      })
    const toMap = admit(applied(created.object, map), created.object, { ...world, now: 2000 })
    expect(copier(toMap.object) ?? filesVolume(toMap.object)).toBeUndefined()
    expect(ours(toMap.object).volumeMounts).toHaveLength(1)
    const back = admit(applied(toMap.object, inContainer()), toMap.object, { ...world, now: 3000 })
    expect(copier(back.object)).toEqual(copier(created.object))
    expect(JSON.stringify(back.object.spec.template.spec.volumes[0])).not.toContain('configMap')
  })

  test('are a patch that the API server can apply', () => {
    const patched = jsonPatch.applyPatch(inContainer(), created.patch as never, true).newDocument
    expect(patched).toEqual(created.object)
  })
})

describe('without a catalogue', () => {
  const bare = (migrations: string) => change(inImage({ 'lockkeeper.dev/migrations': migrations }), withoutCatalogue)

  test.each([
    ['image/orders-files:2:/m', 'in image orders-files:2'],
    ['container/orders:/m', 'in the image of container orders'],
  ])('%s is refused, and both ways out are named', (migrations, where) => {
    const message = messageOf(admit(bare(migrations), undefined, { ...world, source: undefined as never }))
    expect(message).toContain(`source-unreadable  the migrations are ${where}, where the webhook cannot look`)
    expect(message).toContain('lockkeeper catalogue --name NAME | kubectl apply -f -')
    expect(message).toContain('lockkeeper.dev/catalogue: configmap/NAME')
    expect(message).toContain('lockkeeper.dev/migrations: configmap/NAME')
  })

  test('the way back is only warned about', () => {
    const three = admit(inImage({ 'lockkeeper.dev/schema-version': '3' }), undefined, world)
    const { verdict } = admit(bare('image/orders-files:2:/m'), three.object, { ...world, source: undefined as never })
    expect(verdict).toMatchObject({ allowed: true })
    expect(verdict.findings.map(({ code, severity }) => [code, severity])).toContainEqual([
      'source-unreadable',
      'warning',
    ])
  })

  test('that holds the target the refusal says how to write one', () => {
    const { verdict } = admit(inImage(), undefined, { ...world, source: source(release(1)) })
    expect('message' in verdict && verdict.message).toMatch(
      /target-unknown +the catalogue in orders-catalogue has no version 2 \(the highest is 1\)\n +fix: .*lockkeeper catalogue --name orders-catalogue/,
    )
  })

  test('that can be read the refusal names the place and the cure', () => {
    const failed = { kind: 'failed', configMap: 'c', reason: 'catalogue.json: it is no JSON', fix: 'write it' } as const
    expect(messageOf(admit(inImage(), undefined, { ...world, source: failed }))).toMatch(
      /source-unreadable +ConfigMap c could not be read: catalogue\.json: it is no JSON\n +fix: write it/,
    )
  })
})

test('a container that the pod has not is refused with the names of those it has, and breaks no pod', () => {
  const { object, verdict } = admit(
    inContainer({ 'lockkeeper.dev/migrations': 'container/order:/app/migrations' }),
    undefined,
    world,
  )
  expect('message' in verdict && verdict.message).toMatch(
    /annotation-invalid +lockkeeper\.dev\/migrations names container order, which the pod has not\n +fix: name one of orders/,
  )
  expect(ours(object).volumeMounts).toHaveLength(1)
  expect(filesVolume(object)).toBeUndefined()
})
