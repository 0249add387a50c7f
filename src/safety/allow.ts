import { type Allowed, readDirectives } from '../migration/directives.ts'
import type { ReadScript, Statement } from '../sql/statement.ts'

/**
 * What `-- lockkeeper: allow CODE REASON` says about each statement: it stands on the line before it, with nothing but
 * other comments between.
 */
export function allowancesOf({ script, statements }: ReadScript): Map<Statement, Allowed[]> {
  const { allowed } = readDirectives(script.file, script.text, script.line)
  if (allowed.length === 0) return new Map()
  const lines = script.text.split(/\r\n|\r|\n/)
  const isComment = (line: number) => /^\s*--/.test(lines[line - script.line] ?? '')
  const said = new Map<Statement, Allowed[]>()
  // Both are in the order of the file, so that each comment is looked at once.
  const above = { line: -1, top: -1, next: 0 }
  for (const statement of statements) {
    if (statement.line !== above.line) {
      above.line = statement.line
      above.top = statement.line - 1
      while (above.top >= script.line && isComment(above.top)) above.top--
      while ((allowed[above.next]?.line ?? Number.POSITIVE_INFINITY) <= above.top) above.next++
    }
    const own: Allowed[] = []
    for (let at = above.next; (allowed[at]?.line ?? Number.POSITIVE_INFINITY) < statement.line; at++)
      own.push(allowed[at] as Allowed)
    if (own.length > 0) said.set(statement, own)
  }
  return said
}
