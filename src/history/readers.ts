import { RunFailure } from '../postgres/failure.ts'
import type { Session } from '../postgres/session.ts'
import { identifier, literal } from '../postgres/sql.ts'
import { grantRead, TABLES } from './ddl.ts'

/** The roles among these that may not read all of the history yet. Throws `bad-config` for a role that is not there. */
export async function lackingReaders(session: Session, schema: string, readers: readonly string[]): Promise<string[]> {
  if (readers.length === 0) return []
  const rows = await session.rows(`
    select n.name, r.oid is not null as there,
      (select count(*) from pg_class c join pg_namespace s on s.oid = c.relnamespace
        where s.nspname = ${literal(schema)} and c.relname in (${TABLES.map(literal).join(', ')})
          and has_schema_privilege(r.oid, s.oid, 'USAGE') and has_table_privilege(r.oid, c.oid, 'SELECT'))::int as readable
    from (values ${readers.map((name) => `(${literal(name)})`).join(', ')}) n (name) left join pg_roles r on r.rolname = n.name`)
  const unknown = rows.find(({ there }) => there !== true)
  if (unknown !== undefined) {
    throw new RunFailure(
      'bad-config',
      `history-readers names the role ${unknown.name}, which the server does not have`,
      `CREATE ROLE ${identifier(String(unknown.name))}, or correct the annotation config.lockkeeper.dev/history-readers`,
    )
  }
  return rows.filter(({ readable }) => Number(readable) < TABLES.length).map(({ name }) => String(name))
}

/** Lets roles read the history. */
export const grantReaders = (session: Session, schema: string, readers: readonly string[]): Promise<void> =>
  session.execute(readers.flatMap((reader) => grantRead(identifier(schema), reader)).join(';\n'))
