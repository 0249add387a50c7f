import type { ConcurrentTarget } from '../migration/concurrent.ts'
import { RunFailure } from './failure.ts'
import { OWN_TRANSACTION } from './own-settings.ts'
import type { Row, Session } from './session.ts'
import { literal } from './sql.ts'

/** What is noted in the journal before a concurrent statement starts. */
export interface Before {
  /** Whether what it makes, drops or detaches was there. */
  readonly there: boolean
  /** Indexes that were INVALID already, and so are none of ours. */
  readonly invalid: readonly string[]
}

interface IndexState {
  /** `oid`, as text. */
  readonly oid: string
  /** Its name as SQL writes it. */
  readonly name: string
  readonly valid: boolean
  /** Another session builds it, or holds the lock that a build holds on its table (autovacuum holds it too). */
  readonly busy: boolean
}

/**
 * Looks before the start. An INVALID index under the name that is to be made, which no build of ours left, is refused:
 * with IF NOT EXISTS the server would skip it without a word.
 */
export async function lookBefore(session: Session, target: ConcurrentTarget): Promise<Before> {
  const invalid = (await indexes(session, 'not i.indisvalid')).map(({ oid }) => oid)
  if (target.kind === 'reindex') return { there: true, invalid }
  if (target.kind === 'drop-index') return { there: await exists(session, target.index), invalid }
  if (target.kind === 'detach') return { there: (await partition(session, target)) !== 'apart', invalid }
  const [same] =
    target.index === undefined ? [] : await indexes(session, await named(session, target.table, target.index))
  if (same !== undefined && !same.valid) throw foreign(same)
  return { there: same !== undefined, invalid }
}

/**
 * Judges from the catalog how far a started statement came, and clears away what it left: only an INVALID index that it
 * made, and only when nobody builds it. `busy`: a session is still at it, ask again later.
 */
export async function settle(
  session: Session,
  target: ConcurrentTarget,
  before: Before,
): Promise<'done' | 'again' | 'busy'> {
  switch (target.kind) {
    case 'drop-index':
      return before.there && !(await exists(session, target.index)) ? 'done' : 'again'
    case 'detach': {
      const state = await partition(session, target)
      if (state === 'apart') return before.there ? 'done' : 'again'
      if (state === 'attached') return 'again'
      await session.execute(`ALTER TABLE ${target.table} DETACH PARTITION ${target.partition} FINALIZE`)
      return 'done'
    }
    case 'reindex':
      return (await clear(session, `c.relname ~ '_cc(new|old)[0-9]*$'`, before)) ?? 'again'
    case 'create-index': {
      const which =
        target.index === undefined
          ? `i.indrelid = ${await oidOf(session, target.table)}`
          : await named(session, target.table, target.index)
      const busy = await clear(session, which, before)
      if (busy !== undefined) return busy
      const [made] = target.index === undefined || before.there ? [] : await indexes(session, which)
      return made?.valid ? 'done' : 'again'
    }
  }
}

/** Drops what is INVALID, ours and in nobody's hands. */
async function clear(session: Session, which: string, before: Before): Promise<'busy' | undefined> {
  const left = await indexes(session, `not i.indisvalid and ${which}`)
  const ours = left.filter(({ oid }) => !before.invalid.includes(oid))
  if (ours.some(({ busy }) => busy)) return 'busy'
  for (const { name } of ours) await session.execute(`DROP INDEX CONCURRENTLY IF EXISTS ${name}`)
  return undefined
}

/** What a name means to the script, whose search_path the session still has; `NULL`: nothing. */
async function oidOf(session: Session, raw: string): Promise<string> {
  const [row] = await session.rows(
    `SELECT pg_catalog.to_regclass(${literal(raw)})::pg_catalog.oid::pg_catalog.text AS oid`,
  )
  return row?.oid == null ? 'NULL' : String(row.oid)
}

/** An index lies in the schema of its table; its name is folded as the server folds it. */
const named = async (session: Session, table: string, index: string) =>
  `i.indrelid = ${await oidOf(session, table)} and c.relname = (pg_catalog.parse_ident(${literal(index)}))[pg_catalog.array_upper(pg_catalog.parse_ident(${literal(index)}), 1)]`

/** A look at the catalogs with our own settings, in the middle of the script's session, which keeps its own. */
async function look(session: Session, question: string): Promise<Row[]> {
  const opened = session.execute(['BEGIN', ...OWN_TRANSACTION].join(';\n'))
  const [, rows] = await Promise.all([opened, session.rows(question), session.execute('ROLLBACK')])
  return rows
}

async function indexes(session: Session, condition: string): Promise<IndexState[]> {
  const rows = await look(
    session,
    `
    select i.indexrelid::text as oid, pg_catalog.format('%I.%I', n.nspname, c.relname) as name, i.indisvalid as valid,
      exists (select from pg_catalog.pg_stat_progress_create_index p where p.index_relid = i.indexrelid and p.pid <> pg_catalog.pg_backend_pid())
      or exists (select from pg_catalog.pg_locks l where l.relation = i.indrelid and l.granted and l.mode = 'ShareUpdateExclusiveLock'
        and l.database = (select oid from pg_catalog.pg_database where datname = pg_catalog.current_database()) and l.pid <> pg_catalog.pg_backend_pid()) as busy
    from pg_catalog.pg_index i join pg_catalog.pg_class c on c.oid = i.indexrelid join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    where c.relkind = 'i' and n.nspname !~ '^pg_(toast|temp)' and ${condition}`,
  )
  return rows as unknown as IndexState[]
}

async function exists(session: Session, name: string): Promise<boolean> {
  return (await oidOf(session, name)) !== 'NULL'
}

async function partition(
  session: Session,
  { table, partition: part }: { readonly table: string; readonly partition: string },
): Promise<'attached' | 'pending' | 'apart'> {
  const [parent, child] = [await oidOf(session, table), await oidOf(session, part)]
  const [row] = await look(
    session,
    `select inhdetachpending as pending from pg_catalog.pg_inherits where inhparent = ${parent} and inhrelid = ${child}`,
  )
  if (row === undefined) return 'apart'
  return row.pending === true ? 'pending' : 'attached'
}

const foreign = ({ name, busy }: IndexState) =>
  new RunFailure(
    'migration-failed',
    busy
      ? `another session is building the index ${name}`
      : `the index ${name} is there, but INVALID: a build of it broke off`,
    busy ? 'wait until it is built, or cancel it, and run again' : `DROP INDEX CONCURRENTLY ${name}; and run again`,
  )
