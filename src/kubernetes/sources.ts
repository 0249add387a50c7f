import { setHeaderOptions } from '@kubernetes/client-node'
import type { SourceOutcome, SourceRequest } from '../admission/facts.ts'
import { LIMITS } from '../limits.ts'
import { type PreparedSource, type SourceQuestion, versionOf } from '../migration/prepare-source.ts'
import { retainedBytes } from '../migration/retained-bytes.ts'
import { type Clients, reasonOf, statusOf } from './clients.ts'
import { Kept } from './kept.ts'
import { bytesOf, quickHttp } from './quick-http.ts'

/** Reads ConfigMaps. */
export interface ConfigMapReader {
  /** `UID@RESOURCEVERSION`, which is a hundredth of what 200 migrations are. */
  version(name: string, namespace: string): Promise<string>
  /** The object as the API server sends it; undefined where that has more than `most` bytes. */
  bytes(name: string, namespace: string, most: number): Promise<Uint8Array | undefined>
}

/** Brings the ConfigMaps, of at most so many bytes together; undefined where they have more. May be called again. */
export type LoadSource = (most: number) => Promise<Uint8Array[] | undefined>

/** Reads and judges what `load` brings, elsewhere and in turn by `asker`. */
export type Prepare = (asker: string, load: LoadSource, question: SourceQuestion) => Promise<PreparedSource>

type Failed = Exclude<SourceOutcome, { kind: 'read' }>

/** A ConfigMap that could not be read. */
class Unread extends Error {
  readonly outcome: Failed
  constructor(outcome: Failed) {
    super(outcome.kind === 'failed' ? outcome.reason : 'it does not exist')
    this.outcome = outcome
  }
}

/** Asks for no more than an object's metadata (Kubernetes API concepts: Alternate representations of resources). */
const ONLY_METADATA = 'application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1'
const METADATA = setHeaderOptions('Accept', ONLY_METADATA, { httpApi: quickHttp })

/** Asks for the version of ConfigMaps live, and has each version read, parsed and judged once. */
export class Sources {
  readonly #reader: ConfigMapReader
  readonly #prepare: Prepare
  readonly #kept: Kept<{ readonly outcome: SourceOutcome; readonly until: number }>
  /** What is being read, by the versions that were asked for. */
  readonly #reading = new Map<string, Promise<SourceOutcome>>()

  constructor(reader: ConfigMapReader, prepare: Prepare, room: number = LIMITS.keptSources.value) {
    this.#reader = reader
    this.#prepare = prepare
    this.#kept = new Kept(room)
  }

  static of({ core }: Clients, prepare: Prepare): Sources {
    return new Sources(
      {
        version: async (name, namespace) =>
          versionOf(await core.readNamespacedConfigMap({ name, namespace }, METADATA)),
        bytes: (name, namespace, most) =>
          bytesOf((options) => core.readNamespacedConfigMap({ name, namespace }, options), most),
      },
      prepare,
    )
  }

  async read(request: SourceRequest): Promise<SourceOutcome> {
    const { namespace, configMaps, proofs } = request
    const names = [...configMaps, ...(proofs === undefined ? [] : [proofs])]
    try {
      const versions = await Promise.all(
        names.map((name) => ask(name, namespace, () => this.#reader.version(name, namespace))),
      )
      const key = keyOf(versions, request)
      const kept = this.#kept.get(namespace, key)
      if (kept !== undefined && performance.now() < kept.until) return kept.outcome
      const shared = `${namespace} ${key}`
      const reading = this.#reading.get(shared) ?? this.#readAll(names, request, key)
      this.#reading.set(shared, reading)
      return await reading.finally(() => this.#reading.delete(shared))
    } catch (error) {
      if (error instanceof Unread) return error.outcome
      return { kind: 'failed', configMap: names.join(', '), reason: reasonOf(error) }
    }
  }

  /** `asked`: what is kept under where nothing was read, since it is too large. */
  async #readAll(names: readonly string[], request: SourceRequest, asked: string): Promise<SourceOutcome> {
    const { namespace, configMaps: _, ...question } = request
    const load: LoadSource = (most) => this.#load(names, namespace, most)
    const { versions, immutable, passing, read } = await this.#prepare(namespace, load, question)
    const outcome: SourceOutcome =
      'flaw' in read
        ? { kind: 'failed', configMap: names.at(-1) ?? '', reason: read.flaw, fix: read.fix }
        : { kind: 'read', ...read.content, immutable }
    const bytes = 'flaw' in read ? 2_000 : retainedBytes(read.content)
    const until = passing === true ? performance.now() + LIMITS.unjudgedMs.value : Number.POSITIVE_INFINITY
    this.#kept.set(namespace, versions.length === 0 ? asked : keyOf(versions, request), { outcome, until }, bytes)
    return outcome
  }

  /** A few at once: all of them in turn would take long, and all at once may be more than there is room for. */
  async #load(names: readonly string[], namespace: string, most: number): Promise<Uint8Array[] | undefined> {
    const bodies: Uint8Array[] = []
    let left = most
    for (let i = 0; i < names.length; i += AT_ONCE) {
      const asked = names.slice(i, i + AT_ONCE)
      for (const body of await Promise.all(
        asked.map((name) => ask(name, namespace, () => this.#reader.bytes(name, namespace, left))),
      )) {
        left -= body?.length ?? 0
        if (body === undefined || left < 0) return undefined
        bodies.push(body)
      }
    }
    return bodies
  }
}

const AT_ONCE = 4

async function ask<T>(configMap: string, namespace: string, asking: () => Promise<T>): Promise<T> {
  try {
    return await asking()
  } catch (error) {
    if (statusOf(error) === 404) throw new Unread({ kind: 'missing', configMap })
    const failed = { kind: 'failed', configMap, reason: reasonOf(error) } as const
    throw new Unread(statusOf(error) === 403 ? { ...failed, fix: bindRole(namespace) } : failed)
  }
}

/** Where the chart was told not to let us read the ConfigMaps of every namespace. */
const bindRole = (namespace: string) =>
  `let Lockkeeper read it: add ${namespace} to rights.namespaces in the chart's values, or kubectl -n ${namespace} create rolebinding lockkeeper-configmaps --clusterrole=lockkeeper-configmaps --serviceaccount=NAMESPACE-OF-LOCKKEEPER:lockkeeper`

function keyOf(versions: readonly string[], { namespace: _, configMaps: __, ...options }: SourceRequest): string {
  return JSON.stringify([versions, options])
}
