import type { TableShape } from './shape.ts'

/**
 * Tables in an order in which each comes behind those that it refers to, and those that refer to each other (or to
 * themselves) together: strongly connected components, by Tarjan.
 */
export function foreignKeyOrder(tables: readonly TableShape[]): TableShape[][] {
  const byName = new Map(tables.map((table) => [table.name, table]))
  const seen = new Map<string, { index: number; low: number; open: boolean }>()
  const stack: TableShape[] = []
  const groups: TableShape[][] = []
  const visit = (table: TableShape): { low: number } => {
    const state = { index: seen.size, low: seen.size, open: true }
    seen.set(table.name, state)
    stack.push(table)
    for (const { table: name } of table.foreignKeys) {
      const other = byName.get(name)
      if (other === undefined) continue
      const known = seen.get(name)
      if (known === undefined) state.low = Math.min(state.low, visit(other).low)
      else if (known.open) state.low = Math.min(state.low, known.index)
    }
    if (state.low === state.index) {
      const group = stack.splice(stack.indexOf(table))
      for (const { name } of group) {
        const member = seen.get(name)
        if (member !== undefined) member.open = false
      }
      groups.push(group)
    }
    return state
  }
  for (const table of tables) if (!seen.has(table.name)) visit(table)
  return groups
}

/** Whether rows of these tables need one another. */
export const isCircle = (group: readonly TableShape[]): boolean =>
  group.some(({ foreignKeys }) => foreignKeys.some(({ table }) => group.some(({ name }) => name === table)))
