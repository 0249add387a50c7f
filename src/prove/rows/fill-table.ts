import { isDatabaseError, type Session } from '../../postgres/session.ts'
import { literal } from '../../postgres/sql.ts'
import { insertOf, type Recipe, rowOf } from './row.ts'
import type { Shapes, TableShape } from './shape.ts'

/** Rows for each table: enough to tell one from another. */
const ROWS = 5
/** Scripts that bring rows give them low numbers: generated rows stay out of their way, where there is room. */
const FAR = 1000

/** Recipes, the likeliest first. */
const recipes = (there: number): Recipe[] => [
  ...[FAR, there].flatMap((offset) => Array.from({ length: 12 }, (_, choice) => ({ choice, offset, sparse: false }))),
  ...Array.from({ length: 6 }, (_, choice) => ({ choice, offset: FAR, sparse: true })),
]

/** Puts rows into a table, inside the transaction that is open. Undefined when they went in; else the server's first reason. */
export async function fillTable(
  session: Session,
  shapes: Shapes,
  table: TableShape,
  filled: ReadonlySet<string>,
): Promise<string | undefined> {
  const [row] = await session.rows(`select count(*) as there from ${table.name}`)
  await advanceSequences(session, table)
  const all = recipes(Number(row?.there ?? 0))
  let reason: string | undefined
  for (const count of [ROWS, 1]) {
    const asked = new Set<string>()
    for (const recipe of all) {
      const rows = Array.from({ length: count }, (_, i) => rowOf(shapes, table, i + 1, recipe, filled))
      const insert = insertOf(table, rows)
      if (asked.has(insert)) continue
      asked.add(insert)
      const why = await tried(session, insert)
      if (why === undefined) return undefined
      reason ??= why
    }
  }
  return reason
}

async function advanceSequences(session: Session, { columns }: TableShape): Promise<void> {
  for (const { sequence } of columns) {
    if (sequence === null) continue
    // One that has no room is left where it is.
    await tried(session, `select setval(${literal(sequence)}, greatest(${FAR}, (select last_value from ${sequence})))`)
  }
}

/** Undefined when it worked; else what the server says, and the transaction goes on as if it had not been asked. */
export async function tried(session: Session, sql: string): Promise<string | undefined> {
  const ends = sql.endsWith('commit')
  try {
    await session.execute(ends ? sql : `savepoint s; ${sql}; release savepoint s`)
    return undefined
  } catch (error) {
    if (!isDatabaseError(error)) throw error
    if (!ends) await session.execute('rollback to savepoint s; release savepoint s')
    return error.message
  }
}
