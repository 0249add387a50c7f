import type { AlterTableCmd, ColumnDef, Constraint, RangeVar } from 'libpg-query'
import { relationName } from './names.ts'
import { actionsOf, oneLine } from './sql-text.ts'
import type { Statement } from './statement.ts'

/** One action of an ALTER TABLE. */
export interface Action {
  readonly cmd: AlterTableCmd
  readonly relation: RangeVar | undefined
  /** The table as SQL names it. */
  readonly table: string
  /** The action as its author wrote it, on one line. */
  readonly text: string
  /** Offset of the action in the statement's text. */
  readonly at: number
}

/** The actions of an ALTER TABLE, in order; none for any other statement. */
export function tableActions({ node, text }: Statement): Action[] {
  if (node === undefined || !('AlterTableStmt' in node)) return []
  const { relation, cmds = [], objtype } = node.AlterTableStmt
  if (objtype !== 'OBJECT_TABLE') return []
  const pieces = actionsOf(text)
  return cmds.flatMap((each, i) => {
    if (!('AlterTableCmd' in each)) return []
    const { start, end } = (pieces.length === cmds.length ? pieces[i] : undefined) ?? { start: 0, end: text.length }
    return {
      cmd: each.AlterTableCmd,
      relation,
      table: relationName(relation),
      text: oneLine(text.slice(start, end)),
      at: start,
    }
  })
}

export interface AddedColumn extends Action {
  readonly column: ColumnDef
  readonly constraints: readonly Constraint[]
}

/** The columns that an ALTER TABLE adds. */
export const addedColumns = (statement: Statement): AddedColumn[] =>
  tableActions(statement).flatMap((action) => {
    const { subtype, def } = action.cmd
    if (subtype !== 'AT_AddColumn' || def === undefined || !('ColumnDef' in def)) return []
    const constraints = (def.ColumnDef.constraints ?? []).flatMap((each) =>
      'Constraint' in each ? each.Constraint : [],
    )
    return { ...action, column: def.ColumnDef, constraints }
  })

export interface AddedConstraint extends Action {
  readonly constraint: Constraint
  /** The new column that it stands behind. */
  readonly column?: AddedColumn
}

/** The constraints that an ALTER TABLE adds, those behind new columns among them. */
export function addedConstraints(statement: Statement): AddedConstraint[] {
  const own = tableActions(statement).flatMap((action): AddedConstraint[] => {
    const { subtype, def } = action.cmd
    if (subtype !== 'AT_AddConstraint' || def === undefined || !('Constraint' in def)) return []
    return [{ ...action, constraint: def.Constraint }]
  })
  const behind = addedColumns(statement).flatMap((column) =>
    column.constraints.map((constraint) => ({ ...column, constraint, column })),
  )
  return [...own, ...behind]
}
