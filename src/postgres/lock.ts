import { createHash } from 'node:crypto'
import type { Session } from './session.ts'
import { literal } from './sql.ts'

/** First half of the advisory key: the same in every release, for ever. */
const LOCK_CLASS = 1_280_263_237

/** Second half: the first four bytes of SHA-256 of the set's name, as a signed integer. */
export function lockObject(set: string): number {
  const object = objects.get(set) ?? createHash('sha256').update(set, 'utf8').digest().readInt32BE(0)
  objects.set(set, object)
  return object
}
/** Every step asks twice. */
const objects = new Map<string, number>()

const key = (set: string) => `${LOCK_CLASS}, ${lockObject(set)}`

/**
 * Takes the session's lock if it is free, twice over (PostgreSQL counts), so that `lostHere` can look. Never waits in the
 * server: that would deadlock CREATE INDEX CONCURRENTLY.
 */
export async function tryLock(session: Session, set: string): Promise<boolean> {
  const [row] = await session.rows(
    `select pg_try_advisory_lock(${key(set)}) and pg_try_advisory_lock(${key(set)}) as locked`,
  )
  return row?.locked === true
}

export async function unlock(session: Session, set: string): Promise<void> {
  await session.rows(`select pg_advisory_unlock(${key(set)}), pg_advisory_unlock(${key(set)})`)
}

/**
 * An expression that is true when this session does not hold the lock any more. It gives one of the two back, which
 * only the holder can, and takes it again: reading pg_locks for it costs as much as half of a small migration.
 */
export const lostHere = (set: string): string =>
  `CASE WHEN pg_catalog.pg_advisory_unlock(${key(set)}) THEN NOT pg_catalog.pg_try_advisory_lock(${key(set)}) ELSE true END`

/** The rows of pg_locks that are our lock, for a FROM clause named `l` (two-key form: objsubid 2). */
const ourLock = (set: string) =>
  `l.locktype = 'advisory' and l.classid = ${LOCK_CLASS} and l.objid = (${lockObject(set)}::int8 & 4294967295)::oid and l.objsubid = 2 and l.granted`

/** Who holds the lock. */
export interface Holder {
  readonly pid: number
  /** Our runners write workload and step into it. */
  readonly application: string
  readonly address: string | null
  readonly since: string
  /** The server's word for what its session does now. */
  readonly state: string
  readonly blockedBy: readonly string[]
}

export async function lockHolder(session: Session, set: string): Promise<Holder | undefined> {
  const [row] = await session.rows(`
    select a.pid, a.application_name, a.client_addr::text, to_char(a.backend_start at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') since,
      coalesce(a.state, 'unknown') as state,
      array(select format('%s (pid %s, %s)', coalesce(nullif(b.application_name, ''), b.backend_type), b.pid, b.state)
        from pg_stat_activity b where b.pid = any(pg_blocking_pids(a.pid))) blocked_by
    from pg_locks l join pg_stat_activity a on a.pid = l.pid
    where ${ourLock(set)} and l.database = (select oid from pg_database where datname = current_database()) and a.pid <> pg_backend_pid()`)
  if (row === undefined) return undefined
  return {
    pid: Number(row.pid),
    application: String(row.application_name),
    address: row.client_addr === null ? null : String(row.client_addr),
    since: String(row.since),
    state: String(row.state),
    blockedBy: row.blocked_by as string[],
  }
}

/** One line about a holder. */
export function describeHolder(holder: Holder | undefined): string {
  if (holder === undefined) return 'another session holds the lock'
  const blocked = holder.blockedBy.length === 0 ? '' : `, blocked by ${holder.blockedBy.join(', ')}`
  const from = holder.address === null ? '' : ` from ${holder.address}`
  return `${holder.application || 'an unnamed session'} (pid ${holder.pid}${from}) holds the lock since ${holder.since}, ${holder.state}${blocked}`
}

/** application_name of a run: the server cuts it at 63 bytes, and it is all that others see of us. Never SQL. */
export const applicationName = (who: string, step?: string): string =>
  `lockkeeper${step === undefined ? '' : ` ${step}`} ${who}`.slice(0, 63)

export const setApplicationName = (who: string, step?: string): string =>
  `SET application_name = ${quoteSetting(applicationName(who, step))}`

/** SET takes no expressions, so the text is reduced to what needs no quoting. */
const quoteSetting = (text: string) => literal(text.replace(/[^\x20-\x26\x28-\x5b\x5d-\x7e]/g, '?'))
