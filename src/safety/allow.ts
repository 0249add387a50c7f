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
  for (const statement of statements) {
    let top = statement.line - 1
    while (top >= script.line && isComment(top)) top--
    const own = allowed.filter(({ line }) => line > top && line < statement.line)
    if (own.length > 0) said.set(statement, own)
  }
  return said
}
