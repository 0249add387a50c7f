import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { render } from '../manifests/chart.ts'
import { type Answer, type Ask, withApi } from './tools/api.ts'
import { foreignEdits, ourEdits } from './tools/edits.ts'
import { crd, largest, type Shape, shapes } from './tools/every-kind.ts'
import { apply, get, kubectl, mustApply, mustKubectl, run, waitFor } from './tools/shell.ts'

/**
 * The configurations of the chart, with a Service that has no pods: what is matched fails, what is not passes. The label
 * has another value, so that they see the namespaces of this file only, and no other installation does.
 */
const id = `selection-${process.pid}`
const [labelled, plain, service] = [`${id}-labelled`, `${id}-plain`, id]
const configurations = ['MutatingWebhookConfiguration', 'ValidatingWebhookConfiguration'] as const
const hookOf = { MutatingWebhookConfiguration: 'mutate', ValidatingWebhookConfiguration: 'validate' } as const
type Configuration = (typeof configurations)[number]

const manifests = () => render({}, undefined, service)
function configuration(kind: Configuration): object {
  const found = manifests().find((each) => each.kind === kind)
  for (const { namespaceSelector } of found.webhooks) namespaceSelector.matchExpressions[0].values = [id]
  return { ...found, metadata: { name: id } }
}
const remove = () => kubectl('delete', configurations.join(), id, '--ignore-not-found')

const rollouts = crd('argoproj.io', 'v1alpha1', 'Rollout')
let broughtRollouts = false

beforeAll(async () => {
  const namespace = (name: string, labels: object) => ({
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name, labels },
  })
  await mustApply([
    namespace(labelled, { 'lockkeeper.dev/admission': id }),
    namespace(plain, {}),
    namespace(service, {}),
  ])
  await mustApply(manifests().filter(({ kind }) => kind === 'Service'))
})
afterAll(async () => {
  await remove()
  await kubectl('delete', 'namespace', labelled, plain, service, '--wait=false')
  if (broughtRollouts) await kubectl('delete', 'crd', rollouts.metadata.name)
})

const intent = {
  'lockkeeper.dev/schema-version': '1',
  'lockkeeper.dev/migrations': 'configmap/m',
  'lockkeeper.dev/database': 'secret/d',
  'lockkeeper.dev/set': 'default',
  'config.lockkeeper.dev/deadline': '10m',
}
const foreign = { 'example.com/owner': 'a', 'example.com/team': 'b', 'example.com/cost-centre': 'c' }
type Place = 'metadata' | 'template'
const places: readonly Place[] = ['metadata', 'template']

/** An object of a kind that asks for a schema at one place, or nowhere. */
const objectOf = (shape: Shape, name: string, place?: Place, namespace = labelled): object =>
  shape.object(
    { name, namespace, annotations: place === 'metadata' ? { ...intent, ...foreign } : foreign },
    place === 'template' ? { ...intent, ...foreign } : foreign,
  )

const kinds = Object.entries(shapes)
const dry = 'dryRun=All'
/** For each kind: with six of them, more than 200 for each configuration. */
const rounds = Number(process.env.LOCKKEEPER_ROUNDS ?? 34)
const create = (ask: Ask, shape: Shape, object: object, namespace = labelled, query = dry) =>
  ask('POST', `${shape.path(namespace)}?${query}`, object)
const heldBack = ({ code, body }: Answer, hook: string) =>
  code === 500 && String(body.message).includes(`failed calling webhook "${hook}.lockkeeper.dev"`)
const inForce = (kind: Configuration) =>
  waitFor('the configuration to be in force', () =>
    withApi(async (ask) => {
      const { Deployment } = shapes
      return heldBack(await create(ask, Deployment, objectOf(Deployment, 'a', 'metadata')), hookOf[kind])
    }),
  )

describe('before Argo Rollouts is there', () => {
  test('its rule disturbs nobody', async () => {
    broughtRollouts = (await kubectl('get', 'crd', rollouts.metadata.name)).code !== 0
    await mustApply(configurations.map(configuration))
    await inForce('MutatingWebhookConfiguration')
    await withApi(async (ask) => {
      for (const [kind, shape] of kinds.filter(([kind]) => kind !== 'Rollout'))
        expect([kind, (await create(ask, shape, objectOf(shape, 'a'))).code]).toEqual([kind, 201])
    })
    await remove()
    await mustApply(rollouts)
    await mustKubectl('wait', '--for=condition=Established', `crd/${rollouts.metadata.name}`)
  })
})

describe.each(configurations)('with a %s of which no pod answers', (configured) => {
  const hook = hookOf[configured]
  /** The pod template of a Job never changes, so only its creation is mutated. */
  const isMatched = (kind: string) => !(kind === 'Job' && hook === 'mutate')
  beforeAll(async () => {
    await mustApply(
      kinds.flatMap(([kind, shape]) => places.map((place) => objectOf(shape, `${kind.toLowerCase()}-${place}`, place))),
    )
    await withApi((ask) =>
      create(
        ask,
        shapes.Deployment,
        largest({ name: 'large', namespace: labelled, annotations: intent }),
        labelled,
        '',
      ),
    )
    await mustApply(configuration(configured))
    await inForce(configured)
  })
  afterAll(async () => {
    await remove()
    // A finalizer of a test that broke off would keep the namespace.
    await kubectl(
      '-n',
      labelled,
      'patch',
      'deployment/deployment-metadata',
      '--type=merge',
      '-p',
      '{"metadata":{"finalizers":null}}',
    )
    for (const [kind] of kinds) await kubectl('-n', labelled, 'delete', kind, '--all', '--wait=false')
  })

  describe.each(kinds)('a %s', (kind, shape) => {
    test.each(places)('that asks on its %s is held back when it is created', (place) =>
      withApi(async (ask) => {
        const { code, body } = await create(ask, shape, objectOf(shape, 'new', place))
        expect(heldBack({ code, body }, hook), body.message).toBe(true)
      }),
    )

    test('that asks for nothing passes, and so does one that asks in a namespace without the label', () =>
      withApi(async (ask) => {
        expect((await create(ask, shape, objectOf(shape, 'new'))).code).toBe(201)
        for (const place of places)
          expect((await create(ask, shape, objectOf(shape, 'new', place, plain), plain)).code).toBe(201)
      }))

    test('may be annotated, labelled, applied again, diffed and deleted by others with kubectl', async () => {
      for (const place of places) {
        const name = `${kind.toLowerCase()}-${place}`
        const object = objectOf(shape, name, place)
        const target = ['-n', labelled, kind, name]
        await mustKubectl('annotate', ...target, 'example.com/note=x', '--overwrite')
        await mustKubectl('label', ...target, 'example.com/label=x', '--overwrite')
        expect(await apply(object)).toMatchObject({ code: 0 })
        expect(await apply(object, '--server-side', '--force-conflicts')).toMatchObject({ code: 0 })
        expect(await apply(object, '--dry-run=server')).toMatchObject({ code: 0 })
        const diff = await run('kubectl', ['diff', '-f', '-'], { input: JSON.stringify(object) })
        expect(diff.code, diff.output).toBe(0)
        await mustKubectl('delete', ...target, '--dry-run=server')
      }
    })

    test(`lets foreign edits through and holds ours back, ${rounds} times out of ${rounds}`, () =>
      withApi(async (ask) => {
        const passed = { count: 0, wrong: [] as string[] }
        const held = { count: 0, wrong: [] as string[] }
        for (let round = 0; round < rounds; round++) {
          const place = places[round % 2] ?? 'metadata'
          const name = `${kind.toLowerCase()}-${place}`
          const path = `${shape.path(labelled)}/${name}`
          for (const [what, answer] of await foreignEdits(ask, path, objectOf(shape, name, place), round)) {
            passed.count++
            if (answer.code !== 200) passed.wrong.push(`${what}: ${answer.body.message}`)
          }
          if (kind === 'Job' && place === 'template') continue
          for (const [what, answer] of await ourEdits(ask, path, place === 'metadata' ? [] : shape.template)) {
            held.count++
            if (heldBack(answer, hook) !== isMatched(kind))
              held.wrong.push(`${what}: ${answer.code} ${answer.body.message}`)
          }
        }
        console.log(
          `${kind}, ${hook}, ${rounds} rounds: ${passed.count} foreign edits, ${passed.wrong.length} held back; ` +
            `${held.count} of ours, ${held.wrong.length} not ${isMatched(kind) ? 'held back' : 'let through'}`,
        )
        expect([passed.wrong, held.wrong]).toEqual([[], []])
        expect([passed.count > 0, held.count > 0]).toEqual([true, true])
      }))
  })

  test('odd Rollouts are nobody’s failure: without a spec, without a template, with null or text in its place', () =>
    withApi(async (ask) => {
      const { Rollout } = shapes
      const odd: Record<string, unknown>[] = [
        {},
        { spec: {} },
        { spec: { workloadRef: { kind: 'Deployment', name: 'a' } } },
        { spec: { template: null } },
        { spec: { template: 'text' } },
        { spec: { template: { metadata: null } } },
        { spec: { template: { metadata: { annotations: null } } } },
        { spec: { template: { metadata: { annotations: 'text' } } } },
        { spec: { jobTemplate: 7 } },
      ]
      for (const part of odd) {
        const like = (annotations: object) => ({
          apiVersion: 'argoproj.io/v1alpha1',
          kind: 'Rollout',
          metadata: { name: 'odd', namespace: labelled, annotations },
          ...part,
        })
        expect([part, (await create(ask, Rollout, like(foreign))).code]).toEqual([part, 201])
        expect([part, heldBack(await create(ask, Rollout, like(intent)), hook)]).toEqual([part, true])
        const { code, body } = await ask('POST', Rollout.path(labelled), like(foreign))
        expect([part, code, body.message]).toEqual([part, 201, undefined])
        const path = `${Rollout.path(labelled)}/odd`
        const edit = { metadata: { annotations: { note: 'x' } } }
        expect((await ask('PATCH', path, edit, 'application/merge-patch+json')).code).toBe(200)
        expect((await ask('DELETE', path)).code).toBe(200)
      }
    }))

  test('an object as large as they come is no harder to judge', () =>
    withApi(async (ask) => {
      const path = `${shapes.Deployment.path(labelled)}/large?${dry}`
      const edit = (annotations: object) =>
        ask('PATCH', path, { metadata: { annotations } }, 'application/merge-patch+json')
      for (const [note, value] of [
        ['note', 'x'],
        ['com/7', null],
      ] as const) {
        const { code, body } = await edit({ [note]: value })
        expect([code, body.message]).toEqual([200, undefined])
      }
      expect(heldBack(await edit({ 'lockkeeper.dev/schema-version': '2' }), hook)).toBe(true)
      expect(heldBack(await edit({ 'lockkeeper.dev/set': null }), hook)).toBe(true)
    }))

  test('a Job that a person makes from a CronJob runs without us where it does not ask, and is looked at where it does', async () => {
    const make = (place: Place) =>
      kubectl('-n', labelled, 'create', 'job', `from-${place}`, `--from=cronjob/cronjob-${place}`)
    expect((await make('metadata')).code).toBe(0)
    const { metadata } = await get('-n', labelled, 'job', 'from-metadata')
    expect(metadata.ownerReferences).toMatchObject([{ kind: 'CronJob', controller: true }])
    expect((await make('template')).output).toContain(`failed calling webhook "${hook}.lockkeeper.dev"`)
  })

  test('a Job that its CronJob makes runs without us', async () => {
    const schedule = { spec: { schedule: '* * * * *', suspend: false } }
    const cronJob = objectOf(shapes.CronJob, 'due', 'template') as { spec: object }
    await remove()
    await mustApply({ ...cronJob, spec: { ...cronJob.spec, ...schedule.spec } })
    await mustApply(configuration(configured))
    await inForce(configured)
    await waitFor('the CronJob to make a Job', async () => {
      const { items } = await get('-n', labelled, 'jobs')
      return items.some(({ metadata }: { metadata: { name: string } }) => metadata.name.startsWith('due-'))
    })
    await kubectl('-n', labelled, 'delete', 'cronjob', 'due')
  })

  test('an owner that is taken away is a change', () =>
    withApi(async (ask) => {
      const path = `${shapes.Deployment.path(labelled)}/deployment-metadata`
      const owner = { apiVersion: 'v1', kind: 'ConfigMap', name: 'kube-root-ca.crt', uid: 'x', controller: true }
      const body = { metadata: { ownerReferences: [owner] } }
      expect(heldBack(await ask('PATCH', `${path}?${dry}`, body, 'application/merge-patch+json'), hook)).toBe(true)
    }))

  test('scaling is never held back', async () => {
    for (const kind of ['Deployment', 'StatefulSet']) {
      const name = `${kind.toLowerCase()}-template`
      await mustKubectl('-n', labelled, 'scale', kind, name, '--replicas=0')
      const through = ['patch', kind, name, '--subresource=scale', '--type=merge', '-p', '{"spec":{"replicas":0}}']
      await mustKubectl('-n', labelled, ...through)
    }
  })

  test('what is being deleted can lose its finalizers', async () => {
    const target = ['-n', labelled, 'deployment', 'deployment-metadata']
    const patch = (metadata: object) =>
      mustKubectl('patch', ...target, '--type=merge', '-p', JSON.stringify({ metadata }))
    await patch({ finalizers: ['example.com/held'] })
    await mustKubectl('delete', ...target, '--wait=false')
    // Even together with what is held back otherwise.
    await patch({ finalizers: null, annotations: { 'lockkeeper.dev/schema-version': null } })
    await waitFor('it to be gone', async () => (await kubectl('get', ...target)).code !== 0)
    await remove()
    await mustApply(objectOf(shapes.Deployment, 'deployment-metadata', 'metadata'))
    await mustApply(configuration(configured))
    await inForce(configured)
  })

  test('the API server counts the failed calls under the names that the alert asks for', async () => {
    const metrics = await mustKubectl('get', '--raw', '/metrics')
    const line = metrics
      .split('\n')
      .find(
        (each) =>
          each.startsWith('apiserver_admission_webhook_rejection_count{') &&
          each.includes(`name="${hook}.lockkeeper.dev"`) &&
          each.includes('error_type="calling_webhook_error"'),
      )
    expect(Number(line?.split(' ').at(-1))).toBeGreaterThan(0)
    expect(metrics).toContain('apiserver_admission_webhook_admission_duration_seconds_bucket{')
  })

  test('deleting the configuration is the way out, at once and for every kind', async () => {
    await mustKubectl('delete', configured, id)
    await withApi(async (ask) => {
      for (const [kind, shape] of kinds)
        for (const place of places)
          await waitFor(`a ${kind} that asks on its ${place} to pass`, async () => {
            const { code } = await create(ask, shape, objectOf(shape, 'new', place))
            return code === 201
          })
    })
  })
})
