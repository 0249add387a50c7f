import type { AlterTableCmd, Constraint, DefElem, Node, RangeVar } from 'libpg-query'
import { ident, partsOf, relationName } from './names.ts'
import { nodesOf } from './walk.ts'

/** The table-level locks, weakest first (PostgreSQL manual, 13.3.1). */
export const LOCK_MODES = [
  'ROW EXCLUSIVE',
  'SHARE UPDATE EXCLUSIVE',
  'SHARE',
  'SHARE ROW EXCLUSIVE',
  'EXCLUSIVE',
  'ACCESS EXCLUSIVE',
] as const
export type LockMode = (typeof LOCK_MODES)[number]

/** A lock that a statement takes on a relation that was there before it. */
export interface Lock {
  readonly mode: LockMode
  /** As SQL names it, with the schema that the statement names. */
  readonly relation: string
  /** The name by which the schema knows it: `public` is left out. */
  readonly key: string
}

/** What others may not do meanwhile, and so what waits while the lock is waited for. */
export function blockedBy(mode: LockMode): 'reads and writes' | 'writes' | 'nothing' {
  if (mode === 'ACCESS EXCLUSIVE') return 'reads and writes'
  return mode === 'ROW EXCLUSIVE' || mode === 'SHARE UPDATE EXCLUSIVE' ? 'nothing' : 'writes'
}

/**
 * The locks that a statement is known to take (the manual's pages on the commands), one for each relation and mode; what
 * is not known is left out, and so are relations that the statement makes itself.
 */
export function locksOf(node: Node | undefined): Lock[] {
  const all = node === undefined ? [] : found(node)
  return [...new Map(all.map((lock) => [`${lock.mode} ${lock.relation}`, lock])).values()]
}

function found(node: Node): Lock[] {
  if ('AlterTableStmt' in node) {
    const { relation, cmds = [], objtype } = node.AlterTableStmt
    if (objtype !== 'OBJECT_TABLE') return []
    const actions = cmds.flatMap((each) => ('AlterTableCmd' in each ? [each.AlterTableCmd] : []))
    return [...on(strictest(actions.map(modeOf)), relation), ...actions.flatMap(({ def }) => referenced(def))]
  }
  if ('CreateStmt' in node) {
    const { partbound, inhRelations = [], tableElts = [] } = node.CreateStmt
    const parents = partbound === undefined ? [] : ranges(inhRelations)
    return [...parents.flatMap((each) => on('ACCESS EXCLUSIVE', each)), ...tableElts.flatMap(referenced)]
  }
  if ('IndexStmt' in node)
    return on(node.IndexStmt.concurrent === true ? 'SHARE UPDATE EXCLUSIVE' : 'SHARE', node.IndexStmt.relation)
  if ('CreatePolicyStmt' in node) return on('ACCESS EXCLUSIVE', node.CreatePolicyStmt.table)
  if ('AlterPolicyStmt' in node) return on('ACCESS EXCLUSIVE', node.AlterPolicyStmt.table)
  if ('RuleStmt' in node) return on('ACCESS EXCLUSIVE', node.RuleStmt.relation)
  if ('CreateTrigStmt' in node) return on('SHARE ROW EXCLUSIVE', node.CreateTrigStmt.relation)
  if ('RenameStmt' in node) {
    const { renameType, relationType, relation } = node.RenameStmt
    const isTable = renameType === 'OBJECT_TABLE' || relationType === 'OBJECT_TABLE'
    return isTable || renameType === 'OBJECT_TABCONSTRAINT' ? on('ACCESS EXCLUSIVE', relation) : []
  }
  if ('AlterObjectSchemaStmt' in node) {
    const { objectType, relation } = node.AlterObjectSchemaStmt
    return objectType === 'OBJECT_TABLE' ? on('ACCESS EXCLUSIVE', relation) : []
  }
  if ('DropStmt' in node) return dropped(node.DropStmt)
  return upkeep(node) ?? rows(node)
}

/** The lock that one action of an ALTER TABLE needs (AlterTableGetLockLevel in PostgreSQL's sources). */
function modeOf({ subtype: named, def }: AlterTableCmd): LockMode {
  const subtype: string = named ?? ''
  if (/^AT_(?:Enable|Disable)\w*Trig/.test(subtype)) return 'SHARE ROW EXCLUSIVE'
  if (subtype === 'AT_AddConstraint' && def !== undefined && 'Constraint' in def)
    return def.Constraint.contype === 'CONSTR_FOREIGN' ? 'SHARE ROW EXCLUSIVE' : 'ACCESS EXCLUSIVE'
  if (subtype === 'AT_DetachPartition')
    return def !== undefined && 'PartitionCmd' in def && def.PartitionCmd.concurrent === true
      ? 'SHARE UPDATE EXCLUSIVE'
      : 'ACCESS EXCLUSIVE'
  if (subtype === 'AT_SetRelOptions' || subtype === 'AT_ResetRelOptions')
    return optionsOf(def).every(({ defname = '' }) => light.test(defname))
      ? 'SHARE UPDATE EXCLUSIVE'
      : 'ACCESS EXCLUSIVE'
  return LIGHT.has(subtype) ? 'SHARE UPDATE EXCLUSIVE' : 'ACCESS EXCLUSIVE'
}

const LIGHT: ReadonlySet<string> = new Set([
  'AT_ValidateConstraint',
  'AT_SetStatistics',
  'AT_ClusterOn',
  'AT_DropCluster',
  'AT_SetOptions',
  'AT_ResetOptions',
  'AT_AttachPartition',
  'AT_DetachPartitionFinalize',
])

/** Storage parameters that can be set beside writes (manual, CREATE TABLE, Storage Parameters). */
const light = /^(?:fillfactor|toast_tuple_target|parallel_workers|vacuum_|autovacuum_|log_autovacuum_)/

const strictest = (modes: readonly LockMode[]): LockMode =>
  LOCK_MODES.findLast((mode) => modes.includes(mode)) ?? 'ACCESS EXCLUSIVE'

const optionsOf = (def: Node | undefined): DefElem[] =>
  (def !== undefined && 'List' in def ? (def.List.items ?? []) : []).flatMap((each) =>
    'DefElem' in each ? [each.DefElem] : [],
  )

/** The tables that a column or a constraint refers to. */
function referenced(def: Node | undefined): Lock[] {
  if (def === undefined) return []
  const of = ({ pktable }: Constraint) => on('SHARE ROW EXCLUSIVE', pktable)
  if ('Constraint' in def) return of(def.Constraint)
  if (!('ColumnDef' in def)) return []
  return (def.ColumnDef.constraints ?? []).flatMap((each) => ('Constraint' in each ? of(each.Constraint) : []))
}

const RELATIONS: ReadonlySet<string> = new Set(
  ['TABLE', 'INDEX', 'VIEW', 'MATVIEW', 'SEQUENCE'].map((each) => `OBJECT_${each}`),
)
const OF_TABLE: ReadonlySet<string> = new Set(['TRIGGER', 'POLICY', 'RULE'].map((each) => `OBJECT_${each}`))

function dropped({
  removeType: type,
  objects = [],
  concurrent,
}: Extract<Node, { DropStmt: unknown }>['DropStmt']): Lock[] {
  const removeType: string = type ?? ''
  const mode = concurrent === true ? 'SHARE UPDATE EXCLUSIVE' : 'ACCESS EXCLUSIVE'
  const own = OF_TABLE.has(removeType) ? -1 : undefined
  if (own === undefined && !RELATIONS.has(removeType)) return []
  return objects.flatMap((each) => {
    const [relname, schemaname] = partsOf(each).slice(0, own).reverse()
    return on(mode, { ...(relname && { relname }), ...(schemaname && { schemaname }) })
  })
}

/** What looks after tables, and LOCK. */
function upkeep(node: Node): Lock[] | undefined {
  if ('TruncateStmt' in node) return ranges(node.TruncateStmt.relations).flatMap((each) => on('ACCESS EXCLUSIVE', each))
  if ('ClusterStmt' in node) return on('ACCESS EXCLUSIVE', node.ClusterStmt.relation)
  if ('RefreshMatViewStmt' in node) {
    const { concurrent, relation } = node.RefreshMatViewStmt
    return on(concurrent === true ? 'EXCLUSIVE' : 'ACCESS EXCLUSIVE', relation)
  }
  if ('ReindexStmt' in node) {
    const { kind, relation, params = [] } = node.ReindexStmt
    if (kind !== 'REINDEX_OBJECT_TABLE') return []
    return on(isSet(params, 'concurrently') ? 'SHARE UPDATE EXCLUSIVE' : 'SHARE', relation)
  }
  if ('VacuumStmt' in node) {
    const { rels = [], options = [] } = node.VacuumStmt
    const mode = isSet(options, 'full') ? 'ACCESS EXCLUSIVE' : 'SHARE UPDATE EXCLUSIVE'
    return rels.flatMap((each) => ('VacuumRelation' in each ? on(mode, each.VacuumRelation.relation) : []))
  }
  if ('LockStmt' in node) {
    // ACCESS SHARE and ROW SHARE, 1 and 2, stop nothing that matters here.
    const mode = LOCK_MODES[(node.LockStmt.mode ?? 0) - 3]
    return mode === undefined ? [] : ranges(node.LockStmt.relations).flatMap((each) => on(mode, each))
  }
  if ('CommentStmt' in node) {
    const { objtype, object } = node.CommentStmt
    const [relname, schemaname] = partsOf(object).reverse()
    if (objtype !== 'OBJECT_TABLE') return []
    return on('SHARE UPDATE EXCLUSIVE', { ...(relname && { relname }), ...(schemaname && { schemaname }) })
  }
  return undefined
}

/** What writes rows, in a WITH too. */
function rows(root: Node): Lock[] {
  if ('CopyStmt' in root) return root.CopyStmt.is_from === true ? on('ROW EXCLUSIVE', root.CopyStmt.relation) : []
  if (
    !(
      'SelectStmt' in root ||
      'InsertStmt' in root ||
      'UpdateStmt' in root ||
      'DeleteStmt' in root ||
      'MergeStmt' in root
    )
  )
    return []
  return [...nodesOf(root)].flatMap((node) => {
    if ('InsertStmt' in node) return on('ROW EXCLUSIVE', node.InsertStmt.relation)
    if ('UpdateStmt' in node) return on('ROW EXCLUSIVE', node.UpdateStmt.relation)
    if ('DeleteStmt' in node) return on('ROW EXCLUSIVE', node.DeleteStmt.relation)
    return 'MergeStmt' in node ? on('ROW EXCLUSIVE', node.MergeStmt.relation) : []
  })
}

function isSet(options: readonly Node[], name: string): boolean {
  const option = options.flatMap((each) =>
    'DefElem' in each && each.DefElem.defname === name ? [each.DefElem] : [],
  )[0]
  if (option?.arg === undefined) return option !== undefined
  const said = 'String' in option.arg ? (option.arg.String.sval ?? '').toLowerCase() : ''
  const off = 'Boolean' in option.arg ? option.arg.Boolean.boolval !== true : ['false', 'off', '0'].includes(said)
  return !off
}

const ranges = (nodes: readonly Node[] = []): RangeVar[] =>
  nodes.flatMap((each) => ('RangeVar' in each ? [each.RangeVar] : []))

function on(mode: LockMode, relation: RangeVar | undefined): Lock[] {
  if (relation?.relname === undefined) return []
  const { schemaname, relname } = relation
  const written = schemaname === undefined ? ident(relname) : `${ident(schemaname)}.${ident(relname)}`
  return [{ mode, relation: written, key: relationName(relation) }]
}
