import type { AlterTableCmd, AlterTableStmt, Node, RangeVar, RenameStmt } from 'libpg-query'
import { definitionOf } from '../definition.ts'
import { ident, listName, nameOf, partsOf, relationName, sibling, typeText } from '../names.ts'
import { columnEffects, constraintEffects, defaultText } from './constraints.ts'
import { type Effect, NONE, OWNED_BY, set, type Thing, thing } from './effect.ts'
import { kindOf, thingOf } from './kinds.ts'
import { optionOf } from './make.ts'

/** What an ALTER, RENAME or GRANT does, or undefined for any other statement. */
export function alterEffects(node: Node): Effect[] | undefined {
  if ('AlterTableStmt' in node) return alterTable(node.AlterTableStmt)
  if ('RenameStmt' in node) return rename(node.RenameStmt)
  if ('AlterObjectSchemaStmt' in node) {
    const { relation, object, objectType, newschema = '', missing_ok: ifExists = false } = node.AlterObjectSchemaStmt
    const from = relation === undefined ? object && thingOf(objectType, object) : of(objectType, relation)
    if (from === undefined) return []
    const to = { ...from, name: `${nameOf(newschema)}.${from.name.split('.').at(-1)}` }
    return [{ act: 'move', from, to, ifExists }]
  }
  if ('AlterEnumStmt' in node) {
    const { typeName, oldVal, newVal = '', skipIfNewValExists: ifMissing = false } = node.AlterEnumStmt
    const type = listName(typeName)
    const made = thing('enum value', `${type}.${ident(newVal)}`)
    if (oldVal !== undefined) return [{ act: 'move', from: thing('enum value', `${type}.${ident(oldVal)}`), to: made }]
    return [{ act: 'make', thing: made, within: [thing('type', type)], needs: [], ifMissing }]
  }
  if ('AlterDomainStmt' in node) return domain(node.AlterDomainStmt)
  if ('AlterSeqStmt' in node) {
    const sequence = of('OBJECT_SEQUENCE', node.AlterSeqStmt.sequence)
    const owner = partsOf(optionOf(node.AlterSeqStmt.options, 'owned_by')?.arg)
    return [owner.length > 1 ? set(OWNED_BY, sequence, [], nameOf(...owner)) : set('options', sequence)]
  }
  if ('AlterPolicyStmt' in node) {
    const { table, policy_name: name = '' } = node.AlterPolicyStmt
    return [set('definition', thing('policy', `${relationName(table)}.${ident(name)}`), [of('OBJECT_TABLE', table)])]
  }
  if ('AlterFunctionStmt' in node && node.AlterFunctionStmt.func !== undefined) {
    const { func, objtype } = node.AlterFunctionStmt
    return [set('properties', thingOf(objtype, { ObjectWithArgs: func }))]
  }
  if ('AlterOwnerStmt' in node && node.AlterOwnerStmt.object !== undefined) {
    return [set('owner', thingOf(node.AlterOwnerStmt.objectType, node.AlterOwnerStmt.object))]
  }
  if ('GrantStmt' in node) {
    const { objects = [], objtype } = node.GrantStmt
    return objects.map((each) => set('privileges', thingOf(objtype, each)))
  }
  if ('AlterDefaultPrivilegesStmt' in node) return [set('default privileges', thing('database', ''))]
  return undefined
}

const of = (type: Parameters<typeof kindOf>[0], relation: RangeVar | undefined): Thing =>
  thing(kindOf(type), relationName(relation))

function alterTable({ relation, cmds = [], objtype }: AlterTableStmt): Effect[] {
  return cmds.flatMap((each) =>
    'AlterTableCmd' in each ? actionEffects(relation, each.AlterTableCmd, kindOf(objtype)) : [],
  )
}

/** Properties of a column, by the action that sets them. */
const OF_COLUMN: Readonly<Record<string, string>> = {
  AT_ColumnDefault: 'default',
  AT_SetNotNull: 'not null',
  AT_DropNotNull: 'not null',
  AT_SetExpression: 'expression',
  AT_DropExpression: 'expression',
  AT_AddIdentity: 'identity',
  AT_SetIdentity: 'identity',
  AT_DropIdentity: 'identity',
  AT_SetStorage: 'storage',
  AT_SetCompression: 'compression',
  AT_SetOptions: 'options',
  AT_ResetOptions: 'options',
}

/** Properties of a table or an index. */
const OF_TABLE: Readonly<Record<string, string>> = {
  AT_ChangeOwner: 'owner',
  AT_SetLogged: 'persistence',
  AT_SetUnLogged: 'persistence',
  AT_SetAccessMethod: 'access method',
  AT_SetTableSpace: 'tablespace',
  AT_SetRelOptions: 'options',
  AT_ResetRelOptions: 'options',
  AT_EnableRowSecurity: 'row security',
  AT_DisableRowSecurity: 'row security',
  AT_ForceRowSecurity: 'forced row security',
  AT_NoForceRowSecurity: 'forced row security',
  AT_ReplicaIdentity: 'replica identity',
}

/** What one action of an ALTER does to a relation of a kind. */
export function actionEffects(relation: RangeVar | undefined, cmd: AlterTableCmd, kind: string): Effect[] {
  const { subtype = '', name = '', def, behavior, missing_ok: ifExists = false } = cmd
  const table = thing(kind, relationName(relation))
  const column = thing(kind === 'type' ? 'attribute' : 'column', `${table.name}.${ident(name)}`)
  const cascade = behavior === 'DROP_CASCADE'
  const constraint = thing('constraint', `${table.name}.${ident(name)}`)
  if (subtype === 'AT_AddColumn' && def !== undefined && 'ColumnDef' in def) {
    if (kind !== 'type') return columnEffects(relation, def.ColumnDef, ifExists)
    const attribute = thing('attribute', `${table.name}.${ident(def.ColumnDef.colname ?? '')}`)
    return [{ act: 'make', thing: attribute, within: [table], needs: [] }]
  }
  if (subtype === 'AT_DropColumn') return [{ act: 'drop', thing: column, ifExists, cascade }]
  if (subtype === 'AT_AddConstraint' && def !== undefined && 'Constraint' in def) {
    return constraintEffects(relation, def.Constraint)
  }
  if (subtype === 'AT_DropConstraint') return [{ act: 'drop', thing: constraint, ifExists, cascade }]
  if (subtype === 'AT_ValidateConstraint') return [set('validity', constraint, [constraint, table], 'yes')]
  if (subtype === 'AT_AlterColumnType' && def !== undefined && 'ColumnDef' in def) {
    return [set('type', column, [column, table], typeText(def.ColumnDef.typeName))]
  }
  if (def !== undefined && 'PartitionCmd' in def && subtype.endsWith('Partition')) {
    const part = relationName(def.PartitionCmd.name)
    const bond = thing('partition', `${part} of ${table.name}`)
    if (subtype === 'AT_DetachPartition') return [{ act: 'drop', thing: bond, ifExists: false, cascade: false }]
    return [{ act: 'make', thing: bond, within: [table, thing(kind, part)], needs: [] }]
  }
  const ofColumn = OF_COLUMN[subtype]
  if (ofColumn !== undefined) return [set(ofColumn, column, [column, table], valueSetBy(cmd))]
  const ofTable = OF_TABLE[subtype]
  if (ofTable !== undefined) return [set(ofTable, table, [table])]
  const trigger = /^AT_(?:Enable|Disable).*Trig/.test(subtype)
  return trigger ? [set('state', thing('trigger', `${table.name}.${name}`), [table])] : []
}

/** The value that an action gives a property of a column, where the text tells. */
function valueSetBy({ subtype, def }: AlterTableCmd): string | undefined {
  if (subtype === 'AT_ColumnDefault') return defaultText(def)
  if (subtype === 'AT_SetNotNull') return 'yes'
  if (subtype === 'AT_DropNotNull') return 'no'
  if (subtype === 'AT_SetExpression' && def !== undefined) return definitionOf(def)
  return subtype === 'AT_DropExpression' || subtype === 'AT_DropIdentity' ? NONE : undefined
}

function rename({ renameType, relation, object, subname = '', newname = '', ...more }: RenameStmt): Effect[] {
  const { relationType, missing_ok: ifExists = false } = more
  const kind = kindOf(renameType)
  const on = relationName(relation)
  const move = (from: Thing, to: string): Effect[] => [{ act: 'move', from, to: { ...from, name: to }, ifExists }]
  if (kind === 'column' || kind === 'attribute' || kind === 'constraint' || kind === 'trigger' || kind === 'policy') {
    const known = kind === 'column' && kindOf(relationType) === 'type' ? 'attribute' : kind
    return move(thing(known, `${on}.${ident(subname)}`), `${on}.${ident(newname)}`)
  }
  if (kind === 'schema') return move(thing(kind, ident(subname)), ident(newname))
  if (relation !== undefined) return move(thing(kind, on), sibling(relation, newname))
  if (object === undefined) return []
  const from = thingOf(renameType, object)
  const [schema] = partsOf(object).slice(0, -1)
  const args = from.name.includes('(') ? from.name.slice(from.name.indexOf('(')) : ''
  return move(from, `${nameOf(...(schema === undefined ? [] : [schema]), newname)}${args}`)
}

function domain({ subtype, typeName, name = '', def }: Extract<Node, { AlterDomainStmt: unknown }>['AlterDomainStmt']) {
  const type = thing('type', listName(typeName))
  const made = def !== undefined && 'Constraint' in def ? (def.Constraint.conname ?? `${type.name}_check`) : name
  const constraint = thing('constraint', `${type.name}.${ident(made)}`)
  if (subtype === 'C') return [{ act: 'make', thing: constraint, within: [type], needs: [] } satisfies Effect]
  if (subtype === 'X') return [{ act: 'drop', thing: constraint, ifExists: false, cascade: false } satisfies Effect]
  return subtype === 'V' ? [] : [set(subtype === 'T' ? 'default' : 'not null', type)]
}
