import type { Session } from '../../postgres/session.ts'
import type { AdoptedTool, Adoption } from './tool.ts'

/** Whoever has a lock that was wanted, in one line. */
export interface Held {
  readonly heldBy: string
}

/** Does something while this session has the tool's own locks; returns at once when another has one. */
export async function underToolLocks<T>(
  session: Session,
  { tool, table }: Adoption,
  database: string,
  use: () => Promise<T>,
): Promise<T | Held> {
  const keys = tool.lockKeys(table, database)
  if (!(await tryAll(session, keys))) return { heldBy: await describeHolder(session, tool, keys) }
  try {
    return await use()
  } finally {
    await release(session, keys)
  }
}

/** All of them, or none. Never waits in the server. */
async function tryAll(session: Session, keys: readonly bigint[]): Promise<boolean> {
  const taken: bigint[] = []
  for (const key of keys) {
    const [row] = await session.rows(`select pg_try_advisory_lock(${key}) as locked`)
    if (row?.locked === true) taken.push(key)
  }
  if (taken.length === keys.length) return true
  await release(session, taken)
  return false
}

async function release(session: Session, keys: readonly bigint[]): Promise<void> {
  for (const key of keys) await session.rows(`select pg_advisory_unlock(${key})`)
}

/** One line about who holds them (one-key form: objsubid 1, the key's halves in classid and objid). */
async function describeHolder(session: Session, tool: AdoptedTool, keys: readonly bigint[]): Promise<string> {
  const [row] = await session.rows(`
    select l.pid, coalesce(nullif(a.application_name, ''), 'an unnamed session') as application, a.client_addr::text as address
    from pg_locks l left join pg_stat_activity a on a.pid = l.pid
    where l.locktype = 'advisory' and l.objsubid = 1 and l.granted and l.pid <> pg_backend_pid()
      and l.database = (select oid from pg_database where datname = current_database())
      and (l.classid::int8 << 32 | l.objid::int8) in (${keys.join(', ')}) limit 1`)
  if (row === undefined) return `another session holds the lock of ${tool.title}`
  const from = row.address === null ? '' : ` from ${row.address}`
  return `${row.application} (pid ${row.pid}${from}) holds the lock of ${tool.title}`
}
