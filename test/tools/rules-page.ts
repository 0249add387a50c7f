import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { readMigrations } from '../../src/migration/read.ts'
import { OLDEST_SERVER } from '../../src/safety/judge.ts'
import { type Counted, rulesPage } from '../../src/safety/page.ts'
import type { Example, Found, Rule } from '../../src/safety/rule.ts'
import { effectsOf } from '../../src/sql/effects/effects.ts'
import { loadParser, type Parse } from '../../src/sql/parser.ts'
import { Schema } from '../../src/sql/schema.ts'
import { readScript, type Statement } from '../../src/sql/statement.ts'

/** What a rule finds in up scripts that run one after the other, a migration each. */
export function foundIn(rule: Rule, scripts: readonly string[], parse: Parse, server = OLDEST_SERVER): Found[][] {
  const schema = new Schema()
  const files = scripts.map((content, i) => ({ name: `${i + 1}_x.up.sql`, content }))
  return readMigrations(files).migrations.map(({ up, version: scope }) => {
    const { statements } = readScript(up, parse)
    const before: Statement[] = []
    return statements.flatMap((statement) => {
      const found = rule.find(statement, { server, direction: 'up', schema, scope, beside: statements, before })
      for (const effect of effectsOf(statement)) schema.apply(effect, scope)
      before.push(statement)
      return found
    })
  })
}

/** The scripts of an example, in order; what it is an example of is the last one. */
export const scriptsOf = (
  example: Example,
): { readonly scripts: readonly string[]; readonly server: number | undefined } =>
  typeof example === 'string'
    ? { scripts: [example], server: undefined }
    : { scripts: [example.earlier ?? 'SELECT 1', example.script], server: example.server }

export async function currentRulesPage(): Promise<string> {
  const parse = await loadParser()
  return rulesPage((rule) => {
    const { scripts, server } = scriptsOf(rule.examples.finds[0] ?? '')
    return foundIn(rule, scripts, parse, server).at(-1)?.[0]
  }, counted())
}

const EXAMPLES = join(import.meta.dirname, '../safety/golden/examples.golden.txt')

/** As the golden file of test/safety/examples.test.ts has them. */
function counted(): Counted {
  const lines = [
    ...readFileSync(EXAMPLES, 'utf8').matchAll(/^\S+: (\d+) migrations, (\d+) findings, (\d+) of them false$/gm),
  ]
  const sum = (group: number) => lines.reduce((all, line) => all + Number(line[group]), 0)
  return { sets: lines.length, migrations: sum(1), findings: sum(2), untrue: sum(3) }
}

export const RULES_PAGE = join(import.meta.dirname, '../../docs/rules.md')

/** `node test/tools/rules-page.ts` writes docs/rules.md. */
if (import.meta.main) writeFileSync(RULES_PAGE, await currentRulesPage())
