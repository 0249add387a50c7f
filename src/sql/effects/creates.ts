import type { CreateFunctionStmt, CreateStmt, FunctionParameter, IndexStmt, Node, RangeVar } from 'libpg-query'
import { definitionOf } from '../definition.ts'
import { ident, listName, partsOf, relationName, sibling, unsizedType } from '../names.ts'
import { columnEffects, columnsIn, constraintEffects, relationsIn } from './constraints.ts'
import { nameEffects } from './creates-names.ts'
import { type Effect, type Make, thing } from './effect.ts'
import { kindOf } from './kinds.ts'
import { make, optionOf } from './make.ts'

const tables = (names: readonly string[]) => names.map((name) => thing('table', name))
const named = (relation: RangeVar | undefined) => thing('table', relationName(relation))

/** What a CREATE makes, or undefined for any other statement. */
export function createEffects(node: Node): Effect[] | undefined {
  if ('CreateStmt' in node) return table(node.CreateStmt)
  if ('CreateForeignTableStmt' in node) {
    return [make('foreign table', relationName(node.CreateForeignTableStmt.base?.relation))]
  }
  if ('IndexStmt' in node) return [index(node.IndexStmt)]
  if ('ViewStmt' in node) {
    const { view, query, replace } = node.ViewStmt
    const facts = { temporary: view?.relpersistence === 't' }
    const properties = { definition: definitionOf(query) }
    return [make('view', relationName(view), { needs: tables(relationsIn(query)), replace, facts, properties })]
  }
  if ('CreateTableAsStmt' in node) {
    const { into, objtype, query, if_not_exists: ifMissing } = node.CreateTableAsStmt
    const needs = objtype === 'OBJECT_MATVIEW' ? tables(relationsIn(query)) : []
    const facts = { temporary: into?.rel?.relpersistence === 't', copied: true }
    const properties = objtype === 'OBJECT_MATVIEW' ? { definition: definitionOf(query) } : {}
    return [make(kindOf(objtype), relationName(into?.rel), { needs, ifMissing, facts, properties })]
  }
  if ('SelectStmt' in node && node.SelectStmt.intoClause !== undefined) {
    const { rel } = node.SelectStmt.intoClause
    const facts = { temporary: rel?.relpersistence === 't', copied: true }
    return [make('table', relationName(rel), { facts })]
  }
  if ('CreateFunctionStmt' in node) return [functionOf(node.CreateFunctionStmt)]
  if ('CreateTrigStmt' in node) {
    const { relation, trigname = '', funcname, replace, ...rest } = node.CreateTrigStmt
    const needs = [thing('function', listName(funcname))]
    const properties = { definition: definitionOf([funcname, rest]) }
    const more = { within: [named(relation)], needs, replace, properties }
    return [make('trigger', `${relationName(relation)}.${ident(trigname)}`, more)]
  }
  if ('CreatePolicyStmt' in node) {
    const { table: on, policy_name: name = '', ...rest } = node.CreatePolicyStmt
    const properties = { definition: definitionOf(rest) }
    return [make('policy', `${relationName(on)}.${ident(name)}`, { within: [named(on)], properties })]
  }
  if ('RuleStmt' in node) {
    const { relation, rulename = '', replace, ...rest } = node.RuleStmt
    const more = { within: [named(relation)], replace, properties: { definition: definitionOf(rest) } }
    return [make('rule', `${relationName(relation)}.${ident(rulename)}`, more)]
  }
  if ('CreateSchemaStmt' in node) {
    const { schemaname = '', if_not_exists: ifMissing, schemaElts = [] } = node.CreateSchemaStmt
    return [
      make('schema', ident(schemaname), { ifMissing }),
      ...schemaElts.flatMap((each) => createEffects(each) ?? []),
    ]
  }
  return nameEffects(node)
}

function table(stmt: CreateStmt): Effect[] {
  const { relation, tableElts = [], inhRelations = [], partbound, partspec, if_not_exists: ifMissing } = stmt
  const parents = inhRelations.flatMap((each) => ('RangeVar' in each ? [named(each.RangeVar)] : []))
  const inside = tableElts.flatMap((each): Effect[] => {
    if ('ColumnDef' in each) return columnEffects(relation, each.ColumnDef)
    return 'Constraint' in each ? constraintEffects(relation, each.Constraint) : []
  })
  const parts = inside.map((each) => (each.act === 'make' && ifMissing === true ? { ...each, ifMissing } : each))
  const copied = inhRelations.length > 0 || tableElts.some((each) => 'TableLikeClause' in each)
  const needs = inside.flatMap((each) => (each.act === 'make' ? each.needs : []))
  const facts = { partitioned: partspec !== undefined, temporary: relation?.relpersistence === 't', copied }
  const own = { within: partbound === undefined ? [] : parents, needs: [...parents, ...needs], ifMissing, facts }
  return [make('table', relationName(relation), own), ...parts]
}

function index({
  idxname,
  relation,
  indexParams = [],
  whereClause,
  unique,
  if_not_exists: ifMissing,
  ...rest
}: IndexStmt): Make {
  const columns = [...indexParams, whereClause].flatMap(columnsIn)
  const parts = indexParams.map((each) => ('IndexElem' in each ? (each.IndexElem.name ?? 'expr') : 'expr'))
  const name = idxname ?? [relation?.relname ?? '', ...parts, 'idx'].join('_').slice(0, 63)
  const on = relationName(relation)
  return make('index', sibling(relation, name), {
    within: [thing('table', on), ...columns.map((each) => thing('column', `${on}.${ident(each)}`))],
    ifMissing,
    guessed: idxname === undefined,
    facts: { unique: unique === true },
    properties: { definition: definitionOf([indexParams, whereClause, unique === true, rest]) },
  })
}

function functionOf({ funcname, parameters = [], returnType, options = [], replace }: CreateFunctionStmt): Make {
  const volatility = optionOf(options, 'volatility')?.arg
  const said = volatility === undefined ? 'volatile' : partsOf(volatility)[0]
  const types = parameters.flatMap((each) => ('FunctionParameter' in each ? inputType(each.FunctionParameter) : []))
  const facts = { volatile: said === 'volatile' }
  const properties = { definition: definitionOf([parameters, returnType, options.toSorted(byName)]) }
  return make('function', `${listName(funcname)}(${types.join(', ')})`, { replace, facts, properties })
}

/** The options of a function may stand in any order. */
const byName = (a: Node, b: Node) => (optionName(a) < optionName(b) ? -1 : 1)
const optionName = (node: Node) => ('DefElem' in node ? (node.DefElem.defname ?? '') : '')

/** What tells functions of one name apart: the types of what goes in. */
const inputType = ({ mode, argType }: FunctionParameter): string[] =>
  mode === 'FUNC_PARAM_OUT' || mode === 'FUNC_PARAM_TABLE' ? [] : [unsizedType(argType)]
