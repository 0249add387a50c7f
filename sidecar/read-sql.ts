import type { MigrationSet } from '../src/migration/migration.ts'
import type { SqlFacts } from '../src/migration/sql-facts.ts'
import type { Floors } from '../src/safety/compatibility/floors.ts'

const known = new WeakMap<MigrationSet, Promise<Floors>>()

/** The floors that these migrations bring. Only a run that has something to apply loads the parser. */
export function floorsOf(set: MigrationSet): Promise<Floors> {
  const floors = known.get(set) ?? loadFloors(set)
  known.set(set, floors)
  return floors
}

async function loadFloors({ migrations }: MigrationSet): Promise<Floors> {
  const [{ Floors }, { loadParser }] = await Promise.all([
    import('../src/safety/compatibility/floors.ts'),
    import('../src/safety/parser.ts'),
  ])
  return new Floors(migrations, await loadParser())
}

/** What the SQL says, as the webhook would have found it in the files. */
export async function sqlFactsOf(set: MigrationSet): Promise<SqlFacts> {
  const [{ sqlFacts }, { loadParser }] = await Promise.all([
    import('../src/safety/sql-facts.ts'),
    import('../src/safety/parser.ts'),
  ])
  return sqlFacts(set, { parse: await loadParser() })
}
