import type { Session } from '../../postgres/session.ts'
import { literal } from '../../postgres/sql.ts'
import { userTables } from './shape.ts'

/** The rows of a table, values as the server writes them. */
export interface TableRows {
  readonly table: string
  readonly columns: readonly string[]
  /** Columns that tell its rows apart; empty: none do. */
  readonly key: readonly string[]
  readonly rows: readonly (readonly (string | null)[])[]
  /** There are more rows than were read. */
  readonly cut: boolean
}

export interface Snapshot {
  readonly tables: readonly TableRows[]
  /** Where sequences stand, by name; null: nothing was drawn. */
  readonly sequences: ReadonlyMap<string, string | null>
}

/** More rows than generated ones can only be a script's own. */
const MOST = 10_000

const tablesQuery = (historySchema: string) => `
select c.oid::regclass::text as name, c.relkind = 'p' as parted,
  (select jsonb_agg(quote_ident(a.attname) order by a.attnum) from pg_attribute a where a.attrelid = c.oid and a.attnum > 0
    and not a.attisdropped) as columns,
  (select jsonb_agg(quote_ident(a.attname) order by a.attnum) from pg_attribute a where a.attrelid = c.oid and a.attnum = any (i.indkey)) as key
from pg_class c join pg_namespace n on n.oid = c.relnamespace
  left join lateral (select indkey from pg_index i where i.indrelid = c.oid and i.indisunique and i.indisvalid and i.indpred is null
    and i.indexprs is null
      and not exists (select from pg_attribute a where a.attrelid = c.oid and a.attnum = any (i.indkey) and not a.attnotnull)
    order by i.indisprimary desc, i.indexrelid limit 1) i on true
where ${userTables(historySchema)} order by 1`

/** All rows of all tables of users, and where sequences stand. The session has an empty search_path. */
export async function takeSnapshot(session: Session, historySchema: string): Promise<Snapshot> {
  const tables: TableRows[] = []
  for (const row of await session.rows(tablesQuery(historySchema))) {
    const [table, columns, key] = [String(row.name), listOf(row.columns), listOf(row.key)]
    const texts = columns.map((column) => `${column}::text`)
    const from = row.parted === true ? table : `only ${table}`
    const order = key.length === 0 ? '' : ` order by ${key.join(', ')}`
    const rows =
      columns.length === 0
        ? []
        : await session.rows(`select array[${texts.join(', ')}]::text[] as r from ${from}${order} limit ${MOST + 1}`)
    const values = rows.slice(0, MOST).map(({ r }) => r as (string | null)[])
    tables.push({ table, columns, key, rows: values, cut: rows.length > MOST })
  }
  const sequences = await session.rows(
    `select format('%I.%I', schemaname, sequencename) as name, last_value::text as last from pg_sequences
      where schemaname <> ${literal(historySchema)}`,
  )
  return {
    tables,
    sequences: new Map(sequences.map(({ name, last }) => [String(name), last as string | null])),
  }
}

const listOf = (value: unknown): string[] => (Array.isArray(value) ? value.map(String) : [])
