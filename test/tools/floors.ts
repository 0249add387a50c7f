import { floorOf } from '../../src/migration/decide.ts'
import type { Migration } from '../../src/migration/migration.ts'
import { Floors } from '../../src/safety/compatibility/floors.ts'
import type { Parse } from '../../src/sql/parser.ts'

/** For every version the floor of the schema on which it is the highest one applied. */
export function floorsBy(migrations: readonly Migration[], parse: Parse): Map<string, string> {
  const floors = new Floors(migrations, parse)
  const applied: { version: string; floor: string | null }[] = []
  return new Map(
    migrations
      .filter(({ kind }) => kind === 'versioned')
      .map(({ version }) => {
        applied.push({ version, floor: floors.of(version)?.floor ?? null })
        return [version, floorOf(applied)]
      }),
  )
}
