import type { Node } from 'libpg-query'

/**
 * Every node of a tree that runs when the statement does, outermost first: the DELETE in a WITH is among them, the one
 * in the body of a function or in an EXPLAIN is not. No recursion: a sum of 20,000 terms is a tree as deep.
 */
export function* nodesOf(root: Node): Generator<Node> {
  const open: unknown[] = [root]
  while (open.length > 0) {
    const value = open.pop()
    if (typeof value !== 'object' || value === null) continue
    if (isNode(value)) {
      yield value
      if (isKept(value)) continue
    }
    const inner: unknown[] = Object.values(value)
    for (let i = inner.length - 1; i >= 0; i--) open.push(inner[i])
  }
}

/** The parser wraps each node in an object of one key, its kind, which begins with a capital. */
function isNode(value: object): value is Node {
  const [kind, ...others] = Object.keys(value)
  return kind !== undefined && others.length === 0 && /^[A-Z]/.test(kind)
}

/** What holds statements that run later, if ever. */
function isKept(node: Node): boolean {
  if ('ExplainStmt' in node) {
    const options = node.ExplainStmt.options ?? []
    return !options.some((each) => 'DefElem' in each && each.DefElem.defname === 'analyze')
  }
  return 'CreateFunctionStmt' in node || 'RuleStmt' in node || 'PrepareStmt' in node
}
