import { readFileSync } from 'node:fs'
import { isSeq, parseAllDocuments } from 'yaml'
import type { Facts, NamespaceFacts, SecretKeys, SourceOutcome, SourceRequest } from '../admission/facts.ts'
import { mutate } from '../admission/mutate.ts'
import { parseReview, type ReviewRequest } from '../admission/review.ts'
import { situationOf } from '../admission/situation.ts'
import { secretNeeded, sourceNeeded } from '../admission/source-needed.ts'
import { validate } from '../admission/validate.ts'
import { ADMISSION_LABEL } from '../contract.ts'
import { patched } from '../injection/patch.ts'
import type { Json } from '../injection/workload.ts'
import { judgedContent, readSource } from '../migration/catalogue-source.ts'
import { loadParser, type Parse } from '../safety/parser.ts'
import { sqlFacts } from '../safety/sql-facts.ts'
import { green, type Output, red, yellow } from './output.ts'
import { Problem } from './problem.ts'

export interface ReviewOptions {
  readonly file: readonly string[]
  readonly old?: string
  readonly namespace?: string
  readonly namespaceLabel?: readonly string[]
  readonly namespaceAnnotation?: readonly string[]
}

/** A manifest, as far as it is looked at before the handlers see it. */
interface Manifest {
  readonly apiVersion?: string
  readonly kind?: string
  readonly metadata?: {
    readonly name?: string
    readonly namespace?: string
    readonly labels?: Readonly<Record<string, string>>
    readonly annotations?: Readonly<Record<string, string>>
  }
  readonly items?: readonly Manifest[]
  readonly data?: Readonly<Record<string, string>>
  readonly binaryData?: Readonly<Record<string, string>>
  readonly stringData?: Readonly<Record<string, string>>
  readonly immutable?: boolean
  readonly request?: unknown
}

/** `review`: what `kubectl apply` would say, by the webhook's own handlers. Exit 1 when one is denied, 3 when none matched. */
export async function review(output: Output, options: ReviewOptions, now: number): Promise<number> {
  const manifests = options.file.flatMap(readManifests)
  const olds = options.old === undefined ? [] : readManifests(options.old)
  const parse = await loadParser()
  const requests = manifests.flatMap((manifest) => requestsOf(manifest, olds, options))
  const results = requests.map((request) => reviewed(request, { manifests, options, now, parse }))
  output.document(results)
  for (const { kind, namespace, name, allowed, message, warnings } of results) {
    for (const warning of warnings) output.print(`${yellow('Warning:', output.colour)} ${warning}`)
    const verdict = allowed ? green('allowed', output.colour) : red('denied', output.colour)
    output.print(`${kind.toLowerCase()}/${name} in ${namespace}: ${verdict}${message}`)
  }
  if (results.length === 0) output.say('nothing here asks for a schema version')
  return results.length === 0 ? 3 : results.every(({ allowed }) => allowed) ? 0 : 1
}

function readManifests(path: string): Manifest[] {
  let text: string
  try {
    text = readFileSync(path === '-' ? 0 : path, 'utf8')
  } catch (error) {
    throw new Problem(
      `${path} cannot be read (${error instanceof Error && 'code' in error ? error.code : error})`,
      'name a file, or - for standard input',
    )
  }
  const documents = parseAllDocuments(text)
  return documents.flatMap((document) => {
    const [broken] = document.errors
    if (broken !== undefined) throw new Problem(`${path} is no YAML: ${broken.message.split('\n')[0]}`)
    const parsed = document.toJS() as Manifest | Manifest[] | null
    if (isSeq(document.contents)) return parsed as Manifest[]
    const manifest = parsed as Manifest | null
    return manifest?.kind === 'List' ? [...(manifest.items ?? [])] : manifest === null ? [] : [manifest]
  })
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

interface Around {
  readonly manifests: readonly Manifest[]
  readonly options: ReviewOptions
  readonly now: number
  readonly parse: Parse
}

function reviewed(request: ReviewRequest, { manifests, options, now, parse }: Around) {
  const namespace = namespaceOf(request.namespace, manifests, options)
  const situation = situationOf(request, namespace)
  const needed = sourceNeeded(request, situation)
  const facts: Facts = {
    namespace,
    source: needed === undefined ? undefined : sourceOf(needed, manifests, parse),
    secretKeys: keysOf(secretNeeded(situation), request.namespace, manifests),
    cluster: 'review',
    runnerImage: 'lockkeeper/runner',
    imagePullPolicy: 'IfNotPresent',
    now,
  }
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

/** A Namespace among the files, with what the command line adds; without either it counts as opted in. */
function namespaceOf(name: string, manifests: readonly Manifest[], options: ReviewOptions): NamespaceFacts {
  const given = manifests.find(({ kind, metadata }) => kind === 'Namespace' && metadata?.name === name)
  const labels = given === undefined ? { [ADMISSION_LABEL]: 'enabled' } : (given.metadata?.labels ?? {})
  return {
    name,
    labels: { ...labels, ...pairs(options.namespaceLabel) },
    annotations: { ...given?.metadata?.annotations, ...pairs(options.namespaceAnnotation) },
  }
}

/** A Secret among the files tells its keys; one that is not there may be in the cluster. */
function keysOf(name: string | undefined, namespace: string, manifests: readonly Manifest[]): SecretKeys {
  const secret = manifests.find(
    ({ kind, metadata }) =>
      kind === 'Secret' && metadata?.name === name && (metadata?.namespace ?? namespace) === namespace,
  )
  return secret === undefined ? 'unknown' : [...Object.keys(secret.data ?? {}), ...Object.keys(secret.stringData ?? {})]
}

const pairs = (texts: readonly string[] = []) =>
  Object.fromEntries(
    texts.map((text) => {
      const [, key, value] = /^([^=]+)=(.*)$/s.exec(text) ?? []
      if (key === undefined) throw new Problem(`"${text}" is no KEY=VALUE`)
      return [key, value ?? '']
    }),
  )

/** What the webhook would read, of the ConfigMaps among the files. */
function sourceOf(
  { namespace, configMaps, since, ...options }: SourceRequest,
  manifests: readonly Manifest[],
  parse: Parse,
): SourceOutcome {
  const found: Manifest[] = []
  for (const configMap of [...configMaps, ...(options.proofs === undefined ? [] : [options.proofs])]) {
    const map = manifests.find(
      ({ kind, metadata }) =>
        kind === 'ConfigMap' && metadata?.name === configMap && (metadata.namespace ?? namespace) === namespace,
    )
    if (map === undefined) return { kind: 'missing', configMap }
    found.push(map)
  }
  const read = readSource(found, options)
  if ('flaw' in read) return { kind: 'failed', configMap: configMaps[0] ?? '', reason: read.flaw, fix: read.fix }
  const { content, set } = read
  const judged =
    set === undefined
      ? content
      : judgedContent(content, set, sqlFacts(set, { parse, ...(since !== undefined && { since }) }))
  return { kind: 'read', ...judged, immutable: found.every(({ immutable }) => immutable === true) }
}
