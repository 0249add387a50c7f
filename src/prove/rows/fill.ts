import type { Session } from '../../postgres/session.ts'
import { fillCircle } from './circle.ts'
import { fillTable, tried } from './fill-table.ts'
import type { Unfilled } from './loss.ts'
import { foreignKeyOrder, isCircle } from './order.ts'
import { readShapes, type Shapes, type TableShape } from './shape.ts'

/**
 * Puts rows into every table, as far as its constraints let it be done without understanding them; what stays empty is
 * returned with the server's reason. The session is of who owns the tables, or a superuser, so that row security does not
 * hide anything, and has an empty search_path.
 */
export async function fillTables(session: Session, historySchema: string): Promise<Unfilled[]> {
  const shapes = await readShapes(session, historySchema)
  const filled = new Set<string>()
  const unfilled: Unfilled[] = []
  for (const group of foreignKeyOrder(shapes.tables)) {
    if (isCircle(group)) unfilled.push(...(await fillCircle(session, shapes, group, filled)))
    else for (const table of group) unfilled.push(...(await fillOne(session, shapes, table, filled)))
  }
  return unfilled
}

async function fillOne(session: Session, shapes: Shapes, table: TableShape, filled: Set<string>): Promise<Unfilled[]> {
  await session.execute('begin')
  const refused = (await fillTable(session, shapes, table, filled)) ?? (await takenAway(session, table))
  const why = refused ?? (await tried(session, 'commit'))
  if (why !== undefined) await session.execute('rollback')
  if (why === undefined || !(await isEmpty(session, table))) filled.add(table.name)
  return why === undefined ? [] : [{ table: table.name, why }]
}

async function takenAway(session: Session, table: TableShape): Promise<string | undefined> {
  return (await isEmpty(session, table)) ? 'a rule, a trigger or a policy takes its rows away' : undefined
}

async function isEmpty(session: Session, table: TableShape): Promise<boolean> {
  const [row] = await session.rows(`select not exists (select from ${table.name}) as empty`)
  return row?.empty === true
}
