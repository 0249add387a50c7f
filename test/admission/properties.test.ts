import fc from 'fast-check'
import jsonPatch from 'fast-json-patch'
import { describe, expect, test } from 'vitest'
import { mutate } from '../../src/admission/mutate.ts'
import { diff, patched } from '../../src/injection/patch.ts'
import type { Json } from '../../src/injection/workload.ts'
import { factsOf, gone, source } from '../tools/admission.ts'
import { release } from '../tools/example-files.ts'
import { arrive, requestOf } from './recorded/api-server.ts'
import { bare, intentFor, kinds, type Manifest, templateOf, withTemplate } from './recorded/objects.ts'

const words = fc.stringMatching(/^[a-z]{1,5}$/)
const container = fc.record(
  { name: words, image: words, restartPolicy: fc.constantFrom('Always'), futureField: fc.jsonValue() },
  { requiredKeys: ['name'] },
)
const some = <T>(value: fc.Arbitrary<T>) =>
  fc.option(fc.array(value, { minLength: 1, maxLength: 3 }), { nil: undefined })
const map = fc.option(fc.dictionary(words, words, { minKeys: 1 }), { nil: undefined })
const template = fc.record({
  initContainers: some(container),
  containers: fc.array(container, { minLength: 1, maxLength: 2 }),
  volumes: some(fc.record({ name: words, emptyDir: fc.constant({}) })),
  labels: map,
  annotations: map,
  root: fc.boolean(),
  extra: fc.jsonValue(),
})

/** Workloads of every kind as people write them, with fields that nobody here knows. */
const workload = (kind: fc.Arbitrary<string>) =>
  fc
    .record({
      kind,
      template,
      target: fc.constantFrom(1, 2, 3),
      on: fc.constantFrom('metadata', 'template'),
      after: fc.option(words, { nil: undefined }),
      extra: fc.jsonValue(),
    })
    .map(({ kind, template, target, on, after, extra }): Manifest => {
      const { labels, annotations, root, extra: futureField, ...lists } = template
      const intent = { ...intentFor(target), ...(after && { 'config.lockkeeper.dev/after-container': after }) }
      const inner = { ...annotations, ...(on === 'template' && intent) }
      const pod = { ...lists, ...(root && { securityContext: { runAsUser: 0 } }), futureField }
      const metadata = { labels, ...(Object.keys(inner).length > 0 && { annotations: inner }) }
      const object = bare(kind, on === 'metadata' ? intent : {}, {
        ...((labels || Object.keys(inner).length > 0) && { metadata }),
        spec: pod,
      })
      object.spec.futureField = extra
      return JSON.parse(JSON.stringify(object))
    })
const everyKind = workload(fc.constantFrom(...kinds))
/** A Job changes no more once it is there. */
const changing = workload(fc.constantFrom(...kinds.filter((kind) => kind !== 'Job')))
const world = { source: source(release(3)), now: 5000 }
const later = { source: gone, now: 9, runnerImage: 'lockkeeper/runner:2' }

/** An object without what is ours, and without the lists and maps that held nothing else. */
function stripped(object: Manifest): Manifest {
  const { metadata, spec } = structuredClone(templateOf(object))
  const rest = (list: { name: string }[] | undefined) => given(list?.filter((each) => !isOurs(each)))
  const given = <T extends object>(value: T | undefined) => (value && Object.keys(value).length > 0 ? value : undefined)
  const { 'lockkeeper.dev/status': _, ...annotations } = metadata?.annotations ?? {}
  const pod = { ...spec, initContainers: rest(spec.initContainers), volumes: rest(spec.volumes) }
  const outer = { ...metadata, annotations: given(annotations) }
  const kept = JSON.parse(JSON.stringify({ metadata: outer, spec: pod }))
  return withTemplate(object, given(kept.metadata) ? kept : { spec: kept.spec })
}

function withoutIntent(object: Manifest): Manifest {
  const copy = structuredClone(object)
  const clear = (metadata: { annotations?: Record<string, string> } | undefined) => {
    if (metadata?.annotations === undefined) return
    const kept = Object.entries(metadata.annotations).filter(
      ([key]) => !/^(config\.)?lockkeeper\.dev\/(?!status)/.test(key),
    )
    metadata.annotations = Object.fromEntries(kept)
    if (kept.length === 0) delete metadata.annotations
  }
  clear(copy.metadata)
  clear(templateOf(copy).metadata)
  return copy
}

describe('for any workload of any kind', () => {
  test('what was built is accepted, and building again changes nothing', () => {
    fc.assert(
      fc.property(everyKind, (object) => {
        const first = arrive(object, undefined, { ...world, again: { now: 5900 } })
        expect(first.verdict).toMatchObject({ allowed: true })
        expect(first.secondPatch).toEqual([])
        expect(mutate(requestOf(first.object, first.object), factsOf({ ...world, now: 9000 })).patch).toEqual([])
      }),
    )
  })

  test('our parts are all that differs, and they stand once', () => {
    fc.assert(
      fc.property(everyKind, (object) => {
        const result = arrive(object, undefined, world)
        expect(result.patch.length).toBeGreaterThan(0)
        expect(stripped(result.object)).toEqual(object)
      }),
    )
  })

  test('the same review has the same answer, and stays as it was', () => {
    fc.assert(
      fc.property(everyKind, (object) => {
        const request = requestOf(object, undefined)
        const text = JSON.stringify(request)
        const answers = [1, 2].map(() => JSON.stringify(mutate(request, factsOf(world))))
        expect(answers[0]).toBe(answers[1])
        expect(JSON.stringify(request)).toBe(text)
      }),
    )
  })

  test('taking the intent away again gives back what its owner wrote', () => {
    fc.assert(
      fc.property(changing, (object) => {
        const { object: equipped } = arrive(object, undefined, world)
        expect(arrive(withoutIntent(equipped), equipped, world).object).toEqual(emptied(withoutIntent(object)))
      }),
    )
  })

  test('an edit of anything but its pods leaves them as they are, whatever became of us and of the files', () => {
    fc.assert(
      fc.property(changing, fc.jsonValue(), fc.integer({ min: 0 }), (object, value, now) => {
        const stored = arrive(object, undefined, world).object
        const edited = structuredClone(stored)
        edited.spec.anotherField = value
        edited.metadata.labels = { edited: 'yes' }
        const result = arrive(edited, stored, { ...later, now })
        expect([result.patch, result.verdict.allowed, result.warnings]).toEqual([[], true, []])
      }),
    )
  })

  test('our parts, taken out, doubled, moved or edited, are put back byte for byte', () => {
    const edits: ((template: ReturnType<typeof templateOf>) => void)[] = [
      ({ spec }) => delete spec.initContainers[spec.initContainers.findIndex(isOurs)].image,
      ({ spec }) => spec.initContainers.push(spec.initContainers.find(isOurs)),
      ({ spec }) => spec.initContainers.push(...spec.initContainers.splice(spec.initContainers.findIndex(isOurs), 1)),
      ({ spec }) => spec.volumes.reverse(),
      ({ spec }) => {
        spec.initContainers = spec.initContainers.filter((each: { name: string }) => !isOurs(each))
        spec.volumes = spec.volumes.filter((each: { name: string }) => !isOurs(each))
      },
      ({ metadata }) => delete metadata.annotations['lockkeeper.dev/status'],
    ]
    fc.assert(
      fc.property(changing, fc.subarray(edits, { minLength: 1, maxLength: 1 }), (object, [edit]) => {
        // Only the order of our own volume may be another's wish: with others beside it the template is another.
        if (edit === edits[3] && templateOf(object).spec.volumes !== undefined) return
        const stored = arrive(object, undefined, world).object
        const edited = structuredClone(stored)
        edit?.(templateOf(edited))
        const result = arrive(edited, stored, later)
        expect([result.verdict.allowed, result.object]).toEqual([true, stored])
      }),
    )
  })

  test('an update by its owner and the next release meet: only our parts differ from what the owner wrote', () => {
    fc.assert(
      fc.property(changing, template, (before, { labels: _, annotations: __, root: ___, extra, ...lists }) => {
        const stored = arrive(before, undefined, world).object
        const after = structuredClone(before)
        templateOf(after).spec = JSON.parse(JSON.stringify({ ...lists, futureField: extra }))
        const { object, verdict } = arrive(after, stored, { ...world, now: 9000 })
        expect(verdict.allowed).toBe(true)
        expect(stripped(object)).toEqual(after)
      }),
    )
  })
})

const isOurs = ({ name }: { name: string }) => /^lockkeeper/.test(name)

/** Metadata that only held the intent is gone with our status. */
function emptied(object: Manifest): Manifest {
  const found = templateOf(object)
  if (found.metadata && Object.keys(found.metadata).length === 0) delete found.metadata
  return object
}

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
