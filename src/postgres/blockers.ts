import { withSession } from './connect.ts'
import type { DatabaseTarget } from './database-target.ts'
import { applicationName } from './lock.ts'

/** Who stood in the way of a statement, seen from a second short session. */
export interface Blockers {
  /** For the log: name, pid and state of each. Never what they run. */
  readonly names: readonly string[]
  /** The table, as SQL writes it, that nobody but autovacuum was in the way of; undefined: others were, or none. */
  readonly vacuumed: string | undefined
}

const interval = 50

/** Watches who blocks a backend while some work goes on in it. What cannot be watched is not reported. */
export async function watchBlockers<T>(
  target: DatabaseTarget,
  who: string,
  pid: number,
  work: () => Promise<T>,
): Promise<{ result: T; blockers: Blockers }> {
  /** By name: the table where it is an autovacuum worker. */
  const seen = new Map<string, string | undefined>()
  const state = { over: false }
  const watching = withSession(target, applicationName(who, 'watch'), async (session) => {
    while (!state.over) {
      const rows = await session.rows(
        `select format('%s (pid %s, %s)', coalesce(nullif(application_name, ''), backend_type), a.pid, coalesce(state, backend_type)) as name,
           case when autovacuum then waits.relation end as vacuumed
         from (select *, backend_type = 'autovacuum worker' as autovacuum from pg_stat_activity) a left join lateral (
           select format('%I.%I', n.nspname, c.relname) as relation from pg_locks l join pg_class c on c.oid = l.relation
             join pg_namespace n on n.oid = c.relnamespace where l.pid = ${pid} and not l.granted) waits on true
         where a.pid = any(pg_blocking_pids(${pid})) and (waits.relation is not null or not autovacuum)`,
      )
      for (const row of rows) seen.set(String(row.name), row.vacuumed == null ? undefined : String(row.vacuumed))
      await new Promise((resolve) => setTimeout(resolve, interval))
    }
  }).catch((error: unknown) => {
    // The watcher only explains: a server without a free connection must not fail the migration.
    seen.set(`(not known: ${error instanceof Error ? error.message : String(error)})`, undefined)
  })
  try {
    const result = await work()
    state.over = true
    await watching
    const tables = [...seen.values()]
    const vacuumed = tables.includes(undefined) ? undefined : tables.at(-1)
    return { result, blockers: { names: [...seen.keys()], vacuumed } }
  } finally {
    state.over = true
  }
}
