import { type CatalogOptions, flag, own, ownerOf, privileges } from './parts.ts'

/** Types that somebody made by themselves: not the row type of a table, an array, or the multirange of a range. */
export const types = ({ major }: CatalogOptions): string => `
select case t.typtype when 'd' then 'domain' else 'type' end, s.name || '.' || quote_ident(t.typname),
  jsonb_build_object(
    'kind', t.typtype,
    'owner', ${ownerOf('t.typowner')},
    'privileges', ${privileges('t.typacl', 'T', 't.typowner')},
    'values', case when t.typtype = 'e' then (select jsonb_agg(e.enumlabel order by e.enumsortorder) from pg_enum e where e.enumtypid = t.oid) end,
    'base', case when t.typtype = 'd' then format_type(t.typbasetype, t.typtypmod) end,
    'not null', ${flag('t.typnotnull')},
    'default', t.typdefault,
    'collation', case when t.typtype = 'd' and t.typcollation <> (select b.typcollation from pg_type b
      where b.oid = t.typbasetype) then t.typcollation::regcollation end,
    'attribute order', case when t.typtype = 'c' then (select jsonb_agg(a.attname order by a.attnum) from pg_attribute a
      where a.attrelid = t.typrelid and a.attnum > 0 and not a.attisdropped) end,
    'range', (select jsonb_build_object('subtype', r.rngsubtype::regtype, 'collation',
      case when r.rngcollation <> 0 then r.rngcollation::regcollation end, 'canonical', r.rngcanonical, 'difference', r.rngsubdiff,
      'operator class', (select opcname from pg_opclass o where o.oid = r.rngsubopc), 'multirange', r.rngmultitypid::regtype) from pg_range r
        where r.rngtypid = t.oid),
    'made of', case when t.typtype = 'b' then jsonb_build_object('input', t.typinput, 'output', t.typoutput, 'length', t.typlen,
      'byvalue', t.typbyval, 'align', t.typalign, 'storage', t.typstorage) end)
from pg_type t join spaces s on s.oid = t.typnamespace left join pg_class c on c.oid = t.typrelid
where t.typtype <> 'm' and (t.typrelid = 0 or c.relkind = 'c') and not exists (select from pg_type e where e.typarray = t.oid)
  and ${own('pg_type', 't.oid')}
union all
select 'collation', s.name || '.' || quote_ident(l.collname),
  jsonb_build_object('owner', ${ownerOf('l.collowner')}, 'provider', l.collprovider, 'deterministic', l.collisdeterministic,
    'collate', l.collcollate, 'ctype', l.collctype,
    'locale', ${major >= 17 ? 'l.colllocale' : major >= 15 ? 'l.colliculocale' : 'null'}${major >= 16 ? ", 'rules', l.collicurules" : ''})
from pg_collation l join spaces s on s.oid = l.collnamespace where ${own('pg_collation', 'l.oid')}`
