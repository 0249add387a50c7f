import { type Action, tableActions } from '../sql/actions.ts'
import { thing } from '../sql/effects/effect.ts'
import { ident, typeText } from '../sql/names.ts'
import type { Statement } from '../sql/statement.ts'
import { type TypeChange, typeChange } from '../sql/types.ts'
import type { Scene } from './scene.ts'

export interface ChangedType extends Action {
  readonly column: string
  /** Undefined: no script of the set says. */
  readonly old: string | undefined
  readonly next: string
  readonly change: TypeChange
}

/** The columns whose type a statement changes. With USING every value is computed anew. */
export const changedTypes = (statement: Statement, { schema }: Pick<Scene, 'schema'>): ChangedType[] =>
  tableActions(statement).flatMap((action) => {
    const { subtype, def, name: column = '' } = action.cmd
    if (subtype !== 'AT_AlterColumnType' || def === undefined || !('ColumnDef' in def)) return []
    const old = schema.find(thing('column', `${action.table}.${ident(column)}`))?.facts.type
    const next = typeText(def.ColumnDef.typeName)
    const change = typeChange(old, next)
    const using = def.ColumnDef.raw_default !== undefined
    return { ...action, column, old, next, change: using && change === 'cheap' ? 'rewrites' : change }
  })
