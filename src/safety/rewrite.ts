import type { AddedConstraint } from '../sql/actions.ts'
import { constraintName } from '../sql/effects/constraints.ts'
import { ident } from '../sql/names.ts'
import { actionsOf, oneLine, tokensOf } from '../sql/sql-text.ts'
import { type Found, found } from './rule.ts'

/** A CREATE or DROP INDEX with CONCURRENTLY, all else as it was. */
export function concurrently(sql: string): string {
  const index = tokensOf(sql).find(({ word }) => word === 'index')
  return index === undefined ? sql : `${sql.slice(0, index.end)} CONCURRENTLY${sql.slice(index.end)}`
}

/** A constraint to add, and the statement that has every row checked, which needs its name. */
export function notValid({
  table,
  text,
  constraint,
  relation,
  column,
}: AddedConstraint): [add: string, validate: string] {
  const name = ident(constraintName(relation, constraint, column?.column.colname))
  const named = constraint.conname === undefined ? text.replace(/^ADD\b/i, `ADD CONSTRAINT ${name}`) : text
  return [`ALTER TABLE ${table} ${named} NOT VALID;`, `ALTER TABLE ${table} VALIDATE CONSTRAINT ${name};`]
}

/** Says to add a constraint NOT VALID and to validate it later; a statement that does no more than that can be repaired. */
export function inTwoSteps(message: string, statement: string, added: AddedConstraint): Found {
  const own = found(message, 'in two steps, each a migration of its own', notValid(added), added.at)
  if (actionsOf(statement).length !== 1) return own
  const behind = added.at + 'ADD'.length
  const name = ident(constraintName(added.relation, added.constraint))
  const named = added.constraint.conname === undefined ? ` CONSTRAINT ${name}` : ''
  const add = `${statement.slice(0, behind)}${named}${statement.slice(behind)} NOT VALID;`
  return { ...own, repair: { text: `${add}\nALTER TABLE ${added.table} VALIDATE CONSTRAINT ${name}`, alone: true } }
}

/** What stands between two words of a statement, both outside of parentheses, on one line; undefined: no such word. */
export function between(sql: string, from: string, ends: readonly string[]): string | undefined {
  const tokens = tokensOf(sql)
  let depth = 0
  let start: number | undefined
  let end: number | undefined
  for (const [i, { word, ...token }] of tokens.entries()) {
    if (word === ')' || word === ']') depth--
    if (depth === 0 && start !== undefined && end !== undefined && ends.includes(word)) break
    if (start !== undefined) end = token.end
    if (depth === 0 && start === undefined && word === from) start = tokens[i + 1]?.start
    if (word === '(' || word === '[') depth++
  }
  return start === undefined || end === undefined ? undefined : oneLine(sql.slice(start, end))
}
