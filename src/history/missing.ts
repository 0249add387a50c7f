import { RunFailure } from '../postgres/failure.ts'
import type { Session } from '../postgres/session.ts'

/**
 * The refusal to begin a history beside tables that somebody else made: after a restore without our schema every DML
 * script would run twice. Members of extensions do not count.
 */
export async function foreignTables(session: Session): Promise<RunFailure | undefined> {
  const rows = await session.rows(`
    select format('%I.%I', n.nspname, c.relname) as name
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where c.relkind in ('r', 'p') and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
      and not exists (select from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e')
    order by c.oid limit 3`)
  if (rows.length === 0) return undefined
  const names = rows.map(({ name }) => String(name)).join(', ')
  return new RunFailure(
    'history-missing',
    `the database holds tables (${names}) but no history of Lockkeeper, so nobody knows which migrations are in it`,
    'say which version it has: lockkeeper adopt --at VERSION, or the annotation config.lockkeeper.dev/adopt-at (0: none of them)',
  )
}
