import { type Thing, thing } from '../../sql/effects/effect.ts'

/** Tables, views and the like share one space of names, and what needs one does not say which it is. */
const relations: ReadonlySet<string> = new Set(['table', 'view', 'materialized view', 'foreign table'])

export function isSame(a: Thing, b: Thing): boolean {
  const alike = a.kind === b.kind || (relations.has(a.kind) && relations.has(b.kind))
  return alike && (sameName(a.name, b.name) || (a.kind === 'function' && sameFunction(a.name, b.name)))
}

/** A name without schema is one with any. */
const sameName = (a: string, b: string) => a === b || a.endsWith(`.${b}`) || b.endsWith(`.${a}`)

/** A function that is named without its arguments is the one of that name. */
const sameFunction = (a: string, b: string) =>
  a.includes('(') !== b.includes('(') && sameName(a.replace(/\(.*$/, ''), b.replace(/\(.*$/, ''))

/** What is the same for two things of one space of names and one name. */
export const keyOf = ({ kind, name }: Thing): string => `${relations.has(kind) ? 'relation' : kind} ${name}`

/** The keys of less specific names of a thing: without its schema, a function without its arguments. */
export function looserKeysOf(it: Thing): string[] {
  const { kind, name } = it
  const [bare = '', args] = kind === 'function' ? name.split(/(?=\()/, 2) : [name]
  const parts = bare.split('.')
  const own = ownersOf(it).length > 0 ? 2 : 1
  const short = parts.length > own && kind !== 'partition' ? [parts.slice(-own).join('.')] : []
  const names = [...short.map((each) => each + (args ?? '')), ...(args === undefined ? [] : [bare, ...short])]
  return names.map((each) => keyOf({ kind, name: each }))
}

export const ownerOf = ({ name }: Thing): string => name.split('.').slice(0, -1).join('.')

/** The table of a column, a constraint, a trigger or a policy; the type of a value. */
export function ownersOf(it: Thing): Thing[] {
  if (it.kind === 'enum value' || it.kind === 'attribute') return [thing('type', ownerOf(it))]
  return ['column', 'constraint', 'trigger', 'policy', 'rule'].includes(it.kind) ? [thing('table', ownerOf(it))] : []
}
