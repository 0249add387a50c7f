import { checksumOf } from '../migration/checksum.ts'

/** Fields that say where a node stood, how its name was qualified or how it was written, but not what it means. */
const SILENT: ReadonlySet<string> = new Set(
  `location list_start list_end rexpr_list_start rexpr_list_end stmt_location stmt_len name_location kind funcformat inh relpersistence schemaname catalogname alias aliasname
  if_not_exists replace concurrent isImplicit implicit typemod override`.split(/\s+/),
)

/** Nodes that the server adds or leaves out when it prints an expression: only what is in them counts. */
const NEUTRAL: ReadonlySet<string> = new Set([
  'A_Const',
  'A_ArrayExpr',
  'List',
  'String',
  'ColumnRef',
  'TypeName',
  'A_Expr',
])

/**
 * What a parse tree defines, as one line that is the same for two ways to write the same thing: without places, casts,
 * qualified names and aliases, `IN (…)` as `= ANY (ARRAY[…])`, `now()` as CURRENT_TIMESTAMP. Two trees of different
 * lines mean different things; what a cast alone changes is passed over. A long line is its checksum.
 * No recursion: a sum of 20,000 terms is a tree as deep.
 */
export function definitionOf(root: unknown): string {
  const words: string[] = []
  const open: unknown[] = [root]
  while (open.length > 0) {
    const value = open.pop()
    if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') words.push(String(value))
    if (typeof value !== 'object' || value === null) continue
    const inner = Array.isArray(value) ? value : partsOf(value, words)
    for (let i = inner.length - 1; i >= 0; i--) open.push(inner[i])
  }
  const line = words.join(' ')
  return line.length <= 64 ? line : checksumOf(line)
}

/** What is inside of a node, in the order of its fields. */
function partsOf(value: object, words: string[]): unknown[] {
  const [[kind, node] = ['', undefined], ...others] = Object.entries(value)
  if (others.length > 0 || !/^[A-Z]/.test(kind) || typeof node !== 'object' || node === null) return fieldsOf(value)
  if (kind === 'TypeCast') return [node.arg]
  if (kind === 'A_Const') return [constantOf(node)]
  if (kind === 'String') return node.sval === 'pg_catalog' || node.sval === 'public' ? [] : [node.sval ?? '']
  if (kind === 'ColumnRef') return node.fields?.slice(-1) ?? []
  if (kind === 'SQLValueFunction') return node.op === 'SVFOP_CURRENT_TIMESTAMP' ? ['call', 'now'] : [node.op]
  if (kind === 'BoolExpr') return [node.boolop, termsOf(node)]
  // ASC is the default.
  if (kind === 'IndexElem') return fieldsOf({ ...node, ordering: node.ordering === 'SORTBY_DESC' ? 'desc' : '' })
  if (kind === 'FuncCall') words.push('call')
  else if (!NEUTRAL.has(kind)) words.push(kind)
  return fieldsOf(node)
}

/** `(a AND b) AND c` is `a AND b AND c`. */
function termsOf({ boolop, args = [] }: { readonly boolop?: string; readonly args?: readonly unknown[] }): unknown[] {
  const terms: unknown[] = []
  const open = [...args].reverse()
  for (let each = open.pop(); each !== undefined; each = open.pop()) {
    const inner = (each as { BoolExpr?: { boolop?: string; args?: unknown[] } }).BoolExpr
    if (inner !== undefined && inner.boolop === boolop && boolop !== 'NOT_EXPR')
      open.push(...(inner.args ?? []).reverse())
    else terms.push(each)
  }
  return terms
}

const fieldsOf = (node: object): unknown[] =>
  Object.entries(node).flatMap(([name, field]) => (SILENT.has(name) ? [] : [field]))

/** A constant as text; the parser leaves out a zero, an empty string and `false`. */
function constantOf(node: Record<string, Record<string, unknown>>): string {
  if (node.ival !== undefined) return String(node.ival.ival ?? 0)
  if (node.fval !== undefined) return String(node.fval.fval ?? 0)
  if (node.boolval !== undefined) return String(node.boolval.boolval ?? false)
  if (node.sval !== undefined) return String(node.sval.sval ?? '')
  return node.bsval !== undefined ? String(node.bsval.bsval ?? '') : 'null'
}
