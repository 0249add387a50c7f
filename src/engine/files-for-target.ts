import type { Seen } from '../history/read.ts'
import { blockingFinding } from '../migration/blocking.ts'
import type { Migration, MigrationSet } from '../migration/migration.ts'
import { compareVersions, NOTHING } from '../migration/version.ts'
import { failureOfFinding, RunFailure } from '../postgres/failure.ts'

/**
 * The files that a decision may count on: the mounted ones when they hold the target and what of them is still to run can
 * be read, else none. Without
 * them the target being in the history counts as all (the way back, or a ConfigMap that is gone). Throws what is wrong
 * with the files when the history does not have the target either.
 */
export function filesFor(
  mounted: MigrationSet | undefined,
  seen: Seen,
  target: string,
): readonly Migration[] | undefined {
  const lowest = target === '0' || target === NOTHING
  const inHistory = lowest || seen.applied.some(({ version }) => version === target)
  const migrations = mounted?.migrations.filter(({ kind }) => kind === 'versioned') ?? []
  const applied = new Set(seen.applied.map(({ version }) => version))
  const blocking =
    mounted &&
    blockingFinding(
      mounted,
      (version) => applied.has(version),
      (version) => compareVersions(version, target) <= 0,
      (name) => seen.repeatables.get(name),
    )
  const named = [...migrations, ...(mounted?.baselines ?? [])]
  const complete = lowest || named.some(({ version }) => version === target)
  if (mounted !== undefined && complete && blocking === undefined) return migrations
  if (inHistory) return undefined
  if (blocking !== undefined) throw failureOfFinding(blocking)
  throw new RunFailure(
    'target-unknown',
    mounted === undefined
      ? `no migration files are mounted, and the database does not know version ${target}`
      : `the files have no version ${target}, and the database does not know it either`,
    'apply the ConfigMap (or name the image) that holds it, then run the same command again',
  )
}
