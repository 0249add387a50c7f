import { type FormatName, POLICY } from '../../contract.ts'
import type { RunRequest } from '../../migration/run-request.ts'
import { RunFailure } from '../../postgres/failure.ts'
import type { Session } from '../../postgres/session.ts'
import { identifier, literal } from '../../postgres/sql.ts'
import { type AdoptedTool, type Adoption, shown } from './tool.ts'
import { tools } from './tools.ts'

/** A table as a person names it; without a schema it is looked for where the tool would look. */
export interface TableName {
  readonly schema?: string
  readonly name: string
}

/**
 * The tables of other tools in the schemas of the search_path, where those would look for them, in its order; or `only`
 * this one, wherever it is. A view, a table with row security, or a column of a type that somebody made would run code of
 * its owner, so none of them counts.
 */
export async function findTables(session: Session, only?: TableName, from?: FormatName): Promise<Adoption[]> {
  const known = [...new Set(tools.map(signature))].map(literal).join(', ')
  const schemas = only?.schema === undefined ? await scriptSchemas(session) : [only.schema]
  const path = `array[${schemas.map(literal).join(', ')}]::text[]`
  const rows = await session.rows(`
    select n.nspname as schema, c.relname as name, string_agg(a.attname::text, ',' order by a.attname::text collate "C") as columns
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
      join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
      join pg_type t on t.oid = a.atttypid
    where n.nspname::text = any (${path}) ${only === undefined ? '' : `and c.relname = ${literal(only.name)}`}
      and c.relkind = 'r' and not c.relrowsecurity
    group by n.nspname, c.relname
    having bool_and(t.typnamespace = 'pg_catalog'::regnamespace) and string_agg(a.attname::text, ',' order by a.attname::text collate "C") in (${known})
    order by array_position(${path}, n.nspname::text), c.relname`)
  const found = rows.flatMap((row): Adoption[] => {
    const table = { schema: String(row.schema), name: String(row.name) }
    const tool = tools.find(
      (each) =>
        signature(each) === row.columns &&
        // Columns that say too little need a name that says more, or somebody who says whose the table is.
        (each.anyName || each.tableNames.includes(table.name) || (only !== undefined && each.name === from)),
    )
    return tool === undefined ? [] : [{ tool, table }]
  })
  return found.filter((each) => !isOutdated(each, found))
}

/** Read as the scripts, and the other tools, would find them: our own path names none of them. */
async function scriptSchemas(session: Session): Promise<string[]> {
  const [row] = await session.askAsScript('SELECT pg_catalog.current_schemas(false)::pg_catalog.text[] AS schemas')
  return (row?.schemas ?? []) as string[]
}

const signature = ({ columns }: AdoptedTool) => [...columns].sort().join(',')

/** The old name of a table beside the new one, in one schema: the tool reads only the new one. */
const isOutdated = ({ tool, table }: Adoption, all: readonly Adoption[]) =>
  tool.tableNames.indexOf(table.name) > 0 &&
  all.some((each) => each.tool === tool && each.table.schema === table.schema && each.table.name === tool.tableNames[0])

/**
 * The table from which a set that has no history yet is to be taken over; undefined: there is none. Throws when one is
 * there that nobody allowed to take over, or when it is not clear which. `history`: ours is there already; then only a
 * person can mean another set than the first.
 */
export async function findAdoption(
  session: Session,
  { adopt, historySchema }: RunRequest,
  history: boolean,
): Promise<Adoption | undefined> {
  const asked = adopt?.asked === true
  if (history && !asked && (await anySet(session, historySchema))) return undefined
  const all = await findTables(session, adopt?.table, adopt?.from)
  const found = adopt?.from === undefined ? all : all.filter(({ tool }) => tool.name === adopt.from)
  const [one, other] = found
  if (adopt !== undefined && one !== undefined && other === undefined) return one
  if (!asked) {
    if (one !== undefined) throw notAllowed(found)
    return undefined
  }
  const missing = adopt.from ?? tools.map(({ name }) => name).join(', ')
  if (one === undefined && adopt?.table !== undefined) throw noSuchTable(adopt.table, missing)
  throw one === undefined
    ? new RunFailure(
        'bad-config',
        `no schema of the search_path holds a table of ${missing}`,
        'name its schema in the search_path of the role; or say which version the database has: lockkeeper adopt --at VERSION (0: nothing is applied)',
      )
    : new RunFailure(
        'bad-config',
        `the database holds ${describe(found)}, and only one of them can be taken over`,
        found.some(({ tool }) => tool !== one.tool)
          ? `say which: ${[...new Set(found.map(({ tool }) => `lockkeeper adopt --from ${tool.name}`))].join(', or ')}`
          : `say which, each with a set of its own: ${found.map(({ tool, table }) => `lockkeeper adopt --from ${tool.name} --table ${shown(table)} --set NAME`).join(', or ')}; drop one that is not used any more`,
      )
}

const noSuchTable = ({ schema, name }: TableName, tools: string) =>
  new RunFailure(
    'bad-config',
    schema === undefined
      ? `no schema of the search_path holds a table ${name} with the columns of ${tools}`
      : `there is no table ${schema}.${name} with the columns of ${tools}`,
    'name the table as the tool was told to: --table NAME, or --table SCHEMA.NAME where its schema is not in the search_path',
  )

async function anySet(session: Session, historySchema: string): Promise<boolean> {
  return (await session.rows(`select from only ${identifier(historySchema)}.state limit 1`)).length > 0
}

const describe = (found: readonly Adoption[]) =>
  found.map(({ tool, table }) => `the table ${shown(table)} of ${tool.title}`).join(' and ')

function notAllowed(found: readonly Adoption[]): RunFailure {
  const [, other] = found
  const commands = [...new Set(found.map(({ tool }) => `lockkeeper adopt --from ${tool.name}`))].join(' or ')
  const byItself = other === undefined ? `, or the annotation ${POLICY.allowAdopt}: "true" on the namespace` : ''
  return new RunFailure(
    'history-missing',
    `the database holds ${describe(found)} but no history of Lockkeeper`,
    `take it over: ${commands}${byItself}`,
  )
}
