import type { Node, RangeVar, TypeName } from 'libpg-query'
import { reserved } from './reserved-words.ts'

/**
 * A name as SQL writes it, quoted where it must be. The same form is the key by which a thing is known, so that
 * `"orders"`, `ORDERS` and `public.orders` are one.
 */
export const ident = (name: string): string =>
  /^[a-z_][a-z0-9_$]*$/.test(name) && !reserved.has(name) ? name : `"${name.replaceAll('"', '""')}"`

/** A schema that everybody looks into need not be said. */
export const nameOf = (...parts: readonly string[]): string =>
  (parts[0] === 'public' && parts.length > 1 ? parts.slice(1) : parts).map(ident).join('.')

export const relationName = (relation: RangeVar | undefined): string =>
  nameOf(...[relation?.schemaname ?? '', relation?.relname ?? ''].filter((part) => part !== ''))

/** The strings of a list of names, whose form differs from statement to statement. */
export function partsOf(node: Node | readonly Node[] | undefined): string[] {
  if (node === undefined) return []
  if (Array.isArray(node)) return node.flatMap((each: Node) => partsOf(each))
  if ('String' in node) return [node.String.sval ?? '']
  if ('List' in node) return partsOf(node.List.items)
  if ('TypeName' in node) return partsOf(node.TypeName.names)
  if ('ObjectWithArgs' in node) return partsOf(node.ObjectWithArgs.objname)
  if ('RangeVar' in node) return [node.RangeVar.schemaname ?? '', node.RangeVar.relname ?? ''].filter(Boolean)
  return []
}

/** `schema.name` of such a list. */
export const listName = (node: Node | readonly Node[] | undefined): string => nameOf(...partsOf(node))

/** The name that stands for something inside the same schema: an index of a table, a renamed table. */
export function sibling(relation: RangeVar | undefined, name: string): string {
  return relation?.schemaname === undefined ? ident(name) : nameOf(relation.schemaname, name)
}

/** The types that have a name of their own in the grammar, as people write them. */
const spoken: Readonly<Record<string, string>> = {
  int2: 'smallint',
  int4: 'integer',
  int8: 'bigint',
  float4: 'real',
  float8: 'double precision',
  bool: 'boolean',
  bpchar: 'char',
}

/** A type as people write it: `varchar(20)`, `integer[]`, `app.mood`. */
export function typeText(type: TypeName | undefined): string {
  const parts = partsOf(type?.names)
  const [first = '', second = ''] = parts
  const plain = parts.length === 1 ? spoken[first] : undefined
  const own = first === 'pg_catalog' ? (spoken[second] ?? second) : (plain ?? nameOf(...parts))
  const sizes = (type?.typmods ?? []).flatMap((each) =>
    'A_Const' in each && each.A_Const.ival !== undefined ? [each.A_Const.ival.ival ?? 0] : [],
  )
  return `${own}${sizes.length > 0 ? `(${sizes.join(',')})` : ''}${'[]'.repeat(type?.arrayBounds?.length ?? 0)}`
}

/** A type without its size, which tells no functions apart: `varchar` of `varchar(20)`. */
export const unsizedType = (type: TypeName | undefined): string => typeText(type).replace(/\([\d,]*\)/, '')
