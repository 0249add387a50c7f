import { withSession } from './connect.ts'
import type { DatabaseTarget } from './database-target.ts'
import { applicationName } from './lock.ts'

/** Who stood in the way of a statement, seen from a second short session. */
export interface Blockers {
  /** For the log: name, pid and state of each. Never what they run. */
  readonly names: readonly string[]
  /** PostgreSQL cancels an autovacuum worker that blocks a lock, but only after deadlock_timeout. */
  readonly onlyAutovacuum: boolean
}

const interval = 50

/** Watches who blocks a backend while some work goes on in it. What cannot be watched is not reported. */
export async function watchBlockers<T>(
  target: DatabaseTarget,
  who: string,
  pid: number,
  work: () => Promise<T>,
): Promise<{ result: T; blockers: Blockers }> {
  const seen = new Map<string, boolean>()
  const state = { over: false }
  const watching = withSession(target, applicationName(who, 'watch'), async (session) => {
    while (!state.over) {
      const rows = await session.rows(
        `select format('%s (pid %s, %s)', coalesce(nullif(application_name, ''), backend_type), pid, coalesce(state, backend_type)) as name,
           backend_type = 'autovacuum worker' as autovacuum
         from pg_stat_activity where pid = any(pg_blocking_pids(${pid}))`,
      )
      for (const row of rows) seen.set(String(row.name), row.autovacuum === true)
      await new Promise((resolve) => setTimeout(resolve, interval))
    }
  }).catch((error: unknown) => {
    // The watcher only explains: a server without a free connection must not fail the migration.
    seen.set(`(not known: ${error instanceof Error ? error.message : String(error)})`, false)
  })
  try {
    const result = await work()
    state.over = true
    await watching
    const onlyAutovacuum = seen.size > 0 && [...seen.values()].every((each) => each)
    return { result, blockers: { names: [...seen.keys()], onlyAutovacuum } }
  } finally {
    state.over = true
  }
}
