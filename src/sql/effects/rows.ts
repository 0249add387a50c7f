import type { Node } from 'libpg-query'
import { ident, relationName } from '../names.ts'
import { nodesOf } from '../walk.ts'
import { type Effect, type Rows, thing } from './effect.ts'

/** What a statement does to rows, in its WITH too. */
export function rowEffects(root: Node): Effect[] {
  if ('CopyStmt' in root) {
    const { is_from: reads, relation } = root.CopyStmt
    return reads === true ? [rows('insert', relationName(relation), false)] : []
  }
  return [...nodesOf(root)].flatMap((node): Effect[] => {
    if ('InsertStmt' in node) return [rows('insert', relationName(node.InsertStmt.relation), false)]
    if ('UpdateStmt' in node) {
      const { relation, whereClause, targetList = [] } = node.UpdateStmt
      const columns = targetList.flatMap((each) => ('ResTarget' in each ? ident(each.ResTarget.name ?? '') : []))
      return [rows('update', relationName(relation), isAlways(whereClause), columns)]
    }
    if ('DeleteStmt' in node) {
      const { relation, whereClause } = node.DeleteStmt
      return [rows('delete', relationName(relation), isAlways(whereClause))]
    }
    if ('MergeStmt' in node) return [rows('update', relationName(node.MergeStmt.relation), false)]
    if (!('TruncateStmt' in node)) return []
    const relations = node.TruncateStmt.relations ?? []
    return relations.flatMap((each) =>
      'RangeVar' in each ? [rows('truncate', relationName(each.RangeVar), true)] : [],
    )
  })
}

const rows = (verb: Rows['verb'], table: string, whole: boolean, columns: readonly string[] = []): Rows => ({
  act: 'rows',
  verb,
  table: thing('table', table),
  whole,
  columns,
})

/** No condition, or one that holds for every row: `true`, `1 = 1`. */
export function isAlways(where: Node | undefined): boolean {
  if (where === undefined) return true
  if ('A_Const' in where) return where.A_Const.boolval?.boolval === true
  if (!('A_Expr' in where)) return false
  const { name = [], lexpr, rexpr } = where.A_Expr
  const equals = name.some((each) => 'String' in each && each.String.sval === '=')
  return equals && isConstant(lexpr) && isConstant(rexpr) && constantOf(lexpr) === constantOf(rexpr)
}

const isConstant = (node: Node | undefined): node is Extract<Node, { A_Const: unknown }> =>
  node !== undefined && 'A_Const' in node
const constantOf = ({ A_Const }: Extract<Node, { A_Const: unknown }>) => JSON.stringify({ ...A_Const, location: 0 })
