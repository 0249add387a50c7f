import jsonPatch from 'fast-json-patch'
import { mutate } from '../../../src/admission/mutate.ts'
import { parseReview, type ReviewRequest } from '../../../src/admission/review.ts'
import { type Situation, situationOf } from '../../../src/admission/situation.ts'
import { validate } from '../../../src/admission/validate.ts'
import type { Verdict } from '../../../src/admission/verdict.ts'
import { factsOf, type World } from '../../tools/admission.ts'
import { kindNamed, type Manifest } from './objects.ts'

/** A mutating webhook of somebody else. */
export type Webhook = (object: Manifest) => Manifest

export interface Circumstances extends World {
  /** Webhooks that the API server calls before and after ours. */
  readonly before?: Webhook
  readonly after?: Webhook
  /** Another replica of ours is called again (`reinvocationPolicy: IfNeeded`): what differs there. */
  readonly again?: Partial<World>
  /** Who asks; default: nobody is named. */
  readonly user?: string
}

export interface Arrived {
  /** What is stored, or would be. */
  readonly object: Manifest
  readonly situation: Situation['kind']
  readonly verdict: Verdict
  readonly warnings: readonly string[]
  readonly patch: readonly unknown[]
  /** Operations of the second call; undefined when there was none. */
  readonly secondPatch: readonly unknown[] | undefined
}

/** The request of a review, as the wire brings it. */
export function requestOf(object: Manifest, old: Manifest | undefined, dryRun = false, user?: string): ReviewRequest {
  const { group, version, kind } = kindNamed(object.kind)
  const request = {
    uid: 'u',
    operation: old === undefined ? 'CREATE' : 'UPDATE',
    dryRun,
    kind: { group, version, kind },
    namespace: 'shop',
    // Kubernetes makes a name out of `generateName` only after the mutation.
    name: object.metadata.name ?? '',
    object,
    oldObject: old ?? null,
    ...(user !== undefined && { userInfo: { username: user } }),
  }
  const body = { apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', request }
  const review = parseReview(JSON.parse(JSON.stringify(body)))
  if ('problem' in review) throw new Error(review.problem)
  return review
}

/** What the API server does with an object: mutating webhooks, the second round, validating ones. */
export function arrive(object: Manifest, old: Manifest | undefined, world: Circumstances): Arrived {
  const facts = factsOf(world)
  const same: Webhook = (each) => each
  const given = (world.before ?? same)(structuredClone(object))
  const first = requestOf(given, old, world.dryRun, world.user)
  const mutation = mutate(first, facts)
  let stored = (world.after ?? same)(applied(given, mutation.patch))
  let secondPatch: readonly unknown[] | undefined
  if (world.again !== undefined) {
    const second = mutate(requestOf(stored, old, world.dryRun, world.user), factsOf({ ...world, ...world.again }))
    secondPatch = second.patch
    stored = applied(stored, second.patch)
  }
  const verdict = validate(requestOf(stored, old, world.dryRun, world.user), {
    ...facts,
    source: world.sourceLater ?? world.source,
  })
  return {
    object: stored,
    situation: situationOf(first, facts.namespace).kind,
    verdict,
    warnings: [...mutation.warnings, ...verdict.warnings],
    patch: mutation.patch,
    secondPatch,
  }
}

/** A patch as another implementation than ours applies it; every operation is checked against the document. */
const applied = (object: Manifest, patch: readonly unknown[]): Manifest =>
  jsonPatch.applyPatch(structuredClone(object), structuredClone(patch) as never, true).newDocument
