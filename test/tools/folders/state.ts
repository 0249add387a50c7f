import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { Client } from 'pg'

const run = promisify(execFile)

/** What a database holds outside the schema `lockkeeper`, so that it can be compared with another's. */
export interface State {
  /** The parts of a dump of the schema, one for each object, in the order of their text. */
  readonly schema: readonly string[]
  /** By table. */
  readonly rows: ReadonlyMap<string, Rows>
}

/** Checksums of a table, whatever the order of its rows. */
interface Rows {
  readonly count: number
  readonly all: string
  /** Names, and the checksum of each one's values. */
  readonly columns: readonly string[]
  readonly sums: readonly string[]
}

export async function stateOf(programs: string, url: string): Promise<State> {
  const [schema, rows] = await Promise.all([schemaOf(programs, url), rowsOf(url)])
  return { schema, rows }
}

async function schemaOf(programs: string, url: string): Promise<string[]> {
  const options = ['--schema-only', '--exclude-schema=lockkeeper', url]
  const { stdout } = await run(join(programs, 'pg_dump'), options, { maxBuffer: 256 * 1024 * 1024 })
  // Lines of the dump itself: a random word, how the next table is stored, the end.
  const text = stdout.replace(/^(\\(un)?restrict .*|SET default_.*|-- PostgreSQL database dump complete)$/gm, '')
  return text
    .split(/^--\n(?=-- Name: )/m)
    .map((part) => part.replace(/[\s-]+$/, ''))
    .sort()
}

/** What `SELECT` gives of each table; of a sequence, where it stands. */
async function rowsOf(url: string): Promise<Map<string, Rows>> {
  const client = new Client(url)
  await client.connect()
  try {
    await client.query(`set timezone = 'UTC'`)
    const { rows: tables } = await client.query<{ name: string; columns: string[] }>(TABLES)
    const queries = tables.map(({ name, columns }) => {
      const texts = columns.map((column) => `t.${client.escapeIdentifier(column)}`)
      const sums = `array[${texts.map(checksum).join(', ')}]::text[]`
      const names = `array[${columns.map((column) => client.escapeLiteral(column)).join(', ')}]::text[]`
      const all = texts.length === 0 ? `''` : checksum(`row(${texts.join(', ')})`)
      return `select ${client.escapeLiteral(name)} as name, count(*)::int as count, ${all} as all, ${names} as columns, ${sums} as sums from ${name} t`
    })
    const { rows } = await client.query<Rows & { name: string }>([...queries, SEQUENCES].join('\nunion all\n'))
    return new Map(rows.map(({ name, ...rest }) => [name, rest]))
  } finally {
    await client.end()
  }
}

const checksum = (value: string) =>
  `md5(coalesce(string_agg(coalesce(${value}::text, '~'), E'\\n' order by ${value}::text collate "C"), ''))`

const TABLES = `
  select format('%I.%I', n.nspname, c.relname) as name,
    array(select attname::text from pg_attribute a where attrelid = c.oid and attnum > 0 and not attisdropped
      order by attname) as columns
  from pg_class c join pg_namespace n on n.oid = relnamespace
  where relkind in ('r', 'm') and relispopulated and nspname !~ '^pg_' and nspname not in ('information_schema', 'lockkeeper')`

const SEQUENCES = `
  select format('sequence %I.%I', schemaname, sequencename), 1, coalesce(last_value::text, 'unused'), '{}', '{}'
  from pg_sequences where schemaname <> 'lockkeeper'`

/**
 * In what they differ, a line each. Empty: in nothing. `noise`: what is another each time; of those columns the values do
 * not count, of those objects the times (`'now'::timestamp` in a view is the time at which it was made).
 */
export function compareStates(one: State, other: State, noise: ReadonlySet<string>): string[] {
  const calm = ({ schema }: State) =>
    schema.map((part) => (noise.has(headOf(part)) ? part.replace(TIME, '(time)') : part))
  return [...compareSchemas(calm(one), calm(other)), ...compareRows(one.rows, other.rows, noise)]
}

const TIME = /\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)?/g
const headOf = (part: string) => part.split('\n', 1)[0] ?? ''

export function compareSchemas(one: readonly string[], other: readonly string[]): string[] {
  const [a, b] = [new Set(one), new Set(other)]
  const added = new Map(other.filter((part) => !a.has(part)).map((part) => [headOf(part), part]))
  const gone = one.filter((part) => !b.has(part)).map((part) => [headOf(part), part] as const)
  const lines = gone.map(([head, part]) => {
    const changed = added.get(head)
    added.delete(head)
    return changed === undefined ? `- ${head}` : `${head}: ${whereTheyPart(part, changed)}`
  })
  return [...lines, ...[...added.keys()].map((head) => `+ ${head}`)]
}

function whereTheyPart(one: string, other: string): string {
  const at = [...one].findIndex((character, index) => character !== other[index])
  const around = (text: string) => text.slice(Math.max(0, at - 40), at + 60).replace(/\s+/g, ' ')
  return `- …${around(one)}… + …${around(other)}…`
}

function compareRows(one: State['rows'], other: State['rows'], noise: ReadonlySet<string>): string[] {
  return [...new Set([...one.keys(), ...other.keys()])].flatMap((name) => {
    const [a, b] = [one.get(name), other.get(name)]
    if (a === undefined || b === undefined) return [`${name} is only in one of them`]
    if (a.count !== b.count) return [`${name} has ${a.count} and ${b.count} rows`]
    if (a.all === b.all) return []
    const columns = otherColumns(name, a, b)
    // Each column alike and the rows not: then the values are put together in another way.
    if (columns.length === 0) return [`${name} has other rows`]
    return columns.filter((column) => !noise.has(column)).map((column) => `${column} has other values`)
  })
}

const otherColumns = (name: string, a: Rows, b: Rows) =>
  a.columns.filter((_, index) => a.sums[index] !== b.sums[index]).map((column) => `${name}.${column}`)

/** What two runs of the same scripts make differently: columns, as `table.column`, and heads of objects in the dump. */
export function noiseBetween(one: State, other: State): string[] {
  const theirs = new Set(other.schema)
  const heads = one.schema.filter((part) => !theirs.has(part)).map(headOf)
  const columns = [...one.rows].flatMap(([name, rows]) => {
    const twin = other.rows.get(name)
    return twin === undefined ? [] : otherColumns(name, rows, twin)
  })
  return [...heads, ...columns]
}
