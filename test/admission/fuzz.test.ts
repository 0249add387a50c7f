import fc from 'fast-check'
import jsonPatch from 'fast-json-patch'
import { describe, expect, test } from 'vitest'
import { answerMutation, answerVerdict } from '../../src/admission/answer.ts'
import { mutate } from '../../src/admission/mutate.ts'
import { parseReview, type ReviewRequest } from '../../src/admission/review.ts'
import { validate } from '../../src/admission/validate.ts'
import { CONFIG, INTENT, POLICY } from '../../src/contract.ts'
import { factsOf, gone, shop, source } from '../tools/admission.ts'
import { release } from '../tools/example-files.ts'
import { arrive } from './recorded/api-server.ts'
import { kindNamed, kinds, type Manifest, manifest } from './recorded/objects.ts'

/** `LOCKKEEPER_SEED` repeats a run, `LOCKKEEPER_FUZZ` is the number of reviews. */
const seed = Number(process.env.LOCKKEEPER_SEED ?? Date.now() % 2 ** 31)
const numRuns = Number(process.env.LOCKKEEPER_FUZZ ?? 1500)
console.log(`fuzz: LOCKKEEPER_SEED=${seed}, ${numRuns} reviews`)

/** Objects as they are stored and sent: bare, equipped, from each of our releases. */
const seeds: readonly Manifest[] = kinds.flatMap((kind) =>
  ([1, 2, 3] as const).flatMap((version) => {
    const initContainers = [{ name: 'proxy', restartPolicy: 'Always' }, { name: 'warm-up' }]
    const object = manifest(kind, version, { on: version === 2 ? 'template' : 'metadata', pod: { initContainers } })
    const inImage = manifest(kind, version, {
      annotations: { 'lockkeeper.dev/migrations': 'image/files:1:/m', 'lockkeeper.dev/catalogue': 'configmap/files' },
    })
    const equipped = [object, inImage].map(
      (given) => arrive(given, undefined, { source: source(release(version)), now: version * 1000 }).object,
    )
    return [object, inImage, ...equipped]
  }),
)

const keys = [...Object.values(INTENT), ...Object.values(CONFIG), ...Object.values(POLICY)]
const value = fc.oneof(
  fc.jsonValue(),
  fc.constantFrom(
    '',
    '2',
    '3',
    '9',
    'keep',
    'always',
    'true',
    '500ms',
    'configmap/a',
    'container/orders:/m',
    'env/orders:LOG',
    '__proto__',
  ),
  fc.string({ unit: 'binary' }),
)
/** An edit at a place that is found by going down: take away, put something else there, double, turn around. */
const edit = fc.record({
  way: fc.array(fc.nat(30), { maxLength: 8 }),
  action: fc.constantFrom('remove', 'replace', 'double', 'reverse', 'annotate'),
  key: fc.oneof(fc.constantFrom(...keys, 'lockkeeper.dev/status', 'lockkeeper.dev/x'), fc.string()),
  value,
})
type Edit = typeof edit extends fc.Arbitrary<infer T> ? T : never

function edited(object: unknown, edits: readonly Edit[]): unknown {
  const copy = JSON.parse(JSON.stringify(object))
  for (const { way, action, key, value } of edits) {
    let at = copy
    let parent: Record<string, unknown> | undefined
    let name = ''
    for (const step of way) {
      const names = typeof at === 'object' && at !== null ? Object.keys(at) : []
      if (names.length === 0) break
      parent = at
      name = names[step % names.length] ?? ''
      at = at[name]
    }
    if (action === 'annotate' && typeof at === 'object' && at !== null && !Array.isArray(at)) at[key] = value
    if (parent === undefined) continue
    if (action === 'remove') Array.isArray(parent) ? parent.splice(Number(name), 1) : delete parent[name]
    if (action === 'replace') parent[name] = value
    if (action === 'double' && Array.isArray(at)) at.push(...at)
    if (action === 'reverse' && Array.isArray(at)) at.reverse()
  }
  return JSON.parse(JSON.stringify(copy))
}

const object = fc.record({ from: fc.constantFrom(...seeds), edits: fc.array(edit, { maxLength: 4 }) })
const old = fc.option(object, { nil: undefined })
const kind = fc.oneof(
  { weight: 9, arbitrary: fc.constant(undefined) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(...kinds.map(kindNamed), { group: 'autoscaling', version: 'v1', kind: 'Scale' }),
  },
)
const review = fc.record({
  object,
  old,
  kind,
  operation: fc.constantFrom('CREATE', 'UPDATE', 'UPDATE', 'DELETE', 'CONNECT'),
  dryRun: fc.boolean(),
})
const namespace = fc.dictionary(
  fc.constantFrom(...keys, 'linkerd.io/inject'),
  fc.oneof(fc.string(), fc.constantFrom('true', 'off', 'always', 'rollback-missing,target-lowered', '2')),
  { maxKeys: 4 },
)
const world = fc.record({
  namespace: namespace.map(shop),
  source: fc.constantFrom(source(release(3)), source(release(2), true), source({ '1_a.up.sql': 'COMMIT;' }), gone),
  now: fc.nat(),
})

function bodyOf({ object, old, kind, operation, dryRun }: typeof review extends fc.Arbitrary<infer T> ? T : never) {
  const { group, version, kind: word } = kind ?? kindNamed(object.from.kind)
  const request = {
    uid: 'u',
    operation,
    dryRun,
    kind: { group, version, kind: word },
    namespace: 'shop',
    name: 'orders',
    object: edited(object.from, object.edits),
    oldObject: old === undefined ? null : edited(old.from, old.edits),
  }
  return { apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', request }
}

function parsed(body: unknown): ReviewRequest {
  const request = parseReview(body)
  if ('problem' in request) throw new Error(request.problem)
  return request
}

describe('any review', () => {
  test('that is well-formed has an answer from both webhooks, whose patch applies and changes nothing the second time', () => {
    let [patches, denials] = [0, 0]
    fc.assert(
      fc.property(review, world, (given, world) => {
        const body = bodyOf(given)
        const facts = factsOf(world)
        const request = parsed(body)
        const mutation = mutate(request, facts)
        expect(answerMutation(request, mutation).response.allowed).toBe(true)
        const { object } = body.request
        const patch = structuredClone(mutation.patch) as never
        const after = jsonPatch.applyPatch(structuredClone(object), patch, true).newDocument
        const second = parsed({ ...body, request: { ...body.request, object: after } })
        expect(mutate(second, facts).patch).toEqual([])
        const verdict = validate(second, facts)
        expect(answerVerdict(second, verdict).response).toHaveProperty('uid', 'u')
        patches += mutation.patch.length === 0 ? 0 : 1
        denials += verdict.allowed ? 0 : 1
      }),
      { seed, numRuns },
    )
    // Reviews that all end at the door would show nothing.
    expect(patches).toBeGreaterThan(numRuns / 20)
    expect(denials).toBeGreaterThan(numRuns / 20)
  })

  test('that is none is told what is wrong with it, in one line', () => {
    const body = {
      apiVersion: 'admission.k8s.io/v1',
      kind: 'AdmissionReview',
      request: bodyOf({
        object: { from: seeds[0] as Manifest, edits: [] },
        old: undefined,
        kind: undefined,
        operation: 'CREATE',
        dryRun: false,
      }).request,
    }
    fc.assert(
      fc.property(
        fc.oneof(
          fc.jsonValue(),
          fc.array(edit, { minLength: 1, maxLength: 3 }).map((edits) => edited(body, edits)),
        ),
        (given) => {
          const request = parseReview(given)
          if ('problem' in request)
            expect(request.problem).toMatch(/^no AdmissionReview of admission.k8s.io\/v1: [^\n]+$/)
          else expect(() => validate(request, factsOf({ source: gone }))).not.toThrow()
        },
      ),
      { seed, numRuns },
    )
  })
})
