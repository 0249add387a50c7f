import { judgedContent, readSource, type SourceContent, type SourceKind } from './catalogue-source.ts'
import { remark } from './finding.ts'
import type { MigrationSet } from './migration.ts'
import type { ReadOptions } from './read.ts'
import type { ConfigMapLike } from './source.ts'
import type { SqlFacts } from './sql-facts.ts'

/** How ConfigMaps are to be read. */
export interface SourceQuestion extends SourceKind, ReadOptions {
  /** Migrations above it are one release. */
  readonly since?: string
}

/** What ConfigMaps of one version hold: all that reviews need of them. */
export interface PreparedSource {
  /** `UID@RESOURCEVERSION` of each, in order. */
  readonly versions: readonly string[]
  readonly immutable: boolean
  /** Something took too long or too much: it may be otherwise another time. */
  readonly passing?: true
  readonly read: { readonly content: SourceContent } | { readonly flaw: string; readonly fix: string }
}

type ApiConfigMap = ConfigMapLike & {
  readonly metadata?: { readonly name?: string; readonly uid?: string; readonly resourceVersion?: string }
  readonly immutable?: boolean
}

/** `UID@RESOURCEVERSION` of an object, which changes whenever it does. */
export const versionOf = ({ metadata }: ApiConfigMap): string => `${metadata?.uid}@${metadata?.resourceVersion}`

/**
 * ConfigMaps as the API server sends them (JSON, UTF-8) to what reviews need of them.
 *
 * @param judge reads the SQL of a set
 */
export async function prepareSource(
  bodies: readonly Uint8Array[],
  { since, ...options }: SourceQuestion,
  judge: (set: MigrationSet, since: string | undefined) => Promise<SqlFacts>,
): Promise<PreparedSource> {
  const maps = bodies.map((body) => JSON.parse(new TextDecoder().decode(body)) as ApiConfigMap)
  const versions = maps.map(versionOf)
  const immutable = maps.every((map) => map.immutable === true)
  const read = readSource(maps, options)
  if ('flaw' in read || read.set === undefined) return { versions, immutable, read }
  const content = judgedContent(read.content, read.set, await judge(read.set, since))
  return { versions, immutable, read: { content } }
}

/** Facts of SQL that was not judged. */
export const unjudged = (why: string): SqlFacts => ({
  floors: {},
  findings: [
    remark(
      'sql-unjudged',
      `the SQL was not judged: ${why}`,
      'run lockkeeper lint on the files; make them fewer or smaller to have them judged here',
    ),
  ],
})
