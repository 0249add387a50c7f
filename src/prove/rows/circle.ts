import type { Session } from '../../postgres/session.ts'
import { fillTable, tried } from './fill-table.ts'
import type { Unfilled } from './loss.ts'
import { borrowed } from './row.ts'
import type { ForeignKey, Shapes, TableShape } from './shape.ts'

/** A foreign key inside a circle, and its table. */
interface Inside {
  readonly table: TableShape
  readonly key: ForeignKey
}

/**
 * Tables that need one another: their foreign keys wait for the end of the transaction, first values are only of the
 * right type, and then each is pointed at a row that is there. Constraints are afterwards as they were.
 */
export async function fillCircle(
  session: Session,
  shapes: Shapes,
  group: readonly TableShape[],
  filled: Set<string>,
): Promise<Unfilled[]> {
  const inside = group.flatMap((table) =>
    table.foreignKeys.filter((key) => group.some(({ name }) => name === key.table)).map((key) => ({ table, key })),
  )
  await session.execute('begin')
  const waiting = await tried(
    session,
    alter(inside, () => 'deferrable initially deferred'),
  )
  const why = waiting ?? (await fillMembers(session, shapes, group, filled, inside))
  const back = alter(inside, ({ timing }) => timing)
  const failed = why ?? (await tried(session, `set constraints all immediate; ${back}; commit`))
  if (failed === undefined) {
    for (const { name } of group) filled.add(name)
    return []
  }
  await session.execute('rollback')
  const names = group.map(({ name }) => name).join(', ')
  return group.map(({ name }) => ({ table: name, why: `${failed} (its foreign keys form a circle: ${names})` }))
}

const alter = (inside: readonly Inside[], timing: (key: ForeignKey) => string) =>
  inside.map(({ table, key }) => `alter table ${table.name} alter constraint ${key.name} ${timing(key)}`).join(';')

async function fillMembers(
  session: Session,
  shapes: Shapes,
  group: readonly TableShape[],
  filled: ReadonlySet<string>,
  inside: readonly Inside[],
): Promise<string | undefined> {
  for (const table of group) {
    const why = await fillTable(session, shapes, table, filled)
    if (why !== undefined) return why
  }
  for (const { table, key } of inside) {
    const set = borrowed(key, 1, new Map()).map(([column, expression]) => `${column} = ${expression}`)
    const why = await tried(session, `update ${table.name} set ${set.join(', ')}`)
    if (why !== undefined) return why
  }
  return undefined
}
