import type { MigrationSet } from '../migration/migration.ts'
import { compareVersions, NOTHING } from '../migration/version.ts'

/**
 * What is run to prove: versioned migrations and callbacks. Repeatable migrations belong to the newest release only and
 * have no way down. A baseline counts where it stands for versions that are not there any more; else they run themselves.
 */
export function filesForProof(set: MigrationSet): MigrationSet {
  const migrations = set.migrations.filter(({ kind }) => kind === 'versioned')
  const { baselines = [], ...rest } = set
  const alone = baselines.filter(
    (baseline) => !migrations.some(({ version }) => compareVersions(version, baseline.version) <= 0),
  )
  return { ...rest, migrations, ...(alone.length > 0 && { baselines: alone }) }
}

/** The version below one of the set: another migration's, or a baseline's; NOTHING below the lowest. */
export function versionBelow({ migrations, baselines = [] }: MigrationSet, version: string): string {
  const below = [...migrations, ...baselines].filter((each) => compareVersions(each.version, version) < 0)
  return below.reduce((highest, each) => (compareVersions(each.version, highest) > 0 ? each.version : highest), NOTHING)
}
