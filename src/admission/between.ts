import type { Catalogue, CatalogueEntry } from '../migration/migration.ts'
import { compareVersions, isAbove } from '../migration/version.ts'

/** The migrations above one version, up to another: what a plan shows. */
export const between = ({ entries }: Catalogue, from: string | undefined, to: string): readonly CatalogueEntry[] =>
  entries.filter(({ version }) => isAbove(version, from) && compareVersions(version, to) <= 0)
