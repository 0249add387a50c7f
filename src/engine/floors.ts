import type { Seen } from '../history/read.ts'
import type { MigrationSet } from '../migration/migration.ts'
import type { RunRequest } from '../migration/run-request.ts'
import type { SqlFacts } from '../migration/sql-facts.ts'
import type { Floors } from '../safety/compatibility/floors.ts'
import type { Attempt, KnownFloors } from './attempt.ts'
import { ownRequirement } from './decision-input.ts'
import { differsFromAdmitted } from './preflight.ts'

/**
 * Asked for where they decide, or are to be written down. Before that, whoever has the lock makes them ready while the
 * server makes the tables.
 */
export async function floorsWhereNeeded(
  { context, locked }: Pick<Attempt, 'context' | 'locked'>,
  seen: Seen,
  set: MigrationSet,
  target: string,
): Promise<KnownFloors | undefined> {
  const { request } = context
  const floors = () => floorsFor(request, set, target)
  if (locked && seen.epoch !== undefined) return floors()
  if (seen.requirements.some((row) => row !== ownRequirement(request, seen))) return floors()
  // What goes wrong is said when they are asked for.
  if (locked) setImmediate(() => floors().catch(() => undefined))
  return undefined
}

/**
 * What the pending migrations do to the code before them: as the webhook admitted it, where these are the files that it
 * read; else they are read here.
 */
async function floorsFor(request: RunRequest, set: MigrationSet, target: string): Promise<KnownFloors> {
  const { admittedFloors, owner } = request
  const admitted = owner !== undefined && owner.digest !== '-' && !differsFromAdmitted(request, set, target)
  if (admittedFloors !== undefined && admitted) return admittedFloors
  const floors = await floorsOf(set)
  return (version) => floors.of(version)?.floor
}

const known = new WeakMap<MigrationSet, Promise<Floors>>()

/** Loads the parser: only for a run that has something to apply. */
export function floorsOf(set: MigrationSet): Promise<Floors> {
  const floors = known.get(set) ?? loadFloors(set)
  known.set(set, floors)
  return floors
}

async function loadFloors({ migrations }: MigrationSet): Promise<Floors> {
  const [{ Floors }, { loadParser }] = await Promise.all([
    import('../safety/compatibility/floors.ts'),
    import('../sql/parser.ts'),
  ])
  return new Floors(migrations, await loadParser())
}

/** What the SQL says, as the webhook would have found it in the files. */
export async function sqlFactsOf(set: MigrationSet): Promise<SqlFacts> {
  const [{ sqlFacts }, { loadParser }] = await Promise.all([
    import('../safety/sql-facts.ts'),
    import('../sql/parser.ts'),
  ])
  return sqlFacts(set, { parse: await loadParser() })
}
