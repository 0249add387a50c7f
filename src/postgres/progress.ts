import { setTimeout as sleep } from 'node:timers/promises'
import { formatDuration } from '../migration/duration.ts'
import { withSession } from './connect.ts'
import type { DatabaseTarget } from './database-target.ts'
import { applicationName } from './lock.ts'
import type { Session } from './session.ts'

/** Whose step is followed, and how often something is said about it. */
export interface Followed {
  readonly database: DatabaseTarget
  readonly who: string
  /** The server's process that runs it. */
  readonly pid: number
  /** Milliseconds before the first word, and between two. */
  readonly everyMs: number
  readonly say: (elapsedMs: number, text: string) => void
}

/**
 * Says how a step is getting on while it runs: how long it has run, what PostgreSQL reports about it, and who is in its
 * way, seen from a second session that is opened when there is something to say. Call what it returns at the end.
 */
export function followProgress(followed: Followed): () => void {
  // Made when there is something to stop: most steps are over before, and an abort costs as much as a small step.
  let stop: AbortController | undefined
  const began = Date.now()
  const timer = setTimeout(() => {
    stop = new AbortController()
    const { signal } = stop
    follow(followed, began, signal).catch((error: unknown) => {
      // It only tells: a server without a free connection must not fail the migration.
      const message = error instanceof Error ? error.message : String(error)
      if (!signal.aborted) followed.say(Date.now() - began, `its progress is not known: ${message}`)
    })
  }, followed.everyMs)
  return () => {
    clearTimeout(timer)
    stop?.abort()
  }
}

async function follow(
  { database, who, pid, everyMs, say }: Followed,
  began: number,
  signal: AbortSignal,
): Promise<void> {
  await withSession(database, applicationName(who, 'progress'), async (session) => {
    for (; !signal.aborted; await sleep(everyMs, undefined, { signal }).catch(() => undefined)) {
      const text = await lookAt(session, pid)
      const elapsed = Date.now() - began
      if (!signal.aborted)
        say(elapsed, [formatDuration(Math.round(elapsed / 1000) * 1000), text].filter(Boolean).join(', '))
    }
  })
}

/** What the server knows about a process: rows and blocks (manual, Progress Reporting), and what blocks it. */
async function lookAt(session: Session, pid: number): Promise<string> {
  const part = (done: string, total: string) =>
    `case when ${total} > 0 then format(' %s of %s', ${done}, ${total}) else '' end`
  const [row] = await session.rows(`select
    coalesce(
      (select phase || ${part('blocks_done', 'blocks_total')} || ${part('tuples_done', 'tuples_total')} from pg_stat_progress_create_index where pid = ${pid}),
      (select phase || ${part('heap_blks_scanned', 'heap_blks_total')} from pg_stat_progress_vacuum where pid = ${pid}),
      (select phase || ${part('heap_blks_scanned', 'heap_blks_total')} from pg_stat_progress_cluster where pid = ${pid}),
      (select phase || ${part('sample_blks_scanned', 'sample_blks_total')} from pg_stat_progress_analyze where pid = ${pid}),
      (select format('%s rows', tuples_processed) from pg_stat_progress_copy where pid = ${pid})) as progress,
    (select string_agg(format('%s (pid %s, %s)', coalesce(nullif(application_name, ''), backend_type), pid, state), ', ')
      from pg_stat_activity where pid = any(pg_blocking_pids(${pid}))) as blockers`)
  const waits = row?.blockers == null ? '' : `waits for ${String(row.blockers)}`
  return [row?.progress == null ? '' : String(row.progress), waits].filter(Boolean).join(', ')
}
