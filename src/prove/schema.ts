/** What `catalogQuery` says of one object. Facets that say nothing are absent. */
export interface SchemaObject {
  /** As SQL names it, lower case: `table`, `column`, `materialized view`. */
  readonly kind: string
  /** As SQL writes it: `public.orders`, `public.orders.note`, `touch on public.orders`, `public.pay(bigint)`. */
  readonly name: string
  readonly facets: Facets
}

export type Facet = string | number | boolean | readonly Facet[] | { readonly [name: string]: Facet }
export type Facets = Readonly<Record<string, Facet>>

/** The objects in the answer of `catalogQuery`, by kind and name. */
export function objectsOf(schema: string): ReadonlyMap<string, SchemaObject> {
  const lines = schema === '' ? [] : schema.split('\n')
  return new Map(
    lines.map((line) => {
      const [kind, name, facets] = JSON.parse(line) as [string, string, Facets]
      return [`${kind} ${name}`, { kind, name, facets }]
    }),
  )
}

/** What an object hangs on, where its name or definition says it: the table of a column, an index, a trigger. */
export function parentOf({ kind, name, facets }: SchemaObject): string | undefined {
  if (kind === 'column' || kind === 'attribute') return name.slice(0, -lastName(name).length - 1)
  if (kind === 'index') return / ON (?:ONLY )?(.+?) USING /.exec(String(facets.definition))?.[1]
  if (kind === 'sequence') {
    const column = facets['owned by']
    return typeof column === 'string' ? column.slice(0, -lastName(column).length - 1) : undefined
  }
  return /^(?:"(?:[^"]|"")*"|[^" ]+) on (.+)$/.exec(name)?.[1]
}

/** The last of the names between dots, quoted where it has to be. */
export const lastName = (name: string): string => /(?:"(?:[^"]|"")*"|[^."]+)$/.exec(name)?.[0] ?? name
