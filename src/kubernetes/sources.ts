import type { V1ConfigMap } from '@kubernetes/client-node'
import type { SourceOutcome, SourceRequest } from '../admission/facts.ts'
import { catalogueOf } from '../migration/catalogue.ts'
import type { Catalogue, RawFile } from '../migration/migration.ts'
import { readMigrations } from '../migration/read.ts'
import { type Clients, reasonOf, statusOf } from './clients.ts'

type ConfigMapReader = (name: string, namespace: string) => Promise<V1ConfigMap>

/** Parsed sources that are kept; a catalogue of 200 migrations is some 100 KB. */
const MAX_KEPT = 100

/** Reads ConfigMaps live, and parses each version of them once. */
export class Sources {
  readonly #read: ConfigMapReader
  readonly #parsed = new Map<string, Catalogue>()

  constructor(read: ConfigMapReader) {
    this.#read = read
  }

  static of({ core }: Clients): Sources {
    return new Sources((name, namespace) => core.readNamespacedConfigMap({ name, namespace }))
  }

  async read(request: SourceRequest): Promise<SourceOutcome> {
    const maps: V1ConfigMap[] = []
    for (const configMap of request.configMaps) {
      try {
        maps.push(await this.#read(configMap, request.namespace))
      } catch (error) {
        if (statusOf(error) === 404) return { kind: 'missing', configMap }
        return { kind: 'failed', configMap, reason: reasonOf(error) }
      }
    }
    return {
      kind: 'read',
      catalogue: this.#catalogue(maps, request),
      immutable: maps.every(({ immutable }) => immutable === true),
      items: maps.map((map) => ({ configMap: map.metadata?.name ?? '', keys: keysOf(map).sort() })),
    }
  }

  #catalogue(maps: readonly V1ConfigMap[], { format, historySchema, placeholders }: SourceRequest): Catalogue {
    const versions = maps.map(({ metadata }) => `${metadata?.uid}@${metadata?.resourceVersion}`)
    const key = [...versions, format ?? '', historySchema, JSON.stringify(placeholders)].join(' ')
    const known = this.#parsed.get(key)
    if (known !== undefined) return known
    const options = { format, historySchema, placeholders }
    const catalogue = catalogueOf(readMigrations(maps.flatMap(filesOf), options))
    this.#parsed.set(key, catalogue)
    const [oldest] = this.#parsed.keys()
    if (this.#parsed.size > MAX_KEPT && oldest !== undefined) this.#parsed.delete(oldest)
    return catalogue
  }
}

const keysOf = ({ data, binaryData }: V1ConfigMap) => [...Object.keys(data ?? {}), ...Object.keys(binaryData ?? {})]

/** `data` holds text, `binaryData` base64 (what kubectl makes of a file that is not UTF-8). */
const filesOf = ({ data, binaryData }: V1ConfigMap): RawFile[] => [
  ...Object.entries(data ?? {}).map(([name, content]) => ({ name, content })),
  ...Object.entries(binaryData ?? {}).map(([name, content]) => ({ name, content: Buffer.from(content, 'base64') })),
]
