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

export const ownerOf = ({ name }: Thing): string => name.split('.').slice(0, -1).join('.')

/** The table of a column, a constraint, a trigger or a policy; the type of a value. */
export function ownersOf(it: Thing): Thing[] {
  if (it.kind === 'enum value' || it.kind === 'attribute') return [thing('type', ownerOf(it))]
  return ['column', 'constraint', 'trigger', 'policy', 'rule'].includes(it.kind) ? [thing('table', ownerOf(it))] : []
}
