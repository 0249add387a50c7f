import { mutate } from '../admission/mutate.ts'
import { parseReview, type ReviewRequest } from '../admission/review.ts'
import { validate } from '../admission/validate.ts'
import { patched } from '../injection/patch.ts'
import type { Json } from '../injection/workload.ts'
import { Problem } from '../problem.ts'
import { loadParser } from '../sql/parser.ts'
import { green, type Output, red, yellow } from './output.ts'
import { type Around, factsOf } from './review-facts.ts'
import { type Manifest, readManifests } from './review-manifests.ts'

export interface ReviewOptions {
  readonly file: readonly string[]
  readonly old?: string
  readonly namespace?: string
  readonly namespaceLabel?: readonly string[]
  readonly namespaceAnnotation?: readonly string[]
}

/** `review`: what `kubectl apply` would say, by the webhook's own handlers. Exit 1 when one is denied, 3 when none matched. */
export async function review(output: Output, options: ReviewOptions, now: number): Promise<number> {
  const manifests = options.file.flatMap(readManifests)
  const olds = options.old === undefined ? [] : readManifests(options.old)
  const parse = await loadParser()
  const requests = manifests.flatMap((manifest) => requestsOf(manifest, olds, options))
  const results = requests.map((request) => reviewed(request, { ...options, manifests, now, parse }))
  output.document(results)
  for (const { kind, namespace, name, allowed, message, warnings } of results) {
    for (const warning of warnings) output.print(`${yellow('Warning:', output.colour)} ${warning}`)
    const verdict = allowed ? green('allowed', output.colour) : red('denied', output.colour)
    output.print(`${kind.toLowerCase()}/${name} in ${namespace}: ${verdict}${message}`)
  }
  if (results.length === 0) output.say('nothing here asks for a schema version')
  return results.length === 0 ? 3 : results.every(({ allowed }) => allowed) ? 0 : 1
}

function requestsOf(manifest: Manifest, olds: readonly Manifest[], options: ReviewOptions): ReviewRequest[] {
  if (manifest.kind === 'AdmissionReview') {
    const recorded = parseReview(manifest)
    if ('problem' in recorded) throw new Problem(recorded.problem)
    return isOurs(recorded) ? [recorded] : []
  }
  const [group, version] = (manifest.apiVersion ?? '').includes('/')
    ? (manifest.apiVersion ?? '').split('/')
    : ['', manifest.apiVersion]
  const name = manifest.metadata?.name
  const old = olds.find((each) => each.kind === manifest.kind && each.metadata?.name === name)
  const parsed = parseReview({
    apiVersion: 'admission.k8s.io/v1',
    kind: 'AdmissionReview',
    request: {
      uid: 'review',
      operation: old === undefined ? 'CREATE' : 'UPDATE',
      kind: { group: group ?? '', version: version ?? '', kind: manifest.kind ?? '' },
      namespace: manifest.metadata?.namespace ?? options.namespace ?? 'default',
      name: name ?? '',
      object: manifest,
      oldObject: old ?? null,
    },
  })
  return !('problem' in parsed) && isOurs(parsed) ? [parsed] : []
}

/** A workload of a kind that has a schema, or one that asks for it where its pod template is not. */
const isOurs = ({ workload, elsewhere }: ReviewRequest) => workload !== undefined || elsewhere !== undefined

function reviewed(request: ReviewRequest, around: Around) {
  const facts = factsOf(request, around)
  const mutation = mutate(request, facts)
  const object = patched(request.object as Json, mutation.patch)
  const parsed = parseReview({
    apiVersion: 'admission.k8s.io/v1',
    kind: 'AdmissionReview',
    request: { ...rawOf(request), object },
  })
  if ('problem' in parsed) throw new Error(parsed.problem)
  const verdict = validate(parsed, facts)
  return {
    kind: request.kind.split('/')[2] ?? '',
    namespace: request.namespace,
    name: request.name,
    allowed: verdict.allowed,
    message: verdict.allowed ? '' : verdict.message,
    patch: mutation.patch,
    warnings: [...mutation.warnings, ...verdict.warnings],
    findings: verdict.findings,
  }
}

function rawOf({ uid, operation, dryRun, kind, namespace, name, oldObject }: ReviewRequest) {
  const [group, version, word] = kind.split('/')
  return { uid, operation, dryRun, namespace, name, kind: { group, version, kind: word }, oldObject }
}
