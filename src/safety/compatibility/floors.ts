import type { Migration } from '../../migration/migration.ts'
import { highestVersion } from '../../migration/version.ts'
import type { Parse } from '../parser.ts'
import { compatibilityOf } from './compatibility.ts'

/**
 * For every version the floor of the schema on which it is the highest one applied: the lowest target whose code is
 * known to work there. A migration whose up is known to suit the code before it leaves the floor where it was; one that
 * says `-- lockkeeper: floor VERSION` raises it to that; any other raises it to its own version, since unknown counts as
 * incompatible.
 */
export function floorsOf(migrations: readonly Migration[], parse: Parse): Map<string, string> {
  const compatibility = compatibilityOf(migrations, parse)
  const floors = new Map<string, string>()
  let floor = '0'
  for (const { kind, version, floor: said } of migrations) {
    if (kind !== 'versioned') continue
    const own = said ?? (compatibility.get(version)?.up.verdict === 'works' ? '0' : version)
    floor = highestVersion([floor, own]) ?? floor
    floors.set(version, floor)
  }
  return floors
}
