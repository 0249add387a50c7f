import { type CatalogOptions, made, options, own, ownerOf, privileges } from './parts.ts'

/** Schemas, extensions, and what is said of objects that have no kind of their own here. */
export const schemas = `
select 'schema', s.name, jsonb_build_object('owner', ${ownerOf('n.nspowner')}, 'privileges', ${privileges('n.nspacl', 'n', 'n.nspowner')})
from pg_namespace n join spaces s on s.oid = n.oid where ${own('pg_namespace', 'n.oid')}
union all
select 'extension', quote_ident(e.extname), jsonb_build_object('version', e.extversion, 'schema', e.extnamespace::regnamespace,
  'owner', ${ownerOf('e.extowner')})
from pg_extension e
union all
select 'default privileges', concat('for role ', a.defaclrole::regrole,
  case when a.defaclnamespace <> 0 then ' in schema ' || a.defaclnamespace::regnamespace end,
    ' on ', case a.defaclobjtype when 'r' then 'tables' when 'S' then 'sequences' when 'f' then 'functions' when 'T' then 'types' when 'n' then 'schemas'
      else a.defaclobjtype::text end),
  jsonb_build_object('privileges', ${privileges('a.defaclacl', undefined, 'a.defaclrole')})
from pg_default_acl a`

/** Comments and security labels, but those of extensions, of their members and of what initdb made. */
export const comments = ({ historySchema }: CatalogOptions): string => {
  const spoken = 'not exists (select from members m where m.classid = d.classoid and m.objid = d.objoid)'
  const ours = `coalesce(i.schema, case when i.type = 'schema' then i.name end, '') <> ${sqlText(historySchema)}`
  return `
select 'comment', 'on ' || i.type || ' ' || i.identity, jsonb_build_object('text', d.description)
from pg_description d cross join lateral pg_identify_object(d.classoid, d.objoid, d.objsubid) i
where (d.objoid >= 16384 or (d.objoid = 'public'::regnamespace and d.classoid = 'pg_namespace'::regclass)) and d.classoid <> 'pg_extension'::regclass
  and ${spoken} and ${ours}
union all
select 'security label', 'on ' || i.type || ' ' || i.identity || ' by ' || d.provider, jsonb_build_object('label', d.label)
from pg_seclabel d cross join lateral pg_identify_object(d.classoid, d.objoid, d.objsubid) i where ${spoken} and ${ours}
union all
select 'comment', 'on ' || i.type || ' ' || i.identity, jsonb_build_object('text', d.description)
from pg_shdescription d cross join lateral pg_identify_object(d.classoid, d.objoid, 0) i where d.objoid >= 16384
  and d.classoid <> 'pg_database'::regclass
union all
select 'comment', 'on the database', jsonb_build_object('text', shobj_description(b.oid, 'pg_database')) from pg_database b
where b.datname = current_database() and shobj_description(b.oid, 'pg_database') is not null`
}

const sqlText = (text: string) => `'${text.replaceAll("'", "''")}'`

export const publications = ({ major }: CatalogOptions): string => `
select 'publication', quote_ident(p.pubname), to_jsonb(p) - 'oid' - 'pubname' - 'pubowner' || jsonb_build_object('owner', ${ownerOf('p.pubowner')},
  'tables', (select jsonb_agg(t order by t) from (select concat(r.prrelid::regclass${
    major >= 15
      ? `, ' (' || (select string_agg(quote_ident(a.attname), ', ' order by a.attnum) from pg_attribute a where a.attrelid = r.prrelid
        and a.attnum = any (r.prattrs)) || ')', ' WHERE ' || pg_get_expr(r.prqual, r.prrelid)`
      : ''
  }) t from pg_publication_rel r where r.prpubid = p.oid) x)${
    major >= 15
      ? `, 'schemas', (select jsonb_agg(n order by n) from (select s.pnnspid::regnamespace::text n from pg_publication_namespace s
        where s.pnpubid = p.oid) x)`
      : ''
  }) from pg_publication p
union all
select 'subscription', quote_ident(u.subname), jsonb_build_object('enabled', u.subenabled, 'publications', to_jsonb(u.subpublications),
  'slot', u.subslotname, 'owner', ${ownerOf('u.subowner')})
from pg_subscription u join pg_database b on b.oid = u.subdbid where b.datname = current_database()`

/** What lies outside the database: roles, and what the database itself was told. */
export const cluster = ({ major }: CatalogOptions): string => `
select 'database', 'settings and privileges', jsonb_build_object('privileges', ${privileges('b.datacl', 'd', 'b.datdba')}) from pg_database b
  where b.datname = current_database()
union all
select 'settings', concat('of role ', case when g.setrole <> 0 then quote_ident(${ownerOf('g.setrole')}) else 'ALL' end,
  case when g.setdatabase <> 0 then ' in this database' end), jsonb_build_object('settings', ${options('g.setconfig')})
from pg_db_role_setting g left join pg_database b on b.oid = g.setdatabase where g.setdatabase = 0 or b.datname = current_database()
union all
select 'role', quote_ident(r.rolname), to_jsonb(r) - 'oid' - 'rolname' - 'rolpassword' - 'rolconfig' || jsonb_build_object(
  'member of', (select jsonb_agg(m order by m) from (select concat(a.roleid::regrole, case when a.admin_option then ' WITH ADMIN OPTION' end) m
    from pg_auth_members a where a.member = r.oid) x))
from pg_roles r where ${made('r.oid')}
union all
select 'tablespace', quote_ident(t.spcname), jsonb_build_object('owner', ${ownerOf('t.spcowner')}, 'options', ${options('t.spcoptions')},
  'privileges', ${privileges('t.spcacl', 't', 't.spcowner')})
from pg_tablespace t where ${made('t.oid')}${
  major >= 15
    ? `
union all
select 'parameter', quote_ident(p.parname), jsonb_build_object('privileges', ${privileges('p.paracl', 'p', '10')}) from pg_parameter_acl p`
    : ''
}`
