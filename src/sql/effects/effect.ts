/** Something that a schema has. */
export interface Thing {
  /** As people call it: `table`, `materialized view`, `enum value`. Types and domains are both `type`, and so on. */
  readonly kind: string
  /** As SQL names it; what belongs to a table carries its name: `orders.note`. A function has its arguments' types. */
  readonly name: string
}

export const thing = (kind: string, name: string): Thing => ({ kind, name })
export const labelOf = ({ kind, name }: Thing): string => `${kind} ${name}`

/** What a statement does to a schema and its rows, as far as its text tells. */
export type Effect = Make | Drop | Move | SetProperty | Rows | Opaque

export interface Make {
  readonly act: 'make'
  readonly thing: Thing
  /** It goes when one of these goes. */
  readonly within: readonly Thing[]
  /** These cannot go before it does, unless with CASCADE. */
  readonly needs: readonly Thing[]
  /** OR REPLACE: it may have been there with another body. */
  readonly replace?: boolean
  /** IF NOT EXISTS: it may have been there, whatever it was. */
  readonly ifMissing?: boolean
  /** The server chose the name; this is the one it usually takes. */
  readonly guessed?: boolean
  readonly facts?: Facts
  readonly properties?: Properties
}

/**
 * What a thing is like, by the name of the property: `type`, `default`, `not null` of a column, `definition` of an index.
 * Values are compared and never shown; one that is absent is not known.
 */
export type Properties = Readonly<Record<string, string>>

/** The value of `default`, `expression` and `identity` where a column has none. */
export const NONE = 'none'

/** The column that a sequence goes with. */
export const OWNED_BY = 'owned by'

/** What rules want to know of a thing later on. */
export interface Facts {
  /** Of a column. */
  readonly type?: string
  readonly generated?: boolean
  /** Of a table. */
  readonly partitioned?: boolean
  readonly temporary?: boolean
  /** It has columns that the text does not name: AS SELECT, LIKE, INHERITS, PARTITION OF. */
  readonly copied?: boolean
  /** Of an index. */
  readonly unique?: boolean
  /** Of a function. */
  readonly volatile?: boolean
  /** Of a CHECK: columns that it keeps from being NULL; whether every row is known to satisfy it. */
  readonly notNull?: readonly string[]
  readonly check?: boolean
  readonly valid?: boolean
  /** Of a primary key. */
  readonly primary?: boolean
  /** Of a primary key or a unique constraint: its columns. */
  readonly keys?: string
  /** Of a foreign key: the columns that it refers to; '' for those of the primary key. */
  readonly refersTo?: string
}

export interface Drop {
  readonly act: 'drop'
  readonly thing: Thing
  readonly ifExists: boolean
  readonly cascade: boolean
}

/** A new name or place; what it holds comes along. */
export interface Move {
  readonly act: 'move'
  readonly from: Thing
  readonly to: Thing
  readonly ifExists?: boolean
}

/** A property gets another value. */
export interface SetProperty {
  readonly act: 'set'
  /** `default`, `type`, `owner`, … */
  readonly what: string
  readonly of: Thing
  readonly within: readonly Thing[]
  readonly to?: string
}

export interface Rows {
  readonly act: 'rows'
  readonly verb: 'insert' | 'update' | 'delete' | 'truncate'
  readonly table: Thing
  /** Every row, as far as the text tells. */
  readonly whole: boolean
  /** That an UPDATE writes. */
  readonly columns: readonly string[]
}

/** A statement that runs text which nobody can read from outside. */
export interface Opaque {
  readonly act: 'opaque'
  readonly text: string
}

export const set = (what: string, of: Thing, within: readonly Thing[] = [], to?: string): SetProperty => ({
  act: 'set',
  what,
  of,
  within,
  ...(to !== undefined && { to }),
})

/** What a thing belongs to and needs once a property is set: a sequence its column, a column its type. */
export function boundBy<Bound extends Pick<Make, 'within' | 'needs'>>(bound: Bound, what: string, to = ''): Bound {
  if (what === OWNED_BY) return { ...bound, within: [...bound.within, thing('column', to)] }
  if (what !== 'type' || to === '') return bound
  const others = bound.needs.filter(({ kind }) => kind !== 'type')
  return { ...bound, needs: [...others, thing('type', to.replace(/[([].*$/, ''))] }
}
