import { RunFailure } from '../postgres/failure.ts'
import type { Session } from '../postgres/session.ts'
import { literal } from '../postgres/sql.ts'
import { TABLES } from './ddl.ts'

/**
 * Stored scripts run with the migration role's rights, so nobody else may be able to change them: schema and tables
 * belong to the role that logged in, no other role may create or write there, and no trigger, rule or policy hangs on
 * them. Else `history-untrusted` with the statements that cure it.
 */
export async function trustProblem(session: Session, schema: string): Promise<RunFailure | undefined> {
  const rows = await session.rows(trustQuery(schema))
  if (rows.length === 0) return undefined
  return new RunFailure(
    'history-untrusted',
    `the stored scripts could have been changed by others: ${rows.map(({ problem }) => problem).join('; ')}`,
    `as a superuser, after looking at what was changed: ${rows.map(({ cure }) => `${cure};`).join(' ')}`,
  )
}

/** A missing table is no reason to make it again: what it held is gone. */
export const partialHistory = (schema: string) =>
  new RunFailure(
    'history-untrusted',
    `schema ${schema} has some of its tables (${TABLES.join(', ')}) but not all`,
    `restore the missing ones from a backup, or drop schema ${schema} and say what is applied: lockkeeper adopt --at VERSION`,
  )

function trustQuery(schema: string): string {
  const tables = TABLES.map((name) => `'${name}'`).join(', ')
  return `
with ours as (
  select c.oid, n.nspname, c.relname, c.relowner, c.relacl, c.relrowsecurity from pg_class c join pg_namespace n on n.oid = c.relnamespace
  where n.nspname = ${literal(schema)} and c.relname in (${tables}))
select format('schema %I belongs to %I', nspname, pg_get_userbyid(nspowner)) problem,
       format('ALTER SCHEMA %I OWNER TO %I', nspname, session_user) cure
  from pg_namespace where nspname = ${literal(schema)} and pg_get_userbyid(nspowner) <> session_user
union all
select format('table %s belongs to %I', relname, pg_get_userbyid(relowner)),
       format('ALTER TABLE %I.%I OWNER TO %I', nspname, relname, session_user)
  from ours where pg_get_userbyid(relowner) <> session_user
union all
select format('%s may %s in schema %I', coalesce(r.rolname, 'PUBLIC'), lower(a.privilege_type), n.nspname),
       format('REVOKE %s ON SCHEMA %I FROM %s', a.privilege_type, n.nspname, coalesce(quote_ident(r.rolname), 'PUBLIC'))
  from pg_namespace n, aclexplode(n.nspacl) a left join pg_roles r on r.oid = a.grantee
  where n.nspname = ${literal(schema)} and a.grantee <> n.nspowner and a.privilege_type = 'CREATE'
union all
select format('%s may %s on %s', coalesce(r.rolname, 'PUBLIC'), lower(a.privilege_type), o.relname),
       format('REVOKE %s ON %I.%I FROM %s', a.privilege_type, o.nspname, o.relname, coalesce(quote_ident(r.rolname), 'PUBLIC'))
  from ours o, aclexplode(o.relacl) a left join pg_roles r on r.oid = a.grantee
  where a.grantee <> o.relowner and a.privilege_type in ('INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'TRIGGER')
union all
select format('%s may %s column %s of %s', coalesce(r.rolname, 'PUBLIC'), lower(a.privilege_type), t.attname, o.relname),
       format('REVOKE %s (%I) ON %I.%I FROM %s', a.privilege_type, t.attname, o.nspname, o.relname, coalesce(quote_ident(r.rolname), 'PUBLIC'))
  from ours o join pg_attribute t on t.attrelid = o.oid, aclexplode(t.attacl) a left join pg_roles r on r.oid = a.grantee
  where a.grantee <> o.relowner and a.privilege_type in ('INSERT', 'UPDATE')
union all
select format('trigger %I on %s', t.tgname, o.relname), format('DROP TRIGGER %I ON %I.%I', t.tgname, o.nspname, o.relname)
  from ours o join pg_trigger t on t.tgrelid = o.oid where not t.tgisinternal
union all
select format('rule %I on %s', w.rulename, o.relname), format('DROP RULE %I ON %I.%I', w.rulename, o.nspname, o.relname)
  from ours o join pg_rewrite w on w.ev_class = o.oid
union all
select format('row security on %s', o.relname), format('ALTER TABLE %I.%I DISABLE ROW LEVEL SECURITY', o.nspname, o.relname)
  from ours o where o.relrowsecurity
union all
select format('policy %I on %s', p.polname, o.relname), format('DROP POLICY %I ON %I.%I', p.polname, o.nspname, o.relname)
  from ours o join pg_policy p on p.polrelid = o.oid`
}
