import { callsOthers } from '../../history/trust.ts'
import { RunFailure } from '../../postgres/failure.ts'
import type { Session } from '../../postgres/session.ts'
import { literal } from '../../postgres/sql.ts'
import { type Adoption, nameOf, shown } from './tool.ts'

/** Refuses to write into a table where we may not, or where that would run what others hung on it. */
export async function refuseUnkeepable(session: Session, { tool, table }: Adoption): Promise<void> {
  const name = nameOf(table)
  const [row] = await session.rows(`
    select session_user::text as login,
      array(select privilege from unnest(array[${tool.keep.rights.map(literal).join(', ')}]) privilege
        where not has_table_privilege(${literal(name)}, privilege)) as missing,
      array(select format('DROP TRIGGER %I ON %s', tgname, ${literal(name)}) from pg_trigger where tgrelid = c.oid and not tgisinternal
        union all select format('DROP RULE %I ON %s', rulename, ${literal(name)}) from pg_rewrite where ev_class = c.oid
        union all select format('ALTER TABLE %s ALTER COLUMN %I DROP DEFAULT', ${literal(name)}, a.attname)
          from pg_attrdef d join pg_attribute a on a.attrelid = d.adrelid and a.attnum = d.adnum where d.adrelid = c.oid and ${callsOthers('pg_attrdef', 'd.oid')}
        union all select format('ALTER TABLE %s DROP CONSTRAINT %I', ${literal(name)}, k.conname)
          from pg_constraint k where k.conrelid = c.oid and ${callsOthers('pg_constraint', 'k.oid')}
        union all select format('DROP INDEX %s', i.indexrelid::regclass)
          from pg_index i where i.indrelid = c.oid and ${callsOthers('pg_class', 'i.indexrelid')}) as hooks
    from pg_class c where c.oid = ${literal(name)}::regclass`)
  const missing = (row?.missing ?? []) as string[]
  const hooks = (row?.hooks ?? []) as string[]
  if (missing.length > 0) {
    throw new RunFailure(
      'no-rights',
      `${row?.login} may not ${missing.join(' and ').toLowerCase()} in ${shown(table)}, so it cannot be kept current`,
      `GRANT ${missing.join(', ')} ON ${name} TO ${row?.login}; or adopt without --keep`,
    )
  }
  if (hooks.length > 0) {
    throw new RunFailure(
      'history-untrusted',
      `a trigger, rule or function on ${shown(table)} would run with the rights of ${row?.login} whenever it is kept current`,
      `after looking at what it does: ${hooks.map((each) => `${each};`).join(' ')} or adopt without --keep`,
    )
  }
}
