import type { Node } from 'libpg-query'
import { ident } from '../names.ts'
import type { Statement } from '../statement.ts'
import { nodesOf } from '../walk.ts'
import { alterEffects } from './alters.ts'
import { createEffects } from './creates.ts'
import { type Effect, thing } from './effect.ts'
import { thingOf } from './kinds.ts'
import { rowEffects } from './rows.ts'

const known = new WeakMap<Statement, readonly Effect[]>()

/** What a statement does, in order. A statement that could not be read may do anything. */
export function effectsOf(statement: Statement): readonly Effect[] {
  const effects = known.get(statement) ?? read(statement)
  known.set(statement, effects)
  return effects
}

function read({ node, text }: Statement): readonly Effect[] {
  if (node === undefined) return [{ act: 'opaque', text }]
  const schema = createEffects(node) ?? alterEffects(node) ?? dropEffects(node)
  return [...(schema ?? []), ...rowEffects(node), ...(isOpaque(node) ? [{ act: 'opaque', text } as const] : [])]
}

function dropEffects(node: Node): Effect[] {
  if ('DropStmt' in node) {
    const { objects = [], removeType, missing_ok: ifExists = false, behavior } = node.DropStmt
    const cascade = behavior === 'DROP_CASCADE'
    return objects.map((each) => ({ act: 'drop', thing: thingOf(removeType, each), ifExists, cascade }))
  }
  if ('DropdbStmt' in node) {
    const { dbname = '', missing_ok: ifExists = false } = node.DropdbStmt
    return [{ act: 'drop', thing: thing('database', ident(dbname)), ifExists, cascade: false }]
  }
  if ('DropSubscriptionStmt' in node) {
    const { subname = '', missing_ok: ifExists = false } = node.DropSubscriptionStmt
    return [{ act: 'drop', thing: thing('subscription', ident(subname)), ifExists, cascade: false }]
  }
  return []
}

/** Whether it runs code that stands elsewhere, or in a string. */
function isOpaque(node: Node): boolean {
  if ('DoStmt' in node) return true
  if ('CallStmt' in node || 'ExecuteStmt' in node || 'DropOwnedStmt' in node || 'ImportForeignSchemaStmt' in node)
    return true
  return 'SelectStmt' in node && [...nodesOf(node)].some((each) => 'FuncCall' in each && !isHarmless(each))
}

/** Functions of PostgreSQL's own that migrations call and that change nothing in the schema. */
const harmless: ReadonlySet<string> = new Set(
  'now count max min sum coalesce pg_sleep pg_notify set_config current_setting version length lower upper'.split(' '),
)

function isHarmless(node: Node): boolean {
  if (!('FuncCall' in node)) return true
  const last = node.FuncCall.funcname?.at(-1)
  return last !== undefined && 'String' in last && harmless.has(last.String.sval ?? '')
}
