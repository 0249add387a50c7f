import type { V1ConfigMap } from '@kubernetes/client-node'
import type { SourceOutcome, SourceRequest } from '../admission/facts.ts'
import { type CatalogueSource, catalogueInside, catalogueOfFiles } from '../migration/catalogue-source.ts'
import { type Clients, reasonOf, statusOf } from './clients.ts'

type ConfigMapReader = (name: string, namespace: string) => Promise<V1ConfigMap>

/** Parsed sources that are kept; a catalogue of 200 migrations is some 100 KB. */
const MAX_KEPT = 100

/** Reads ConfigMaps live, and parses each version of them once. */
export class Sources {
  readonly #read: ConfigMapReader
  readonly #parsed = new Map<string, CatalogueSource>()

  constructor(read: ConfigMapReader) {
    this.#read = read
  }

  static of({ core }: Clients): Sources {
    return new Sources((name, namespace) => core.readNamespacedConfigMap({ name, namespace }))
  }

  async read(request: SourceRequest): Promise<SourceOutcome> {
    const { configMaps, namespace } = request
    const outcomes = await Promise.all(configMaps.map((configMap) => this.#readOne(configMap, namespace)))
    const maps: V1ConfigMap[] = []
    for (const outcome of outcomes) {
      if (outcome.kind !== 'map') return outcome
      maps.push(outcome.map)
    }
    const source = this.#sourceOf(maps, request)
    if ('flaw' in source)
      return { kind: 'failed', configMap: configMaps[0] ?? '', reason: source.flaw, fix: source.fix }
    return { kind: 'read', ...source, immutable: maps.every(({ immutable }) => immutable === true) }
  }

  async #readOne(configMap: string, namespace: string): Promise<{ kind: 'map'; map: V1ConfigMap } | SourceOutcome> {
    try {
      return { kind: 'map', map: await this.#read(configMap, namespace) }
    } catch (error) {
      if (statusOf(error) === 404) return { kind: 'missing', configMap }
      return { kind: 'failed', configMap, reason: reasonOf(error) }
    }
  }

  #sourceOf(maps: readonly V1ConfigMap[], request: SourceRequest): CatalogueSource {
    const { catalogue = false, format, historySchema, placeholders } = request
    const versions = maps.map(({ metadata }) => `${metadata?.uid}@${metadata?.resourceVersion}`)
    const key = [...versions, catalogue, format ?? '', historySchema, JSON.stringify(placeholders)].join(' ')
    const known = this.#parsed.get(key)
    if (known !== undefined) return known
    const [first] = maps
    const source =
      catalogue && first !== undefined
        ? catalogueInside(first)
        : catalogueOfFiles(maps, { format, historySchema, placeholders })
    this.#parsed.set(key, source)
    const [oldest] = this.#parsed.keys()
    if (this.#parsed.size > MAX_KEPT && oldest !== undefined) this.#parsed.delete(oldest)
    return source
  }
}
