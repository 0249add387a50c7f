import type { DefElem, Node } from 'libpg-query'
import { type Facts, type Make, type Properties, type Thing, thing } from './effect.ts'

interface More {
  readonly within?: readonly Thing[]
  readonly needs?: readonly Thing[]
  readonly replace?: boolean | undefined
  readonly ifMissing?: boolean | undefined
  readonly guessed?: boolean
  readonly facts?: Facts
  readonly properties?: Properties
}

export const make = (kind: string, name: string, more: More = {}): Make => ({
  act: 'make',
  thing: thing(kind, name),
  within: [...(more.within ?? []), ...schemaOf(kind, name)],
  needs: more.needs ?? [],
  ...(more.replace === true && { replace: true }),
  ...(more.ifMissing === true && { ifMissing: true }),
  ...(more.guessed === true && { guessed: true }),
  ...(more.facts !== undefined && { facts: more.facts }),
  ...(more.properties !== undefined && { properties: more.properties }),
})

/** The schema that a thing is in, where its name says so. What belongs to a table is where the table is. */
function schemaOf(kind: string, name: string): Thing[] {
  const [schema = '', ...rest] = name.replace(/\(.*$/, '').split('.')
  return rest.length === 0 || ['trigger', 'policy', 'rule'].includes(kind) ? [] : [thing('schema', schema)]
}

/** An option behind a CREATE. */
export const optionOf = (options: readonly Node[] = [], name: string): DefElem | undefined =>
  options.flatMap((each) => ('DefElem' in each && each.DefElem.defname === name ? [each.DefElem] : []))[0]
