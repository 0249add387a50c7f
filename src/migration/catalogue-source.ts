import { CATALOGUE_KEY } from '../contract.ts'
import { catalogueOf } from './catalogue.ts'
import { readCatalogue } from './catalogue-file.ts'
import type { Catalogue, MigrationSet } from './migration.ts'
import { type ReadOptions, readMigrations } from './read.ts'
import { type ConfigMapLike, filesOf, mergeFiles } from './source.ts'
import { type SqlFacts, withSqlFacts } from './sql-facts.ts'

/** What the webhook makes of ConfigMaps. */
export interface SourceContent {
  readonly catalogue: Catalogue
  /** Files to mount: none of a catalogue. */
  readonly items: readonly { readonly configMap: string; readonly keys: readonly string[] }[]
}

/** What they hold, and why it cannot be read. */
export type SourceRead =
  | {
      readonly content: SourceContent
      /** Files were there, whose SQL nobody has looked at: see `judgedContent`. */
      readonly set?: MigrationSet
    }
  | { readonly flaw: string; readonly fix: string }

export interface SourceKind {
  /** The one ConfigMap holds a catalogue. */
  readonly catalogue?: boolean
  /** The last ConfigMap holds a catalogue of which only the proof counts. */
  readonly proofs?: string
}

/** ConfigMaps to a catalogue, or to the files of one folder. */
export function readSource(maps: readonly ConfigMapLike[], options: SourceKind & ReadOptions): SourceRead {
  const { catalogue = false, proofs, ...readOptions } = options
  const last = catalogue || proofs !== undefined ? maps.at(-1) : undefined
  const inside = last && catalogueInside(last)
  if (inside !== undefined && 'flaw' in inside) return inside
  if (inside !== undefined && catalogue) return { content: { catalogue: inside, items: [] } }
  const { set, items } = filesInside(last === undefined ? maps : maps.slice(0, -1), readOptions)
  return { content: { catalogue: proven(catalogueOf(set), inside?.proof), items }, set }
}

const proven = (catalogue: Catalogue, proof: string | undefined): Catalogue =>
  proof === undefined ? catalogue : { ...catalogue, proof }

/** The same where the SQL was looked at. */
export const judgedContent = (content: SourceContent, set: MigrationSet, facts: SqlFacts): SourceContent => ({
  ...content,
  catalogue: proven(catalogueOf(withSqlFacts(set, facts)), content.catalogue.proof),
})

function filesInside(maps: readonly ConfigMapLike[], options: ReadOptions) {
  const { merged, findings } = mergeFiles(maps.map((map) => ({ configMap: nameOf(map), files: filesOf(map) })))
  const set = readMigrations(
    merged.flatMap(({ files }) => files),
    options,
  )
  return {
    set: { ...set, findings: [...findings, ...set.findings] },
    items: merged.map(({ configMap, files }) => ({ configMap, keys: files.map(({ name }) => name).sort() })),
  }
}

/** The catalogue that a ConfigMap holds, as `lockkeeper catalogue` wrote it. */
function catalogueInside(map: ConfigMapLike): Catalogue | { readonly flaw: string; readonly fix: string } {
  const text = map.data?.[CATALOGUE_KEY]
  const read = text === undefined ? { flaw: `it has no key ${CATALOGUE_KEY}` } : readCatalogue(text)
  if (!('flaw' in read)) return read
  const flaw = text === undefined ? read.flaw : `${CATALOGUE_KEY}: ${read.flaw}`
  return {
    flaw,
    fix: `write it with this release's program: lockkeeper catalogue --name ${nameOf(map)} | kubectl apply -f -`,
  }
}

const nameOf = ({ metadata }: ConfigMapLike) => metadata?.name ?? ''
