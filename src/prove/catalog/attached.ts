import { flag, options, own, ownerOf, tablespace } from './parts.ts'

/** What hangs on a table: constraints (also of domains), indexes, triggers, rules, policies, statistics. */
export const constraints = `
select case when k.conrelid = 0 then 'domain constraint' else 'constraint' end,
  quote_ident(k.conname) || ' on ' || case when k.conrelid = 0 then k.contypid::regtype::text else k.conrelid::regclass::text end,
  jsonb_build_object(
    'definition', pg_get_constraintdef(k.oid),
    'not validated', ${flag('not k.convalidated')},
    'inherited', ${flag('k.coninhcount > 0')},
    'triggers', case when k.contype = 'f' then (select nullif(jsonb_agg(distinct g.tgenabled), '["O"]') from pg_trigger g
      where g.tgconstraint = k.oid) end)
from pg_constraint k join spaces s on s.oid = k.connamespace
where k.contype <> 't' and ${own('pg_class', 'k.conrelid')} and ${own('pg_type', 'k.contypid')} and ${own('pg_constraint', 'k.oid')}`

export const indexes = `
select 'index', s.name || '.' || quote_ident(c.relname),
  jsonb_build_object(
    'definition', pg_get_indexdef(c.oid),
    'invalid', ${flag('not i.indisvalid')},
    'replica identity', ${flag('i.indisreplident')},
    'clustered', ${flag('i.indisclustered')},
    'tablespace', ${tablespace('c.reltablespace')},
    'attached to', h.inhparent::regclass::text,
    'statistics targets', t.targets)
from pg_index i join pg_class c on c.oid = i.indexrelid join spaces s on s.oid = c.relnamespace
  left join (select attrelid, jsonb_object_agg(attnum, attstattarget) targets from pg_attribute
    where attstattarget > 0 group by attrelid) t on t.attrelid = c.oid
  left join pg_inherits h on h.inhrelid = c.oid
where ${own('pg_class', 'i.indrelid')} and ${own('pg_class', 'c.oid')}`

export const triggers = `
select 'trigger', quote_ident(g.tgname) || ' on ' || g.tgrelid::regclass,
  jsonb_build_object('definition', pg_get_triggerdef(g.oid), 'enabled', case g.tgenabled when 'D' then 'DISABLE' when 'R' then 'ENABLE REPLICA'
    when 'A' then 'ENABLE ALWAYS' end)
from pg_trigger g join pg_class c on c.oid = g.tgrelid join spaces s on s.oid = c.relnamespace
where not g.tgisinternal and ${own('pg_class', 'c.oid')} and ${own('pg_trigger', 'g.oid')}`

export const rules = `
select 'rule', quote_ident(r.rulename) || ' on ' || r.ev_class::regclass,
  jsonb_build_object('definition', pg_get_ruledef(r.oid), 'enabled', case r.ev_enabled when 'D' then 'DISABLE' when 'R' then 'ENABLE REPLICA'
    when 'A' then 'ENABLE ALWAYS' end)
from pg_rewrite r join pg_class c on c.oid = r.ev_class join spaces s on s.oid = c.relnamespace
where r.rulename <> '_RETURN' and ${own('pg_class', 'c.oid')}`

export const policies = `
select 'policy', quote_ident(p.polname) || ' on ' || p.polrelid::regclass,
  jsonb_build_object(
    'command', p.polcmd,
    'restrictive', ${flag('not p.polpermissive')},
    'roles', (select jsonb_agg(n order by n) from (select case when r = 0 then 'PUBLIC' else r::regrole::text end n from unnest(p.polroles) r) x),
    'using', pg_get_expr(p.polqual, p.polrelid),
    'with check', pg_get_expr(p.polwithcheck, p.polrelid))
from pg_policy p join pg_class c on c.oid = p.polrelid join spaces s on s.oid = c.relnamespace
where ${own('pg_class', 'c.oid')}`

export const statistics = `
select 'statistics', s.name || '.' || quote_ident(x.stxname),
  jsonb_build_object('definition', pg_get_statisticsobjdef(x.oid), 'target', case when x.stxstattarget >= 0 then x.stxstattarget end,
    'owner', ${ownerOf('x.stxowner')})
from pg_statistic_ext x join spaces s on s.oid = x.stxnamespace where ${own('pg_statistic_ext', 'x.oid')}`

export const foreignServers = `
select 'foreign-data wrapper', quote_ident(w.fdwname),
  jsonb_build_object('owner', ${ownerOf('w.fdwowner')}, 'handler', case when w.fdwhandler <> 0 then w.fdwhandler::regproc end,
    'validator', case when w.fdwvalidator <> 0 then w.fdwvalidator::regproc end, 'options', ${options('w.fdwoptions')})
from pg_foreign_data_wrapper w where ${own('pg_foreign_data_wrapper', 'w.oid')}
union all
select 'server', quote_ident(v.srvname),
  jsonb_build_object('owner', ${ownerOf('v.srvowner')}, 'wrapper', (select fdwname from pg_foreign_data_wrapper w where w.oid = v.srvfdw),
    'type', v.srvtype, 'version', v.srvversion, 'options', ${options('v.srvoptions')})
from pg_foreign_server v where ${own('pg_foreign_server', 'v.oid')}
union all
select 'user mapping', format('for %I server %I', usename, srvname), jsonb_build_object('options (hash)', md5(umoptions::text)) from pg_user_mappings`
