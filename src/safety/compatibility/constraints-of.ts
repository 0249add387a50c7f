import type { Constraint } from 'libpg-query'
import { addedConstraints } from '../../sql/actions.ts'
import type { Piece } from './row.ts'

/** The constraints that this piece adds. */
export function constraintsOf({ statement, node, action }: Piece): Constraint[] {
  if (action !== undefined) {
    return addedConstraints(statement).flatMap((each) => (each.cmd === action.cmd ? each.constraint : []))
  }
  if (!('CreateStmt' in node)) return []
  return (node.CreateStmt.tableElts ?? []).flatMap((each) => {
    if ('Constraint' in each) return each.Constraint
    const inner = 'ColumnDef' in each ? (each.ColumnDef.constraints ?? []) : []
    return inner.flatMap((one) => ('Constraint' in one ? one.Constraint : []))
  })
}

export const kindsOf = (piece: Piece): string[] => constraintsOf(piece).map(({ contype }) => contype ?? '')
