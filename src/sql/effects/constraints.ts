import type { ColumnDef, Constraint, Node, RangeVar } from 'libpg-query'
import { definitionOf } from '../definition.ts'
import { ident, nameOf, partsOf, relationName, sibling, typeText } from '../names.ts'
import { serialOf } from '../types.ts'
import { nodesOf } from '../walk.ts'
import { type Make, type Move, NONE, type Properties, type SetProperty, set, thing } from './effect.ts'

/** A column and what stands behind it: its constraints are things of their own. */
export function columnEffects(
  table: RangeVar | undefined,
  def: ColumnDef,
  ifMissing = false,
): (Make | Move | SetProperty)[] {
  const name = relationName(table)
  const constraints = (def.constraints ?? []).flatMap((each) => ('Constraint' in each ? [each.Constraint] : []))
  const column: Make = {
    act: 'make',
    thing: thing('column', `${name}.${ident(def.colname ?? '')}`),
    within: [thing('table', name)],
    needs: [thing('type', typeText(def.typeName).replace(/[([].*$/, ''))],
    ifMissing,
    facts: { type: typeText(def.typeName), generated: constraints.some(isGenerated) },
    properties: columnProperties(def, constraints),
  }
  return [column, ...constraints.flatMap((each) => constraintEffects(table, each, def.colname))]
}

/** What its definition says of a column, and what it is like where that says nothing. */
function columnProperties(def: ColumnDef, constraints: readonly Constraint[]): Properties {
  const of = (contype: Constraint['contype']) => constraints.find((each) => each.contype === contype)
  const serial = serialOf(def.typeName)
  const identity = of('CONSTR_IDENTITY')
  const required = serial !== undefined || identity !== undefined || of('CONSTR_PRIMARY') || of('CONSTR_NOTNULL')
  const value = of('CONSTR_DEFAULT')?.raw_expr
  const expression = of('CONSTR_GENERATED')?.raw_expr
  return {
    type: serial ?? typeText(def.typeName),
    'not null': required ? 'yes' : 'no',
    // The default of a serial column is a sequence whose name the text does not tell.
    ...(serial === undefined && { default: defaultText(value) }),
    expression: expression === undefined ? NONE : definitionOf(expression),
    identity: identity === undefined ? NONE : (identity.generated_when ?? ''),
  }
}

/** A default; NULL is none. */
export function defaultText(expression: Node | undefined): string {
  const value = expression === undefined ? NONE : definitionOf(expression)
  return value === 'null' ? NONE : value
}

const isGenerated = ({ contype }: Constraint) => contype === 'CONSTR_GENERATED'

/** The endings of the names that the server gives (ChooseConstraintName, ChooseIndexName in its sources). */
const ENDINGS: Readonly<Record<string, string>> = {
  CONSTR_CHECK: 'check',
  CONSTR_EXCLUSION: 'excl',
  CONSTR_FOREIGN: 'fkey',
  CONSTR_PRIMARY: 'pkey',
  CONSTR_UNIQUE: 'key',
}

/** `column`: of which it is part, where it stands behind one. */
export function constraintEffects(
  table: RangeVar | undefined,
  constraint: Constraint,
  column?: string,
): (Make | Move | SetProperty)[] {
  const { contype = '', conname, skip_validation = false, raw_expr, pktable, indexname } = constraint
  const relation = relationName(table)
  const columns = constrainedColumns(constraint, column)
  const within = [thing('table', relation), ...columns.map((each) => thing('column', `${relation}.${ident(each)}`))]
  if (contype === 'CONSTR_NOTNULL' && column === undefined) {
    return columns.map((each) => set('not null', thing('column', `${relation}.${ident(each)}`), within, 'yes'))
  }
  if (ENDINGS[contype] === undefined) return []
  const named = conname ?? indexname ?? constraintName(table, constraint, column)
  const made: Make = {
    act: 'make',
    thing: thing('constraint', `${relation}.${ident(named)}`),
    within,
    needs: pktable === undefined ? [] : [thing('table', relationName(pktable))],
    guessed: conname === undefined && indexname === undefined,
    facts: {
      valid: !skip_validation,
      ...(contype === 'CONSTR_CHECK' && { check: true, notNull: neverNull(raw_expr) }),
      ...((contype === 'CONSTR_PRIMARY' || contype === 'CONSTR_UNIQUE') && { keys: columns.join(' ') }),
      ...(contype === 'CONSTR_PRIMARY' && { primary: true }),
      ...(contype === 'CONSTR_FOREIGN' && { refersTo: partsOf(constraint.pk_attrs).join(' ') }),
    },
    properties: constraintProperties(constraint, columns),
  }
  return indexname === undefined
    ? [made]
    : [{ act: 'move', from: thing('index', sibling(table, indexname)), to: made.thing }]
}

function constraintProperties(constraint: Constraint, columns: readonly string[]): Properties {
  const { contype, raw_expr, pktable, pk_attrs, exclusions, where_clause, access_method, including } = constraint
  const { deferrable, initdeferred, nulls_not_distinct, fk_matchtype, fk_upd_action, fk_del_action } = constraint
  const keyed = raw_expr === undefined && exclusions === undefined ? columns : []
  const flags = { deferrable, initdeferred, nulls_not_distinct, fk_matchtype, fk_upd_action, fk_del_action }
  const parts = { contype, keyed, raw_expr, to: pktable?.relname, exclusions, where_clause, access_method, including }
  return {
    definition: definitionOf({ ...parts, ...flags }),
    validity: constraint.skip_validation === true ? 'no' : 'yes',
    // Without columns it refers to the primary key, whose columns the text does not tell.
    ...(pk_attrs !== undefined && { 'referenced columns': definitionOf(pk_attrs) }),
  }
}

/** The name that a constraint has, or gets from the server. */
export function constraintName(table: RangeVar | undefined, constraint: Constraint, column?: string): string {
  const { contype = '', conname } = constraint
  if (conname !== undefined) return conname
  const columns = constrainedColumns(constraint, column)
  const part = contype === 'CONSTR_PRIMARY' || (contype === 'CONSTR_CHECK' && columns.length !== 1) ? [] : columns
  return [table?.relname ?? '', ...part, ENDINGS[contype] ?? 'not_null'].join('_').slice(0, 63)
}

function constrainedColumns(
  { keys, fk_attrs, raw_expr, exclusions }: Constraint,
  column: string | undefined,
): string[] {
  if (column !== undefined) return [column]
  const listed = [...(keys ?? []), ...(fk_attrs ?? [])].flatMap((each) => partsOf(each))
  return listed.length > 0 ? listed : [...new Set([raw_expr, ...(exclusions ?? [])].flatMap(columnsIn))]
}

/** Columns that an expression names. */
export const columnsIn = (expression: Node | undefined): string[] =>
  expression === undefined
    ? []
    : [...nodesOf(expression)].flatMap((node) => {
        if ('IndexElem' in node) return node.IndexElem.name ?? []
        return 'ColumnRef' in node ? (partsOf(node.ColumnRef.fields).at(-1) ?? []) : []
      })

/** Columns that cannot be NULL where a CHECK holds: `a IS NOT NULL AND b IS NOT NULL`. */
function neverNull(expression: Node | undefined): string[] {
  if (expression === undefined) return []
  if ('BoolExpr' in expression && expression.BoolExpr.boolop === 'AND_EXPR') {
    return (expression.BoolExpr.args ?? []).flatMap(neverNull)
  }
  if (!('NullTest' in expression) || expression.NullTest.nulltesttype !== 'IS_NOT_NULL') return []
  return columnsIn(expression.NullTest.arg)
}

/** The relations that a query reads, but for those that it defines itself. */
export function relationsIn(query: Node | undefined): string[] {
  if (query === undefined) return []
  const nodes = [...nodesOf(query)]
  const own = new Set(nodes.flatMap((node) => ('CommonTableExpr' in node ? (node.CommonTableExpr.ctename ?? []) : [])))
  return nodes.flatMap((node) => {
    if (!('RangeVar' in node)) return []
    const { schemaname, relname = '' } = node.RangeVar
    return schemaname === undefined && own.has(relname) ? [] : nameOf(...(schemaname ? [schemaname] : []), relname)
  })
}
