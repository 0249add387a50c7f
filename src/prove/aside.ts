import { person, requestOf } from '../cli/database.ts'
import { run } from '../engine/run.ts'
import type { MigrationSet } from '../migration/migration.ts'
import { inDatabase, type ScratchServer } from './server.ts'

const ASIDE = 'lockkeeper_prove_aside'

/** Runs a set on a database by the runner, and leaves no history of it. Throws RunFailure. */
export async function runAside(
  server: ScratchServer,
  database: string,
  files: MigrationSet,
  signal: AbortSignal,
): Promise<void> {
  try {
    await run({
      request: { ...requestOf({ historySchema: ASIDE }, undefined), adoptAt: '0' },
      database: server.target(database),
      who: person(),
      files: async () => files,
      emit: () => undefined,
      signal,
    })
  } finally {
    await inDatabase(server, database, (session) => session.execute(`drop schema if exists ${ASIDE} cascade`))
  }
}
