/**
 * What the queries of this folder share. Each gives rows (kind, object, facets): what it is, as SQL names it; which one,
 * as SQL writes it; and what there is to say of it, as jsonb. A facet that says nothing is null, and left out.
 */

/** PostgreSQL major and the schema that is left out. */
export interface CatalogOptions {
  readonly major: number
  readonly historySchema: string
}

/** `spaces`: schemas of users, by oid and quoted name. `members`: what belongs to an extension, which stands for it. */
export const own = (catalog: string, oid: string): string =>
  `${oid} not in (select objid from members where classid = '${catalog}'::regclass)`

/** Objects without a schema that initdb did not make (FirstNormalObjectId). */
export const made = (oid: string): string => `${oid} >= 16384`

const grants = (acl: string): string =>
  `select concat(case when grantee = 0 then 'PUBLIC' else grantee::regrole::text end, ': ', privilege_type,
    case when is_grantable then ' WITH GRANT OPTION' end, ' by ', grantor::regrole) g from aclexplode(${acl})`

/**
 * What was granted beside what PostgreSQL grants by itself, and with `not ` before it what of that was taken back; null
 * where neither is, whether it is written down or not. `type`: the letter of the kind of object that acldefault() knows,
 * or an expression for it; undefined: nothing is granted by itself.
 */
export function privileges(acl: string, type: string | undefined, owner: string): string {
  const usual =
    type === undefined
      ? `select '' g where false`
      : grants(`acldefault(${type.length === 1 ? `'${type}'` : type}, ${owner})`)
  const beside = `(${grants(acl)} except ${usual})`
  const without = `select 'not ' || g from (${usual} except ${grants(acl)}) u`
  return `case when ${acl} is not null then (select jsonb_agg(g order by g) from (${beside} union all ${without}) x) end`
}

export const ownerOf = (oid: string): string => `pg_get_userbyid(${oid})`

/** Options as a sorted list. */
export const options = (column: string): string =>
  `case when ${column} is not null then (select jsonb_agg(o order by o) from unnest(${column}) o) end`

/** A tablespace, where it is not the database's. */
export const tablespace = (column: string): string =>
  `case when ${column} <> 0 then (select spcname from pg_tablespace t where t.oid = ${column}) end`

/** Only where it is true. */
export const flag = (condition: string): string => `case when ${condition} then true end`
