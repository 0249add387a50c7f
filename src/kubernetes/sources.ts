import { setTimeout as sleep } from 'node:timers/promises'
import { setHeaderOptions, type V1ConfigMap } from '@kubernetes/client-node'
import type { SourceOutcome, SourceRequest } from '../admission/facts.ts'
import { judgedContent, readSource, type SourceRead } from '../migration/catalogue-source.ts'
import { remark } from '../migration/finding.ts'
import type { MigrationSet } from '../migration/migration.ts'
import type { SqlFacts } from '../migration/sql-facts.ts'
import { type Clients, reasonOf, statusOf } from './clients.ts'
import { quickHttp } from './quick-http.ts'

/** Reads a ConfigMap, or only its metadata: of 200 migrations that is a hundredth. */
export type ConfigMapReader = (name: string, namespace: string, part: 'metadata' | 'all') => Promise<V1ConfigMap>
/** Reads the SQL of a set; migrations above `since` are one release. */
export type JudgeSql = (set: MigrationSet, since?: string) => Promise<SqlFacts>

type Failed = Exclude<SourceOutcome, { kind: 'read' }>
/** What ConfigMaps of one version hold; their SQL may still be read. */
interface Kept {
  read: SourceRead
  judging?: Promise<void>
  readonly immutable: boolean
}

/** Asks for no more than an object's metadata (Kubernetes API concepts: Alternate representations of resources). */
const ONLY_METADATA = 'application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1'
const METADATA = setHeaderOptions('Accept', ONLY_METADATA, { httpApi: quickHttp })

/** Parsed sources that are kept; a catalogue of 200 migrations is some 100 KB. */
const MAX_KEPT = 100
/** How long a review waits for the SQL to be read; the API server gives it 5 s for all (`timeoutSeconds` in the chart). */
const PATIENCE_MS = 3_000

/** Asks for the version of ConfigMaps live, and reads and parses each version once. */
export class Sources {
  readonly #read: ConfigMapReader
  readonly #judge: JudgeSql
  readonly #kept = new Map<string, Kept>()
  readonly #patienceMs: number

  constructor(read: ConfigMapReader, judge: JudgeSql, patienceMs = PATIENCE_MS) {
    this.#read = read
    this.#judge = judge
    this.#patienceMs = patienceMs
  }

  static of({ core }: Clients, judge: JudgeSql): Sources {
    const read: ConfigMapReader = (name, namespace, part) =>
      core.readNamespacedConfigMap({ name, namespace }, part === 'metadata' ? METADATA : undefined)
    return new Sources(read, judge)
  }

  async read(request: SourceRequest): Promise<SourceOutcome> {
    const { configMaps, proofs } = request
    const names = [...configMaps, ...(proofs === undefined ? [] : [proofs])]
    const kept = await this.#keptOf(names, request)
    if ('kind' in kept) return kept
    if (kept.judging !== undefined)
      await Promise.race([kept.judging, sleep(this.#patienceMs, undefined, { ref: false })])
    const { read, immutable } = kept
    if ('flaw' in read) return { kind: 'failed', configMap: names.at(-1) ?? '', reason: read.flaw, fix: read.fix }
    return { kind: 'read', ...read.content, immutable }
  }

  /** What is known of the versions that ConfigMaps have now. They are read where it is nothing. */
  async #keptOf(names: readonly string[], request: SourceRequest): Promise<Kept | Failed> {
    const { namespace } = request
    const metadata = await this.#readAll(names, namespace, 'metadata')
    if (!Array.isArray(metadata)) return metadata
    const known = this.#kept.get(keyOf(metadata, request))
    if (known !== undefined) return known
    const maps = await this.#readAll(names, namespace, 'all')
    return Array.isArray(maps) ? this.#keep(maps, request) : maps
  }

  async #readAll(names: readonly string[], namespace: string, part: 'metadata' | 'all') {
    const outcomes = await Promise.all(names.map((configMap) => this.#readOne(configMap, namespace, part)))
    const maps: V1ConfigMap[] = []
    for (const outcome of outcomes) {
      if (outcome.kind !== 'map') return outcome
      maps.push(outcome.map)
    }
    return maps
  }

  async #readOne(
    configMap: string,
    namespace: string,
    part: 'metadata' | 'all',
  ): Promise<{ kind: 'map'; map: V1ConfigMap } | Failed> {
    try {
      return { kind: 'map', map: await this.#read(configMap, namespace, part) }
    } catch (error) {
      if (statusOf(error) === 404) return { kind: 'missing', configMap }
      return { kind: 'failed', configMap, reason: reasonOf(error) }
    }
  }

  /** Reviews that read the same at once share what the first of them found. */
  #keep(maps: readonly V1ConfigMap[], request: SourceRequest): Kept {
    const key = keyOf(maps, request)
    const known = this.#kept.get(key)
    if (known !== undefined) return known
    const kept = this.#parse(maps, request, () => this.#kept.delete(key))
    this.#kept.set(key, kept)
    const [oldest] = this.#kept.keys()
    if (this.#kept.size > MAX_KEPT && oldest !== undefined) this.#kept.delete(oldest)
    return kept
  }

  /** `forget`: what could not be judged is tried again by the next review. */
  #parse(maps: readonly V1ConfigMap[], request: SourceRequest, forget: () => void): Kept {
    const { namespace: _, configMaps: __, since, ...options } = request
    const read = readSource(maps, options)
    const immutable = maps.every((map) => map.immutable === true)
    if ('flaw' in read || read.set === undefined) return { read, immutable }
    const { content, set } = read
    const judged = (facts: SqlFacts) => ({ content: judgedContent(content, set, facts) })
    const kept: Kept = { read: judged(unjudged('it takes long')), immutable }
    const done = (facts: SqlFacts) => {
      kept.read = judged(facts)
      delete kept.judging
    }
    kept.judging = this.#judge(set, since).then(done, (error: unknown) => {
      forget()
      done(unjudged(reasonOf(error)))
    })
    return kept
  }
}

function keyOf(maps: readonly V1ConfigMap[], request: SourceRequest): string {
  const versions = maps.map(({ metadata }) => `${metadata?.uid}@${metadata?.resourceVersion}`)
  const { namespace: _, configMaps: __, ...options } = request
  return JSON.stringify([versions, options])
}

const unjudged = (reason: string): SqlFacts => ({
  floors: {},
  findings: [
    remark('sql-unjudged', `nobody looked at the SQL yet: ${reason}`, 'run the same command again, or lockkeeper lint'),
  ],
})
