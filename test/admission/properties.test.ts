import fc from 'fast-check'
import jsonPatch from 'fast-json-patch'
import { describe, expect, test } from 'vitest'
import { mutate } from '../../src/admission/mutate.ts'
import { diff, patched } from '../../src/injection/patch.ts'
import type { Json } from '../../src/injection/workload.ts'
import { admit, type Deployment, deployment, factsOf, requestOf, source } from '../tools/admission.ts'
import { release } from '../tools/example-files.ts'

const words = fc.stringMatching(/^[a-z]{1,5}$/)
const container = fc.record(
  { name: words, image: words, restartPolicy: fc.constantFrom('Always'), futureField: fc.jsonValue() },
  { requiredKeys: ['name'] },
)
/** Deployments as people write them, with fields that nobody here knows. */
const workloads = fc
  .record({
    target: fc.constantFrom('1', '2', '3'),
    initContainers: fc.option(fc.array(container, { minLength: 1, maxLength: 3 }), { nil: undefined }),
    containers: fc.array(container, { minLength: 1, maxLength: 2 }),
    volumes: fc.option(
      fc.array(fc.record({ name: words, emptyDir: fc.constant({}) }), { minLength: 1, maxLength: 2 }),
      { nil: undefined },
    ),
    labels: fc.option(fc.dictionary(words, words, { minKeys: 1 }), { nil: undefined }),
    annotations: fc.option(fc.dictionary(words, words, { minKeys: 1 }), { nil: undefined }),
    root: fc.boolean(),
    extra: fc.jsonValue(),
  })
  .map(({ target, initContainers, containers, volumes, labels, annotations, root, extra }): Deployment => {
    const object = deployment({ 'lockkeeper.dev/schema-version': target })
    const metadata = { ...(labels && { labels }), ...(annotations && { annotations }) }
    object.spec.template = {
      ...(Object.keys(metadata).length > 0 && { metadata }),
      spec: {
        containers,
        ...(initContainers && { initContainers }),
        ...(volumes && { volumes }),
        ...(root && { securityContext: { runAsUser: 0 } }),
        futureField: extra,
      },
    }
    return JSON.parse(JSON.stringify(object))
  })
const world = { source: source(release(3)), now: 5000 }

describe('for any workload', () => {
  test('what was built is accepted, and building again changes nothing', () => {
    fc.assert(
      fc.property(workloads, (object) => {
        const first = admit(object, undefined, world)
        expect(first.verdict.allowed).toBe(true)
        expect(mutate(requestOf(first.object, undefined), factsOf(world)).patch).toEqual([])
        expect(mutate(requestOf(first.object, first.object), factsOf({ ...world, now: 9000 })).patch).toEqual([])
      }),
    )
  })

  test('taking the intent away again gives back what its owner wrote', () => {
    fc.assert(
      fc.property(workloads, (object) => {
        const { object: equipped } = admit(object, undefined, world)
        const without = (given: Deployment) => ({ ...given, metadata: { ...given.metadata, annotations: {} } })
        expect(admit(without(equipped), equipped, world).object).toEqual(without(object))
      }),
    )
  })

  test('an update by its owner and the next release meet: only our parts differ from what the owner wrote', () => {
    fc.assert(
      fc.property(workloads, workloads, (before, after) => {
        const stored = admit(before, undefined, world).object
        const { object } = admit(after, stored, { ...world, now: 9000 })
        const bare = structuredClone(object)
        const { spec, metadata } = bare.spec.template
        spec.initContainers = spec.initContainers.filter(({ name }: { name: string }) => name !== 'lockkeeper-migrate')
        spec.volumes = spec.volumes.filter(({ name }: { name: string }) => name !== 'lockkeeper')
        delete metadata.annotations['lockkeeper.dev/status']
        if (spec.initContainers.length === 0) delete spec.initContainers
        if (spec.volumes.length === 0) delete spec.volumes
        if (Object.keys(metadata.annotations).length === 0) delete metadata.annotations
        if (Object.keys(metadata).length === 0) delete bare.spec.template.metadata
        expect(bare).toEqual(after)
      }),
    )
  })
})

describe('a patch', () => {
  test('turns any JSON object into any other', () => {
    // fast-json-patch refuses to touch prototypes, and no key of a Kubernetes object may begin with `_`.
    const objects = fc
      .dictionary(fc.string(), fc.jsonValue())
      .map((value) => JSON.stringify(value))
      .filter((text) => !/"(__proto__|constructor|prototype)"/.test(text))
      .map((text) => JSON.parse(text) as Json)
    fc.assert(
      fc.property(objects, objects, (before, after) => {
        const text = JSON.stringify(before)
        const patch = diff(before, after)
        expect(patched(before, patch)).toEqual(after)
        expect(JSON.stringify(before)).toBe(text)
        const applied = jsonPatch.applyPatch(structuredClone(before), structuredClone(patch) as never).newDocument
        expect(applied).toEqual(after)
      }),
    )
  })

  test('is minimal for a list that grows at its head', () => {
    expect(diff([{ a: 1 }, { b: 2 }], [{ c: 3 }, { a: 1 }, { b: 2 }], '/x')).toEqual([
      { op: 'add', path: '/x/0', value: { c: 3 } },
    ])
  })
})
