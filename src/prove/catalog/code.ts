import { flag, own, ownerOf, privileges } from './parts.ts'

/** Functions, procedures, aggregates, and what is made of them. */
export const routines = `
select case p.prokind when 'p' then 'procedure' when 'a' then 'aggregate' else 'function' end, p.oid::regprocedure::text,
  jsonb_build_object(
    'definition', case when p.prokind <> 'a' then pg_get_functiondef(p.oid) end,
    'owner', ${ownerOf('p.proowner')},
    'privileges', ${privileges('p.proacl', 'f', 'p.proowner')},
    'aggregate', case when p.prokind = 'a' then (select to_jsonb(g) - 'aggfnoid' - 'aggtranstype' - 'aggmtranstype' - 'aggsortop'
      || jsonb_build_object('aggtranstype', g.aggtranstype::regtype, 'aggmtranstype', g.aggmtranstype::regtype,
        'aggsortop', g.aggsortop::regoperator, 'result', pg_get_function_result(p.oid), 'parallel', p.proparallel)
      from pg_aggregate g where g.aggfnoid = p.oid) end)
from pg_proc p join spaces s on s.oid = p.pronamespace where ${own('pg_proc', 'p.oid')}`

export const eventTriggers = `
select 'event trigger', quote_ident(e.evtname),
  jsonb_build_object('event', e.evtevent, 'function', e.evtfoid::regprocedure, 'tags', to_jsonb(e.evttags), 'owner', ${ownerOf('e.evtowner')},
    'enabled', case e.evtenabled when 'D' then 'DISABLE' when 'R' then 'ENABLE REPLICA' when 'A' then 'ENABLE ALWAYS' end)
from pg_event_trigger e where ${own('pg_event_trigger', 'e.oid')}`

/** Their names say all that matters of most of them; what they are made of is compared where it is cheap. */
export const operators = `
select 'operator', o.oid::regoperator::text,
  jsonb_build_object('function', o.oprcode, 'restrict', o.oprrest, 'join', o.oprjoin, 'result', o.oprresult::regtype,
    'commutator', o.oprcom::regoperator, 'negator', o.oprnegate::regoperator,
    'hashes', o.oprcanhash, 'merges', o.oprcanmerge, 'owner', ${ownerOf('o.oprowner')})
from pg_operator o join spaces s on s.oid = o.oprnamespace where ${own('pg_operator', 'o.oid')}
union all
select 'operator class', s.name || '.' || quote_ident(o.opcname) || ' using ' || m.amname,
  jsonb_build_object('type', o.opcintype::regtype, 'default', o.opcdefault, 'owner', ${ownerOf('o.opcowner')}, 'family', (select opfname
    from pg_opfamily f where f.oid = o.opcfamily))
from pg_opclass o join spaces s on s.oid = o.opcnamespace join pg_am m on m.oid = o.opcmethod where ${own('pg_opclass', 'o.oid')}
union all
select 'operator family', s.name || '.' || quote_ident(f.opfname) || ' using ' || m.amname,
  jsonb_build_object('owner', ${ownerOf('f.opfowner')},
    'operators', (select jsonb_agg(x order by x) from (select concat(a.amopstrategy, ' ', a.amopopr::regoperator) x from pg_amop a
      where a.amopfamily = f.oid) y),
    'functions', (select jsonb_agg(x order by x) from (select concat(a.amprocnum, ' ', a.amproc::regprocedure) x from pg_amproc a
      where a.amprocfamily = f.oid) y))
from pg_opfamily f join spaces s on s.oid = f.opfnamespace join pg_am m on m.oid = f.opfmethod where ${own('pg_opfamily', 'f.oid')}
union all
select 'cast', format('(%s AS %s)', k.castsource::regtype, k.casttarget::regtype),
  jsonb_build_object('function', case when k.castfunc <> 0 then k.castfunc::regprocedure end, 'context', k.castcontext, 'method', k.castmethod)
from pg_cast k where k.oid >= 16384 and ${own('pg_cast', 'k.oid')}
union all
select 'conversion', s.name || '.' || quote_ident(k.conname),
  jsonb_build_object('from', k.conforencoding, 'to', k.contoencoding, 'function', k.conproc, 'default', ${flag('k.condefault')},
    'owner', ${ownerOf('k.conowner')})
from pg_conversion k join spaces s on s.oid = k.connamespace where ${own('pg_conversion', 'k.oid')}
union all
select 'language', quote_ident(l.lanname), jsonb_build_object('owner', ${ownerOf('l.lanowner')}, 'trusted', l.lanpltrusted,
  'privileges', ${privileges('l.lanacl', 'l', 'l.lanowner')})
from pg_language l where l.lanispl and ${own('pg_language', 'l.oid')}
union all
select 'access method', quote_ident(m.amname), jsonb_build_object('handler', m.amhandler, 'type', m.amtype) from pg_am m where m.oid >= 16384
  and ${own('pg_am', 'm.oid')}
union all
select 'transform', format('for %s language %I', r.trftype::regtype, l.lanname), jsonb_build_object('from', r.trffromsql, 'to', r.trftosql)
from pg_transform r join pg_language l on l.oid = r.trflang where ${own('pg_transform', 'r.oid')}`

export const textSearch = `
select 'text search configuration', s.name || '.' || quote_ident(c.cfgname),
  jsonb_build_object('owner', ${ownerOf('c.cfgowner')}, 'parser', (select prsname from pg_ts_parser p where p.oid = c.cfgparser),
    'mappings', (select jsonb_agg(m order by m) from (select concat(m.maptokentype, ' ', m.mapseqno, ' ', m.mapdict::regdictionary) m
      from pg_ts_config_map m where m.mapcfg = c.oid) x))
from pg_ts_config c join spaces s on s.oid = c.cfgnamespace where ${own('pg_ts_config', 'c.oid')}
union all
select 'text search dictionary', s.name || '.' || quote_ident(d.dictname),
  jsonb_build_object('owner', ${ownerOf('d.dictowner')}, 'template', (select tmplname from pg_ts_template t where t.oid = d.dicttemplate),
    'options', d.dictinitoption)
from pg_ts_dict d join spaces s on s.oid = d.dictnamespace where ${own('pg_ts_dict', 'd.oid')}
union all
select 'text search parser', s.name || '.' || quote_ident(p.prsname), jsonb_build_object('start', p.prsstart, 'token', p.prstoken, 'end', p.prsend,
  'headline', p.prsheadline, 'types', p.prslextype)
from pg_ts_parser p join spaces s on s.oid = p.prsnamespace where ${own('pg_ts_parser', 'p.oid')}
union all
select 'text search template', s.name || '.' || quote_ident(t.tmplname), jsonb_build_object('init', t.tmplinit, 'lexize', t.tmpllexize)
from pg_ts_template t join spaces s on s.oid = t.tmplnamespace where ${own('pg_ts_template', 't.oid')}`
