import { CATALOGUE_KEY } from '../contract.ts'
import { catalogueOf } from './catalogue.ts'
import { readCatalogue } from './catalogue-file.ts'
import type { Catalogue } from './migration.ts'
import { type ReadOptions, readMigrations } from './read.ts'
import { type ConfigMapLike, filesOf, mergeFiles } from './source.ts'

/** What the webhook makes of ConfigMaps. */
export type CatalogueSource =
  | {
      readonly catalogue: Catalogue
      /** Files to mount: none of a catalogue. */
      readonly items: readonly { readonly configMap: string; readonly keys: readonly string[] }[]
    }
  | { readonly flaw: string; readonly fix: string }

/** The catalogue of the migration files in ConfigMaps; together they are one folder. */
export function catalogueOfFiles(maps: readonly ConfigMapLike[], options: ReadOptions): CatalogueSource {
  const { merged, findings } = mergeFiles(maps.map((map) => ({ configMap: nameOf(map), files: filesOf(map) })))
  const set = readMigrations(
    merged.flatMap(({ files }) => files),
    options,
  )
  return {
    catalogue: catalogueOf({ ...set, findings: [...findings, ...set.findings] }),
    items: merged.map(({ configMap, files }) => ({ configMap, keys: files.map(({ name }) => name).sort() })),
  }
}

/** The catalogue that a ConfigMap holds, as `lockkeeper catalogue` wrote it. */
export function catalogueInside(map: ConfigMapLike): CatalogueSource {
  const text = map.data?.[CATALOGUE_KEY]
  const read = text === undefined ? { flaw: `it has no key ${CATALOGUE_KEY}` } : readCatalogue(text)
  if (!('flaw' in read)) return { catalogue: read, items: [] }
  const flaw = text === undefined ? read.flaw : `${CATALOGUE_KEY}: ${read.flaw}`
  return {
    flaw,
    fix: `write it with this release's program: lockkeeper catalogue --name ${nameOf(map)} | kubectl apply -f -`,
  }
}

const nameOf = ({ metadata }: ConfigMapLike) => metadata?.name ?? ''
