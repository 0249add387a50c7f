import type { Session } from '../postgres/session.ts'
import { literal } from '../postgres/sql.ts'
import { blockedBy, type Lock, locksOf } from '../sql/locks.ts'
import type { ReadScript } from '../sql/statement.ts'

/** A statement of a plan, and what it holds up. */
export interface PlannedStatement {
  /** 1-based line of the file. */
  readonly line: number
  /** First words of it: enough to know it by, and no data. */
  readonly text: string
  readonly locks: readonly PlannedLock[]
}

export interface PlannedLock extends Omit<Lock, 'key'> {
  readonly blocks: ReturnType<typeof blockedBy>
  /** Size with its indexes, and rows as the statistics estimate them; null: not there yet, or not known. */
  readonly bytes: number | null
  readonly rows: number | null
}

interface Size {
  readonly bytes: number
  readonly rows: number
}

/** The statements of a script; relations that the database does not have yet are made on the way, and hold up nobody. */
export const plannedStatements = ({ statements }: ReadScript, sizes: ReadonlyMap<string, Size>): PlannedStatement[] =>
  statements.map(({ node, text: whole, line }) => {
    const text = whole.slice(0, 400).replace(/\s+/g, ' ')
    const locks = locksOf(node).map(({ mode, relation }) => {
      const { bytes = null, rows = null } = sizes.get(relation) ?? {}
      return { mode, relation, blocks: blockedBy(mode), bytes, rows }
    })
    return { line, text: text.length <= 80 ? text : `${text.slice(0, 79)}…`, locks }
  })

/** Names of relations that scripts lock. */
export const relationsOf = (scripts: readonly ReadScript[]): string[] => [
  ...new Set(
    scripts.flatMap(({ statements }) =>
      statements.flatMap(({ node }) => locksOf(node).map(({ relation }) => relation)),
    ),
  ),
]

/** By the names that the scripts use. `role`: who runs them, where it is not the one that logs in. */
export async function sizesOf(
  session: Session,
  relations: readonly string[],
  role?: string,
): Promise<Map<string, Size>> {
  if (relations.length === 0) return new Map()
  const found = await session.askAsScript(
    `SELECT name, pg_catalog.to_regclass(name)::pg_catalog.oid::pg_catalog.text AS oid
     FROM (VALUES ${relations.map((name) => `(${literal(name)})`).join(', ')}) AS r (name)`,
    role,
  )
  const known = found.filter(({ oid }) => oid !== null)
  if (known.length === 0) return new Map()
  const rows = await session.rows(`
    select r.name, pg_total_relation_size(c.oid)::float8 as bytes, greatest(c.reltuples, 0)::float8 as rows
    from (values ${known.map(({ name, oid }) => `(${literal(String(name))}, ${oid}::oid)`).join(', ')}) r (name, oid)
    join pg_class c on c.oid = r.oid`)
  return new Map(
    rows.map(({ name, bytes, rows: count }) => [String(name), { bytes: Number(bytes), rows: Number(count) }]),
  )
}

/**
 * The longest that the clients of some table may have to wait for a step: each lock that stops them is waited for at most
 * the lock-timeout, in turn. Zero for what runs statement by statement without a bound and stops nobody.
 */
export function stallOf(statements: readonly PlannedStatement[], lockTimeoutMs: number): number {
  const stopping = statements
    .flatMap(({ locks }) => locks)
    .filter(({ blocks, bytes }) => blocks !== 'nothing' && bytes !== null)
  return new Set(stopping.map(({ relation, mode }) => `${mode} ${relation}`)).size * lockTimeoutMs
}

const units = ['B', 'kB', 'MB', 'GB', 'TB']
export function formatBytes(bytes: number): string {
  const power = Math.min(units.length - 1, bytes < 1 ? 0 : Math.floor(Math.log2(bytes) / 10))
  return `${Math.round(bytes / 2 ** (10 * power))} ${units[power]}`
}
