import { RunFailure } from '../postgres/failure.ts'
import type { Session } from '../postgres/session.ts'
import { literal } from '../postgres/sql.ts'
import { LAYOUT, TABLES } from './ddl.ts'

/** What a slow run asks a server. */
export interface ServerFacts {
  readonly standby: boolean
  readonly database: string
  /** Of the database, as the server names it. */
  readonly encoding: string
  /** The role that logged in, and owns the history. */
  readonly login: string
  readonly deadlockTimeoutMs: number
  readonly history: 'none' | 'schema-only' | 'complete' | 'partial'
  /** The tables are those of layout 1.0. */
  readonly older: boolean
}

/**
 * For the scripts too, on top of the role's own settings. It is noticed fast when the client is gone, so that a killed
 * pod's lock is free within a second (PostgreSQL 14 on Linux); and no clock of the role's ends a step or the session,
 * since the request bounds both (transaction_timeout is new in PostgreSQL 17).
 */
const OWN_SETTINGS = [
  `SET client_connection_check_interval = '500ms'`,
  `SET tcp_user_timeout = '10s'`,
  `SET tcp_keepalives_idle = 10`,
  `SET tcp_keepalives_interval = 5`,
  `SET tcp_keepalives_count = 3`,
  `SET idle_session_timeout = 0`,
  `SET transaction_timeout = 0`,
]

/** The settings of ours that this server accepts, as statements; they hold from now on. */
export async function applyOwnSettings(session: Session): Promise<readonly string[]> {
  const outcomes = await session.send(OWN_SETTINGS)
  return OWN_SETTINGS.filter((_, i) => outcomes[i]?.error === undefined)
}

/** Changes nothing of the session: behind a pooler it may be somebody else's. */
export async function serverFacts(session: Session, schema: string): Promise<ServerFacts> {
  const [row] = await session.rows(`
    select pg_is_in_recovery() standby, current_database() database, current_setting('server_encoding') encoding, session_user::text login,
      (select setting::int from pg_settings where name = 'deadlock_timeout') deadlock_ms,
      exists (select from pg_namespace where nspname = ${literal(schema)}) has_schema,
      (select count(*)::int from pg_class c join pg_namespace n on n.oid = c.relnamespace
        where n.nspname = ${literal(schema)} and c.relname in (${TABLES.map((name) => `'${name}'`).join(', ')})) tables,
      not exists (select from pg_attribute a join pg_class c on c.oid = a.attrelid join pg_namespace n on n.oid = c.relnamespace
        where n.nspname = ${literal(schema)} and c.relname = 'requirement' and a.attname = 'interval_token' and not a.attisdropped) older`)
  const tables = Number(row?.tables)
  return {
    standby: row?.standby === true,
    database: String(row?.database),
    encoding: String(row?.encoding),
    login: String(row?.login),
    deadlockTimeoutMs: Number(row?.deadlock_ms),
    history: tables === TABLES.length ? 'complete' : tables > 0 ? 'partial' : row?.has_schema ? 'schema-only' : 'none',
    older: tables === TABLES.length && row?.older === true,
  }
}

/** Refuses a layout of another major: an older runner works on a newer minor, never on another major. */
export function checkLayout(layout: string): void {
  const [ours, theirs] = [Number(LAYOUT.split('.')[0]), Number(layout.split('.')[0])]
  if (ours === theirs) return
  throw new RunFailure(
    'history-too-new',
    `the history in this database has layout ${layout}; this runner knows ${LAYOUT}`,
    theirs > ours
      ? 'use a runner image at least as new as the one that wrote it'
      : 'bring the history to the new layout with the program of this release',
  )
}
