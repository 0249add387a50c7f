import type { Session } from '../../postgres/session.ts'

/** A type as a value of it needs to know it. By oid in `Shapes.types`. */
export interface TypeShape {
  /** As format_type writes it, without a length. */
  readonly name: string
  /** pg_type.typtype: base, composite, domain, enum, pseudo, range, multirange. */
  readonly kind: 'b' | 'c' | 'd' | 'e' | 'p' | 'r' | 'm'
  /** Of an array its elements, of a domain its base, of a (multi)range its bounds. */
  readonly of: number | null
  readonly array: boolean
  /** `(5)` of a domain over varchar(5), as format_type writes the base. */
  readonly base: string | null
  readonly values: readonly string[] | null
  readonly checks: readonly string[]
  readonly attributes: readonly { readonly type: number; readonly written: string }[] | null
}

export interface ColumnShape {
  readonly name: string
  readonly type: number
  /** With its length, as format_type writes it. */
  readonly written: string
  readonly notNull: boolean
  readonly default: string | null
  /** The server makes its values: identity, or generated. */
  readonly made: boolean
  /** That belongs to it: of an identity, of `serial`. */
  readonly sequence: string | null
}

export interface ForeignKey {
  readonly name: string
  readonly columns: readonly string[]
  readonly table: string
  readonly references: readonly string[]
  /** What ALTER CONSTRAINT would say of it as it is. */
  readonly timing: string
}

/** A table that rows can be put into: not a partition, which gets them from above. Names as SQL writes them. */
export interface TableShape {
  readonly name: string
  readonly columns: readonly ColumnShape[]
  readonly foreignKeys: readonly ForeignKey[]
  /** Definitions of CHECK constraints with the columns they speak of. */
  readonly checks: readonly { readonly columns: readonly string[]; readonly text: string }[]
  /** Bounds of its partitions at all levels, with the columns of the key that they are about. */
  readonly bounds: readonly { readonly columns: readonly string[]; readonly text: string }[]
  readonly partitioned: boolean
}

export interface Shapes {
  readonly tables: readonly TableShape[]
  readonly types: ReadonlyMap<number, TypeShape>
}

const named = (relation: string, keys: string) =>
  `(select jsonb_agg(quote_ident(a.attname) order by e.n) from unnest(${keys}) with ordinality e(attnum, n)
    join pg_attribute a on a.attrelid = ${relation} and a.attnum = e.attnum)`

/** Tables of users: not those of extensions, partitions, foreign tables or the history. */
export const userTables = (historySchema: string): string => `
  c.relkind in ('r', 'p') and not c.relispartition and n.nspname !~ '^pg_' and n.nspname not in ('information_schema', '${historySchema}')
  and not exists (select from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e')`

const tablesQuery = (historySchema: string) => `
select jsonb_build_object(
  'name', c.oid::regclass::text,
  'partitioned', c.relkind = 'p',
  'columns', (select jsonb_agg(jsonb_build_object('name', quote_ident(a.attname), 'type', a.atttypid::int8, 'written',
    format_type(a.atttypid, a.atttypmod),
      'notNull', a.attnotnull or (t.typtype = 'd' and t.typnotnull), 'default', pg_get_expr(d.adbin, d.adrelid),
        'made', a.attgenerated <> '' or a.attidentity <> '', 'sequence', pg_get_serial_sequence(c.oid::regclass::text, a.attname)) order by a.attnum)
    from pg_attribute a join pg_type t on t.oid = a.atttypid left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
    where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped),
  'foreignKeys', (select jsonb_agg(jsonb_build_object('name', quote_ident(k.conname), 'columns', ${named('k.conrelid', 'k.conkey')},
    'table', k.confrelid::regclass::text, 'references', ${named('k.confrelid', 'k.confkey')},
      'timing', case when not k.condeferrable then 'not deferrable' when k.condeferred then 'deferrable initially deferred'
        else 'deferrable initially immediate' end) order by k.conname)
    from pg_constraint k where k.conrelid = c.oid and k.contype = 'f' and k.conparentid = 0),
  'checks', (select jsonb_agg(jsonb_build_object('columns', ${named('k.conrelid', 'k.conkey')}, 'text', pg_get_constraintdef(k.oid)))
    from pg_constraint k where k.conrelid = c.oid and k.contype = 'c'),
  'bounds', case when c.relkind = 'p' then (select jsonb_agg(jsonb_build_object('columns', ${named('w.partrelid', 'w.partattrs')},
    'text', pg_get_expr(p.relpartbound, p.oid)))
    from pg_partition_tree(c.oid) t join pg_class p on p.oid = t.relid join pg_partitioned_table w on w.partrelid = t.parentrelid) end) as shape
from pg_class c join pg_namespace n on n.oid = c.relnamespace where ${userTables(historySchema)} order by c.oid`

const typesQuery = `
select t.oid::int8 as oid, jsonb_build_object('name', format_type(t.oid, null), 'kind', t.typtype, 'array', t.typelem <> 0 and t.typcategory = 'A',
  'of', coalesce(nullif(t.typbasetype, 0)::int8, r.rngsubtype::int8, m.rngtypid::int8, case when t.typcategory = 'A' then
    nullif(t.typelem, 0)::int8 end),
  'base', case when t.typtype = 'd' then format_type(t.typbasetype, t.typtypmod) end,
  'values', (select jsonb_agg(e.enumlabel order by e.enumsortorder) from pg_enum e where e.enumtypid = t.oid),
  'checks', coalesce((select jsonb_agg(pg_get_constraintdef(k.oid)) from pg_constraint k where k.contypid = t.oid and k.contype = 'c'), '[]'),
  'attributes', case when t.typtype = 'c' then (select jsonb_agg(jsonb_build_object('type', a.atttypid::int8, 'written',
    format_type(a.atttypid, a.atttypmod)) order by a.attnum)
    from pg_attribute a where a.attrelid = t.typrelid and a.attnum > 0 and not a.attisdropped) end) as shape
from pg_type t left join pg_range r on r.rngtypid = t.oid left join pg_range m on m.rngmultitypid = t.oid
where t.oid in (select a.atttypid from pg_attribute a where a.attrelid >= 16384)
  or t.oid >= 16384 or t.typtype in ('r', 'm') or (t.typtype = 'b' and t.typnamespace = 'pg_catalog'::regnamespace and t.typcategory <> 'A')`

/** What the tables of a database want of a row. The session has an empty search_path. */
export async function readShapes(session: Session, historySchema: string): Promise<Shapes> {
  const [tables, types] = [await session.rows(tablesQuery(historySchema)), await session.rows(typesQuery)]
  return {
    tables: tables.map(({ shape }) =>
      withLists(shape as Partial<TableShape> & Pick<TableShape, 'name' | 'partitioned'>),
    ),
    types: new Map(types.map(({ oid, shape }) => [Number(oid), shape as TypeShape])),
  }
}

const withLists = ({
  name,
  partitioned,
  ...rest
}: Partial<TableShape> & Pick<TableShape, 'name' | 'partitioned'>): TableShape => ({
  name,
  partitioned,
  columns: rest.columns ?? [],
  foreignKeys: rest.foreignKeys ?? [],
  checks: rest.checks ?? [],
  bounds: rest.bounds ?? [],
})
