import { constraints, foreignServers, indexes, policies, rules, statistics, triggers } from './attached.ts'
import { eventTriggers, operators, routines, textSearch } from './code.ts'
import type { CatalogOptions } from './parts.ts'
import { columns, relations } from './relations.ts'
import { cluster, comments, publications, schemas } from './surroundings.ts'
import { types } from './types.ts'

/**
 * One statement whose one row `schema` says what the database's schema is, as PostgreSQL itself describes it: a line of
 * JSON `[kind, object, facets]` per object, sorted, so that the same schema is the same text whatever order it was made
 * in. Names are qualified only with an empty search_path. No OIDs, no positions, no sizes.
 */
export function catalogQuery(catalogOptions: CatalogOptions): string {
  const queries = [
    relations,
    columns,
    constraints,
    indexes,
    triggers,
    rules,
    policies,
    statistics,
    foreignServers,
    routines,
    eventTriggers,
    operators,
    textSearch,
    types(catalogOptions),
    schemas,
    comments(catalogOptions),
    publications(catalogOptions),
    cluster(catalogOptions),
  ]
  const history = catalogOptions.historySchema.replaceAll("'", "''")
  return `
with spaces as materialized (select oid, quote_ident(nspname) as name from pg_namespace
    where nspname !~ '^pg_' and nspname not in ('information_schema', '${history}')),
  members as materialized (select classid, objid from pg_depend where deptype = 'e')
select string_agg(line, E'\\n' order by line collate "C") as schema
from (select jsonb_build_array(kind, object, jsonb_strip_nulls(facets))::text as line from (${queries.join('\nunion all\n')}) facts) lines`
}
