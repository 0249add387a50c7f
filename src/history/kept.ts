import { identifier, literal } from '../postgres/sql.ts'
import { edited } from './edited.ts'
import type { Kept } from './write.ts'

/** The table of an adopted tool that is kept current, as the column says. Throws `history-untrusted` for what is none. */
export function keptOf(column: string, schema: string, set: string): Kept {
  const kept = parsed(column)
  if (typeof kept?.tool === 'string' && typeof kept.table?.name === 'string' && typeof kept.table.schema === 'string')
    return kept
  const state = `${identifier(schema)}.state`
  throw edited(
    `the column keeps of ${state} names no table that is kept current`,
    `where nobody goes back to another tool: UPDATE ${state} SET keeps = NULL WHERE "set" = ${literal(set)}`,
  )
}

function parsed(column: string): Kept | undefined {
  try {
    return JSON.parse(column) ?? undefined
  } catch {
    return undefined // What is no JSON names no table either.
  }
}
