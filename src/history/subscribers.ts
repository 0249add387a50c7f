import type { Session } from '../postgres/session.ts'

/** A subscriber of a publication FOR ALL TABLES, by its publication and its slot. */
export async function subscribers(session: Session): Promise<string | undefined> {
  const [row] = await session.rows(`
    select (select string_agg(pubname, ', ') from pg_publication where puballtables) as publications,
      (select string_agg(slot_name, ', ') from pg_replication_slots where plugin = 'pgoutput' and database = current_database()) as slots`)
  if (row?.publications == null || row.slots == null) return undefined
  return `the subscriber ${row.slots} of ${row.publications}`
}
