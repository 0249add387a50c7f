import { setTimeout as sleep } from 'node:timers/promises'
import type { V1ConfigMap } from '@kubernetes/client-node'
import type { SourceOutcome, SourceRequest } from '../admission/facts.ts'
import { judgedContent, readSource, type SourceRead } from '../migration/catalogue-source.ts'
import { remark } from '../migration/finding.ts'
import type { MigrationSet } from '../migration/migration.ts'
import type { SqlFacts } from '../migration/sql-facts.ts'
import { type Clients, reasonOf, statusOf } from './clients.ts'

type ConfigMapReader = (name: string, namespace: string) => Promise<V1ConfigMap>
/** Reads the SQL of a set; migrations above `since` are one release. */
export type JudgeSql = (set: MigrationSet, since?: string) => Promise<SqlFacts>

type Failed = Exclude<SourceOutcome, { kind: 'read' }>
/** What ConfigMaps of one version hold; their SQL may still be read. */
interface Kept {
  read: SourceRead
  judging?: Promise<void>
}

/** Parsed sources that are kept; a catalogue of 200 migrations is some 100 KB. */
const MAX_KEPT = 100
/** How long a review waits for the SQL to be read; the API server gives it 5 s for all (`timeoutSeconds` in the chart). */
const PATIENCE_MS = 3_000

/** Reads ConfigMaps live, and parses each version of them once. */
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
    return new Sources((name, namespace) => core.readNamespacedConfigMap({ name, namespace }), judge)
  }

  async read(request: SourceRequest): Promise<SourceOutcome> {
    const { configMaps, namespace, proofs } = request
    const names = [...configMaps, ...(proofs === undefined ? [] : [proofs])]
    const outcomes = await Promise.all(names.map((configMap) => this.#readOne(configMap, namespace)))
    const maps: V1ConfigMap[] = []
    for (const outcome of outcomes) {
      if (outcome.kind !== 'map') return outcome
      maps.push(outcome.map)
    }
    const kept = this.#keptOf(maps, request)
    if (kept.judging !== undefined)
      await Promise.race([kept.judging, sleep(this.#patienceMs, undefined, { ref: false })])
    const { read } = kept
    if ('flaw' in read) return { kind: 'failed', configMap: names.at(-1) ?? '', reason: read.flaw, fix: read.fix }
    return { kind: 'read', ...read.content, immutable: maps.every(({ immutable }) => immutable === true) }
  }

  async #readOne(configMap: string, namespace: string): Promise<{ kind: 'map'; map: V1ConfigMap } | Failed> {
    try {
      return { kind: 'map', map: await this.#read(configMap, namespace) }
    } catch (error) {
      if (statusOf(error) === 404) return { kind: 'missing', configMap }
      return { kind: 'failed', configMap, reason: reasonOf(error) }
    }
  }

  #keptOf(maps: readonly V1ConfigMap[], request: SourceRequest): Kept {
    const versions = maps.map(({ metadata }) => `${metadata?.uid}@${metadata?.resourceVersion}`)
    const { namespace: _, configMaps: __, ...options } = request
    const key = JSON.stringify([versions, options])
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
    if ('flaw' in read || read.set === undefined) return { read }
    const { content, set } = read
    const judged = (facts: SqlFacts) => ({ content: judgedContent(content, set, facts) })
    const kept: Kept = { read: judged(unjudged('it takes long')) }
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

const unjudged = (reason: string): SqlFacts => ({
  floors: {},
  findings: [
    remark('sql-unjudged', `nobody looked at the SQL yet: ${reason}`, 'run the same command again, or lockkeeper lint'),
  ],
})
