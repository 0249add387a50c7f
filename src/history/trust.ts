import { RunFailure } from '../postgres/failure.ts'
import type { Session } from '../postgres/session.ts'
import { literal } from '../postgres/sql.ts'
import { columnTypes, TABLES } from './ddl.ts'

/**
 * The administrators that managed services have in place of superusers (the manuals of Amazon RDS, Cloud SQL, AlloyDB
 * and Azure Database). Nobody can take their rights away, and who is one can make any role a superuser's equal.
 */
const ADMINISTRATORS = ['rds_superuser', 'cloudsqlsuperuser', 'alloydbsuperuser', 'azure_pg_admin']

/**
 * Stored scripts run with the migration role's rights, so nobody else may be able to change them: schema and tables
 * belong to the role that logged in, or to the owner role that the session is configured with, no other role may create
 * or write there, and nothing hangs on them that others could have put there. Else `history-untrusted` with the
 * statements that cure it. `owner`: the configured role.
 */
export async function trustProblem(
  session: Session,
  schema: string,
  owner: string | undefined,
): Promise<RunFailure | undefined> {
  const [first] = await session.rows(suspicion(schema))
  if (first?.suspect === false) return undefined
  const rows = await session.rows(trustQuery(schema, owner))
  if (rows.length === 0) return undefined
  return new RunFailure(
    'history-untrusted',
    `the stored scripts could have been changed by others: ${rows.map(({ problem }) => problem).join('; ')}`,
    `as a superuser, after looking at what was changed: ${rows.map(({ cure }) => `${cure};`).join(' ')}${ownedByRole(rows, owner)}`,
  )
}

/** Logins that change (Vault, IAM) share an owner role, and a run has to be told which. */
const ownedByRole = (rows: readonly Readonly<Record<string, unknown>>[], owner: string | undefined) =>
  owner === undefined && rows.some(({ shared }) => shared === true)
    ? ' Or, where that role owns the history on purpose: give the run its name with --role or config.lockkeeper.dev/role'
    : ''

/** A missing table is no reason to make it again: what it held is gone. */
export const partialHistory = (schema: string) =>
  new RunFailure(
    'history-untrusted',
    `schema ${schema} has some of its tables (${TABLES.join(', ')}) but not all`,
    `restore the missing ones from a backup, or drop schema ${schema} and say what is applied: lockkeeper adopt --at VERSION`,
  )

/** Whom a history belongs to beside its login: the owner role, and who else may write as it. */
export interface Writers {
  readonly owner: string
  readonly members: readonly string[]
}

/** Who may write the history because they are members of the role that owns it; undefined: the login itself owns it. */
export async function writersOf(session: Session, schema: string): Promise<Writers | undefined> {
  const [row] = await session.rows(`
    select n.owner::text, array(select r.rolname::text from pg_roles r
      where r.oid <> n.nspowner and not r.rolsuper and pg_has_role(r.oid, n.nspowner, ${MAY_ACT}) order by 1) as members
    from (select nspowner, pg_get_userbyid(nspowner) as owner from pg_namespace where nspname = ${literal(schema)}) n
    where n.owner <> session_user`)
  return row === undefined ? undefined : { owner: String(row.owner), members: row.members as string[] }
}

/**
 * Membership that lets a role act as another: to inherit its rights or to SET ROLE to it. PostgreSQL 16 and newer know
 * memberships that do neither, as the ADMIN OPTION alone that CREATEROLE gives (manual, Role Membership).
 */
const MAY_ACT = `case when current_setting('server_version_num')::int >= 160000 then 'USAGE, SET' else 'MEMBER' end`
/** The same of one row of pg_auth_members named `m`, whose columns for it PostgreSQL 15 does not have. */
const ACTS = `(coalesce((to_jsonb(m) ->> 'inherit_option')::bool, true) or coalesce((to_jsonb(m) ->> 'set_option')::bool, true))`

/** The built-in types have the same numbers in every server (src/include/catalog/pg_type.dat); names cost a look each. */
const OID: Readonly<Record<string, number>> = {
  boolean: 16,
  bytea: 17,
  bigint: 20,
  integer: 23,
  text: 25,
  timestamptz: 1184,
  uuid: 2950,
}

/**
 * Whether there is anything to look at, from the few catalogs that say so: what a history has that the login made for
 * itself alone has none of it, and the whole question costs as much as a small migration.
 */
function suspicion(schema: string): string {
  const tables = TABLES.map((name) => `'${name}'`).join(', ')
  const columns = columnTypes().map(([table, column, type]) => literal(`${table}.${column} ${OID[type]}`))
  return `
with me as (select oid from pg_roles where rolname = session_user),
o as (select c.* from pg_class c join pg_namespace n on n.oid = c.relnamespace where n.nspname = ${literal(schema)} and c.relname in (${tables}))
select exists (select from pg_namespace n, me where nspname = ${literal(schema)} and (nspowner <> me.oid or nspacl is not null))
  or exists (select from pg_auth_members m, me where m.roleid in (me.oid, 'pg_write_all_data'::regrole))
  or exists (select from o, me where relowner <> me.oid or relacl is not null or relkind <> 'r' or relpersistence <> 'p' or relispartition
    or relhassubclass or relhasrules or relhastriggers or relchecks > 0 or relrowsecurity or relforcerowsecurity)
  or exists (select from o join pg_attribute a on a.attrelid = o.oid left join pg_attrdef d on d.adrelid = o.oid and d.adnum = a.attnum
    where a.attnum > 0 and not a.attisdropped and (a.attacl is not null or a.attinhcount > 0 or a.attgenerated <> ''
      or pg_get_expr(d.adbin, d.adrelid) !~ '^[0-9]+$' or o.relname || '.' || a.attname || ' ' || a.atttypid not in (${columns.join(', ')})))
  or exists (select from o where not exists (select from pg_index i where i.indrelid = o.oid and i.indisprimary and i.indisvalid))
  or exists (select from o join pg_index i on i.indrelid = o.oid where i.indexprs is not null or i.indpred is not null and o.relname <> 'journal')
  or exists (select from o join pg_index i on i.indrelid = o.oid join pg_opclass p on p.oid = any (i.indclass) where p.oid >= 16384 or i.indpred is not null and pg_get_expr(i.indpred, i.indrelid) <> '(attempt IS NOT NULL)')
  or exists (select from o join pg_statistic_ext x on x.stxrelid = o.oid) as suspect`
}

/** Whether something calls a function, operator or type that the server did not come with: those have no entries here. */
export const callsOthers = (catalog: string, oid: string) =>
  `exists (select from pg_depend x where x.classid = '${catalog}'::regclass and x.objid = ${oid}
    and x.refclassid in ('pg_proc'::regclass, 'pg_operator'::regclass, 'pg_type'::regclass, 'pg_opclass'::regclass))`

function trustQuery(schema: string, owner: string | undefined): string {
  const tables = TABLES.map((name) => `'${name}'`).join(', ')
  const types = columnTypes().map((each) => `(${each.map(literal).join(', ')}::regtype)`)
  const who = (oid: string) => `coalesce(quote_ident((select rolname from pg_roles where oid = ${oid})), 'PUBLIC')`
  const table = `format('%I.%I', o.nspname, o.relname)`
  return `
with own as (
  -- Whoever is configured counts only for a login that has its rights.
  select s.login, r.oid as role, coalesce(r.rolname, s.login) as rolname
  from (select session_user as login) s left join pg_roles r on r.rolname = ${literal(owner)} and pg_has_role(session_user, r.oid, ${MAY_ACT})),
mine as (select r.oid from pg_roles r, own where r.rolname = own.login or r.oid = own.role),
space as (select * from pg_namespace where nspname = ${literal(schema)}),
ours as (
  select c.*, n.nspname from pg_class c join space n on n.oid = c.relnamespace where c.relname in (${tables})),
known (tab, name, type) as (values ${types.join(', ')}),
owners as (select nspowner as oid from space union select relowner from ours),
administrators as (
  select r.oid from pg_roles r where r.rolsuper or exists (
    select from pg_roles a where a.rolname in (${ADMINISTRATORS.map(literal).join(', ')}) and pg_has_role(r.oid, a.oid, ${MAY_ACT}))),
findings as (
select format('schema %I belongs to %I', nspname, pg_get_userbyid(nspowner)) problem,
       format('ALTER SCHEMA %I OWNER TO %I', nspname, own.rolname) cure, pg_has_role(session_user, nspowner, ${MAY_ACT}) as shared
  from space, own where nspowner not in (select oid from mine)
union all
select format('table %s belongs to %I', o.relname, pg_get_userbyid(o.relowner)),
       format('ALTER TABLE %s OWNER TO %I', ${table}, own.rolname), pg_has_role(session_user, o.relowner, ${MAY_ACT})
  from ours o, own where o.relowner not in (select oid from mine)
union all
select format('%I may act as %I, which owns the history', r.rolname, pg_get_userbyid(m.roleid)),
       format('REVOKE %I FROM %I', pg_get_userbyid(m.roleid), r.rolname), false
  from pg_auth_members m join pg_roles r on r.oid = m.member, own
  where m.roleid in (select oid from owners) and ${ACTS} and m.member not in (select oid from administrators)
    and m.member not in (select oid from mine) and m.roleid is distinct from own.role
union all
select format('%I may write to every table, as a member of pg_write_all_data', r.rolname), format('REVOKE pg_write_all_data FROM %I', r.rolname), false
  from pg_auth_members m join pg_roles r on r.oid = m.member
  where m.roleid = 'pg_write_all_data'::regrole and ${ACTS} and m.member not in (select oid from administrators)
    and m.member not in (select oid from mine)
    and not exists (select from own where pg_has_role(m.member, own.role, ${MAY_ACT}))
union all
select format('%s may %s in schema %I', ${who('a.grantee')}, lower(a.privilege_type), n.nspname),
       format('REVOKE %s ON SCHEMA %I FROM %s', a.privilege_type, n.nspname, ${who('a.grantee')}), false
  from space n, aclexplode(n.nspacl) a
  where a.grantee <> n.nspowner and a.grantee not in (select oid from mine) and a.privilege_type = 'CREATE'
union all
select format('%s may %s on %s', ${who('a.grantee')}, lower(a.privilege_type), o.relname),
       format('REVOKE %s ON %s FROM %s', a.privilege_type, ${table}, ${who('a.grantee')}), false
  from ours o, aclexplode(o.relacl) a
  where a.grantee <> o.relowner and a.grantee not in (select oid from mine)
    and a.privilege_type in ('INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'TRIGGER', 'REFERENCES')
union all
select format('%s may %s column %s of %s', ${who('a.grantee')}, lower(a.privilege_type), t.attname, o.relname),
       format('REVOKE %s (%I) ON %s FROM %s', a.privilege_type, t.attname, ${table}, ${who('a.grantee')}), false
  from ours o join pg_attribute t on t.attrelid = o.oid, aclexplode(t.attacl) a
  where a.grantee <> o.relowner and a.grantee not in (select oid from mine) and a.privilege_type in ('INSERT', 'UPDATE', 'REFERENCES')
union all
select format('trigger %I on %s', t.tgname, o.relname), format('DROP TRIGGER %I ON %s', t.tgname, ${table}), false
  from ours o join pg_trigger t on t.tgrelid = o.oid where not t.tgisinternal
union all
select format('%s has no primary key', o.relname), format('ALTER TABLE %s ADD PRIMARY KEY (%s)', ${table}, k.columns), false
  from ours o join (values ('state', '"set"'), ('migration', '"set", version'), ('journal', 'run, n'), ('requirement', 'cluster, workload')) k (tab, columns) on k.tab = o.relname
  where o.relkind = 'r' and not exists (select from pg_index i where i.indrelid = o.oid and i.indisprimary and i.indisvalid)
union all
select format('rule %I on %s', w.rulename, o.relname), format('DROP RULE %I ON %s', w.rulename, ${table}), false
  from ours o join pg_rewrite w on w.ev_class = o.oid where o.relkind = 'r'
union all
select format('row security on %s', o.relname), format('ALTER TABLE %s DISABLE ROW LEVEL SECURITY, NO FORCE ROW LEVEL SECURITY', ${table}), false
  from ours o where o.relrowsecurity or o.relforcerowsecurity
union all
select format('policy %I on %s', p.polname, o.relname), format('DROP POLICY %I ON %s', p.polname, ${table}), false
  from ours o join pg_policy p on p.polrelid = o.oid
union all
select format('%s is not an ordinary table', o.relname), format('ALTER TABLE %s RENAME TO %I', ${table}, 'not_' || o.relname), false
  from ours o where o.relkind <> 'r'
union all
select format('%s is UNLOGGED, so a crash of the server empties it', o.relname), format('ALTER TABLE %s SET LOGGED', ${table}), false
  from ours o where o.relkind = 'r' and o.relpersistence <> 'p'
union all
select format('%s inherits from %s', i.inhrelid::regclass, i.inhparent::regclass),
       format(case when c.relispartition then 'ALTER TABLE %2$s DETACH PARTITION %1$s' else 'ALTER TABLE %s NO INHERIT %s' end, i.inhrelid::regclass, i.inhparent::regclass), false
  from pg_inherits i join pg_class c on c.oid = i.inhrelid
  where i.inhparent in (select oid from ours) or i.inhrelid in (select oid from ours)
union all
select format('a default of column %s of %s', t.attname, o.relname),
       format(case when t.attgenerated = '' then 'ALTER TABLE %s ALTER COLUMN %I DROP DEFAULT' else 'ALTER TABLE %s ALTER COLUMN %I DROP EXPRESSION' end, ${table}, t.attname), false
  from ours o join pg_attrdef d on d.adrelid = o.oid join pg_attribute t on t.attrelid = o.oid and t.attnum = d.adnum
  where (o.relname, t.attname) in (select tab, name from known) and pg_get_expr(d.adbin, d.adrelid) !~ '^[0-9]+$' or t.attgenerated <> '' or ${callsOthers('pg_attrdef', 'd.oid')}
union all
select format('constraint %I on %s', k.conname, k.conrelid::regclass), format('ALTER TABLE %s DROP CONSTRAINT %I', k.conrelid::regclass, k.conname), false
  from pg_constraint k where k.contype in ('c', 'f', 'x', 't') and k.conislocal
    and (k.conrelid in (select oid from ours) or k.confrelid in (select oid from ours))
    and (k.contype <> 'c' or ${callsOthers('pg_constraint', 'k.oid')} or exists (
      select from known join ours o on o.relname = tab join pg_attribute t on t.attrelid = o.oid and t.attname = name
      where o.oid = k.conrelid and t.attnum = any (k.conkey)))
union all
select format('index %s on %s calls a function of others', i.indexrelid::regclass, o.relname), format('DROP INDEX %s', i.indexrelid::regclass), false
  from ours o join pg_index i on i.indrelid = o.oid
  where ${callsOthers('pg_class', 'i.indexrelid')}
union all
select format('statistics %s on %s', format('%I.%I', n.nspname, x.stxname), o.relname), format('DROP STATISTICS %I.%I', n.nspname, x.stxname), false
  from ours o join pg_statistic_ext x on x.stxrelid = o.oid join pg_namespace n on n.oid = x.stxnamespace
union all
select format('column %s of %s has the type %s', t.attname, o.relname, format_type(t.atttypid, t.atttypmod)),
       format('ALTER TABLE %s ALTER COLUMN %I TYPE %s USING %2$I::text::%3$s', ${table}, t.attname, coalesce(k.type::text, 'text')), false
  from ours o join pg_attribute t on t.attrelid = o.oid and t.attnum > 0 and not t.attisdropped
    left join known k on k.tab = o.relname and k.name = t.attname
    join pg_type y on y.oid = t.atttypid
  where t.atttypid <> k.type or y.typnamespace <> 'pg_catalog'::regnamespace)
select problem, cure, shared from findings`
}
