import type { Migration, MigrationSet } from '../../migration.ts'
import { compareVersions } from '../../version.ts'

/**
 * What takes a database without history to a target, in order: the highest baseline up to the target, then the
 * versioned migrations above it. Without such a baseline, every versioned migration up to the target. Repeatable ones
 * are not in it: they run after these.
 */
export function firstSteps(set: Pick<MigrationSet, 'migrations' | 'baselines'>, target: string): readonly Migration[] {
  const upTo = ({ version }: Migration) => compareVersions(version, target) <= 0
  const baseline = set.baselines?.filter(upTo).at(-1)
  const above = ({ version }: Migration) => baseline === undefined || compareVersions(version, baseline.version) > 0
  const versioned = set.migrations.filter((each) => each.kind === 'versioned' && upTo(each) && above(each))
  return baseline === undefined ? versioned : [baseline, ...versioned]
}
