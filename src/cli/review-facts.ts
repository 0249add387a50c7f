import type { Facts, NamespaceFacts, SecretKeys, SourceOutcome, SourceRequest } from '../admission/facts.ts'
import type { ReviewRequest } from '../admission/review.ts'
import { situationOf } from '../admission/situation.ts'
import { secretNeeded, sourceNeeded } from '../admission/source-needed.ts'
import { ADMISSION_LABEL } from '../contract.ts'
import { judgedContent, readSource } from '../migration/catalogue-source.ts'
import { Problem } from '../problem.ts'
import { sqlFacts } from '../safety/sql-facts.ts'
import type { Parse } from '../sql/parser.ts'
import type { Manifest } from './review-manifests.ts'

/** What stands around the objects under review. */
export interface Around {
  readonly manifests: readonly Manifest[]
  readonly namespaceLabel?: readonly string[] | undefined
  readonly namespaceAnnotation?: readonly string[] | undefined
  readonly parse: Parse
  /** Milliseconds of the epoch. */
  readonly now: number
}

/** What the webhook would know: of the cluster, only what is among the files and on the command line. */
export function factsOf(request: ReviewRequest, around: Around): Facts {
  const namespace = namespaceOf(request.namespace, around)
  const situation = situationOf(request, namespace)
  const needed = sourceNeeded(request, situation)
  return {
    namespace,
    source: needed === undefined ? undefined : sourceOf(needed, around),
    secretKeys: keysOf(secretNeeded(situation), request.namespace, around.manifests),
    cluster: 'review',
    runnerImage: 'lockkeeper/runner',
    imagePullPolicy: 'IfNotPresent',
    now: around.now,
  }
}

/** A Namespace among the files, with what the command line adds; without either it counts as opted in. */
function namespaceOf(name: string, { manifests, ...options }: Around): NamespaceFacts {
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
  { manifests, parse }: Around,
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
