import { flag, options, own, ownerOf, privileges, tablespace } from './parts.ts'

/** OID of the access method that tables have (pg_am.dat). */
const HEAP = 2

/** Tables, views and sequences themselves; what hangs on them has queries of its own. */
export const relations = `
select case c.relkind when 'v' then 'view' when 'm' then 'materialized view' when 'S' then 'sequence' when 'f' then 'foreign table'
  else 'table' end kind,
  s.name || '.' || quote_ident(c.relname) object,
  jsonb_build_object(
    'owner', ${ownerOf('c.relowner')},
    'privileges', ${privileges('c.relacl', `case c.relkind when 'S' then 's'::"char" else 'r' end`, 'c.relowner')},
    'unlogged', ${flag("c.relpersistence = 'u'")},
    'definition', case when c.relkind in ('v', 'm') then pg_get_viewdef(c.oid) end,
    'populated', case when c.relkind = 'm' then c.relispopulated end,
    'options', ${options('c.reloptions')},
    'toast options', ${options('toast.reloptions')},
    'tablespace', ${tablespace('c.reltablespace')},
    'access method', case when c.relam not in (0, ${HEAP}) then (select amname from pg_am where pg_am.oid = c.relam) end,
    'replica identity', case when c.relkind in ('r', 'p', 'm') then nullif(c.relreplident, 'd') end,
    'row level security', ${flag('c.relrowsecurity')},
    'forced row level security', ${flag('c.relforcerowsecurity')},
    'type', case when c.reloftype <> 0 then c.reloftype::regtype::text end,
    'partition key', case when c.relkind = 'p' then pg_get_partkeydef(c.oid) end,
    'partition bound', case when c.relispartition then pg_get_expr(c.relpartbound, c.oid) end,
    'parents', h.parents,
    'server', f.server,
    'foreign options', f.options,
    'column order', case when c.relkind in ('r', 'p', 'f') then (select jsonb_agg(a.attname order by a.attnum) from pg_attribute a
      where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped) end)
  || case when c.relkind = 'S' then (select jsonb_build_object('type', q.seqtypid::regtype, 'start', q.seqstart, 'increment', q.seqincrement,
      'minimum', q.seqmin, 'maximum', q.seqmax, 'cache', q.seqcache, 'cycle', q.seqcycle,
      'owned by', (select format('%s.%I', d.refobjid::regclass, a.attname) from pg_depend d join pg_attribute a on a.attrelid = d.refobjid
        and a.attnum = d.refobjsubid
        where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.objsubid = 0 and d.refclassid = 'pg_class'::regclass
          and d.deptype in ('a', 'i')))
      from pg_sequence q where q.seqrelid = c.oid) else '{}' end facets
from pg_class c join spaces s on s.oid = c.relnamespace
  left join pg_class toast on toast.oid = c.reltoastrelid
  left join (select inhrelid, jsonb_agg(inhparent::regclass::text order by inhseqno) parents from pg_inherits group by inhrelid) h
    on h.inhrelid = c.oid and c.relkind in ('r', 'p', 'f')
  left join lateral (select quote_ident(v.srvname) server, ${options('f.ftoptions')} options from pg_foreign_table f
    join pg_foreign_server v on v.oid = f.ftserver where f.ftrelid = c.oid) f on c.relkind = 'f'
where c.relkind in ('r', 'p', 'f', 'v', 'm', 'S') and ${own('pg_class', 'c.oid')}`

/** A column of a view is what its definition makes of it; only what was said of it beside that is listed. */
const saidOfViews = `(c.relkind not in ('v', 'm') or a.attacl is not null or a.atthasdef or a.attstattarget > 0
  or a.attoptions is not null or a.attstorage <> t.typstorage or a.attcompression <> '')`
const derived = (value: string) => `case when c.relkind not in ('v', 'm') then ${value} end`

/** Columns of tables and views, and attributes of composite types. */
export const columns = `
select case when c.relkind = 'c' then 'attribute' else 'column' end, s.name || '.' || quote_ident(c.relname) || '.' || quote_ident(a.attname),
  jsonb_build_object(
    'type', ${derived('format_type(a.atttypid, a.atttypmod)')},
    'not null', ${flag('a.attnotnull')},
    'default', pg_get_expr(d.adbin, d.adrelid),
    'generated', nullif(a.attgenerated, ''),
    'identity', case a.attidentity when 'a' then 'ALWAYS' when 'd' then 'BY DEFAULT' end,
    'collation', case when c.relkind not in ('v', 'm') and a.attcollation not in (0, t.typcollation) then a.attcollation::regcollation end,
    'storage', case when a.attstorage <> t.typstorage then case a.attstorage when 'p' then 'PLAIN' when 'e' then 'EXTERNAL' when 'm' then 'MAIN'
      else 'EXTENDED' end end,
    'compression', case a.attcompression when 'p' then 'pglz' when 'l' then 'lz4' end,
    'statistics target', case when a.attstattarget >= 0 then a.attstattarget end,
    'options', ${options('a.attoptions')},
    'foreign options', ${options('a.attfdwoptions')},
    'privileges', ${privileges('a.attacl', undefined, 'c.relowner')},
    'inherited', ${flag('a.attinhcount > 0')},
    'not local', ${flag('not a.attislocal')})
from pg_class c join spaces s on s.oid = c.relnamespace
  join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
  join pg_type t on t.oid = a.atttypid
  left join pg_attrdef d on d.adrelid = c.oid and d.adnum = a.attnum
where c.relkind in ('r', 'p', 'f', 'v', 'm', 'c') and ${saidOfViews} and ${own('pg_class', 'c.oid')}`
