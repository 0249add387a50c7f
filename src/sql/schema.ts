import {
  boundBy,
  type Effect,
  type Facts,
  labelOf,
  type Make,
  type Properties,
  type Thing,
  thing,
} from './effects/effect.ts'

/** A thing that scripts of the set are known to have made, and whose script that was. */
export interface Known {
  readonly made: Make
  readonly facts: Facts
  readonly properties: Properties
  /** Statements of one scope run before any application sees what they make. */
  readonly scope: string
}

/**
 * What the scripts of a set are known to have made so far. What they did not make, or made with other names than SQL
 * shows, is not in it: absent means unknown. A fork sees what its origin knew, and changes nothing there.
 */
export class Schema {
  readonly #own = new Map<string, Known | undefined>()
  /** By the label of a thing, the labels of what was put inside of it. */
  readonly #inside = new Map<string, Set<string>>()
  /** By the label of a thing, the labels of what needs it. */
  readonly #needing = new Map<string, Set<string>>()
  /** By the name of a function without arguments, or of a constraint without its table, the labels of those that have it. */
  readonly #short = new Map<string, Set<string>>()
  readonly #origin: Schema | undefined

  constructor(origin?: Schema) {
    this.#origin = origin
  }

  fork(): Schema {
    return new Schema(this)
  }

  find(thing: Thing): Known | undefined {
    const label = labelOf(thing)
    return this.#own.has(label) ? this.#own.get(label) : this.#origin?.find(thing)
  }

  /** Whether a function of this name is known, whatever its arguments. */
  hasFunction(name: string): boolean {
    return this.#named(`function ${name}`) !== undefined
  }

  /** What a name means that is none in full: a function without its arguments, the index of a constraint. */
  alike({ kind, name }: Thing): Known | undefined {
    if (kind === 'function') return name.includes('(') ? undefined : this.#named(`function ${name}`)
    return kind === 'index' ? this.#named(`constraint ${name}`) : undefined
  }

  #named(short: string): Known | undefined {
    for (const label of this.#short.get(short) ?? []) {
      const known = this.#own.get(label)
      if (known !== undefined) return known
    }
    const known = this.#origin === undefined ? undefined : this.#origin.#named(short)
    return known === undefined || this.#own.has(labelOf(known.made.thing)) ? undefined : known
  }

  /** What belongs to a thing: columns of a table, indexes of a column. */
  *within(thing: Thing): Generator<Known> {
    const label = labelOf(thing)
    for (const inside of this.#inside.get(label) ?? []) {
      const known = this.#own.get(inside)
      if (known?.made.within.some((each) => labelOf(each) === label) === true) yield known
    }
    if (this.#origin === undefined) return
    for (const known of this.#origin.within(thing)) if (!this.#own.has(labelOf(known.made.thing))) yield known
  }

  /** What cannot go on without a thing: the foreign keys into a table, the views of it. */
  *needing(thing: Thing): Generator<Known> {
    const label = labelOf(thing)
    for (const needing of this.#needing.get(label) ?? []) {
      const known = this.#own.get(needing)
      if (known?.made.needs.some((each) => labelOf(each) === label) === true) yield known
    }
    if (this.#origin === undefined) return
    for (const known of this.#origin.needing(thing)) if (!this.#own.has(labelOf(known.made.thing))) yield known
  }

  apply(effect: Effect, scope: string): void {
    if (effect.act === 'make') this.#make(effect, scope)
    else if (effect.act === 'drop') this.#drop(effect.thing, effect.cascade)
    else if (effect.act === 'move') this.#move(effect.from, effect.to)
    else if (effect.act === 'set') this.#set(effect.what, effect.of, effect.to)
  }

  #make(made: Make, scope: string): void {
    const known = this.find(made.thing)
    if (made.ifMissing === true && known !== undefined) return
    const since = made.replace === true ? known?.scope : undefined
    this.#put({ made, facts: made.facts ?? {}, properties: made.properties ?? {}, scope: since ?? scope })
    for (const column of keyColumns(made)) this.#set('not null', column, 'yes')
    if (made.thing.kind === 'enum value') this.#addValue(made)
  }

  #addValue({ thing: value, within: [type] }: Make): void {
    const known = type && this.find(type)
    if (known?.properties.values === undefined) return
    const values = `${known.properties.values} ${value.name.split('.').at(-1)}`
    this.#put({ ...known, properties: { ...known.properties, values } })
  }

  #put(known: Known): void {
    const label = labelOf(known.made.thing)
    this.#own.set(label, known)
    const short = shortOf(known.made)
    if (short !== undefined) add(this.#short, short, label)
    for (const owner of known.made.within) add(this.#inside, labelOf(owner), label)
    for (const need of known.made.needs) add(this.#needing, labelOf(need), label)
  }

  #drop(named: Thing, cascade: boolean): void {
    const known = this.find(named) ?? this.alike(named)
    const it = known?.made.thing ?? named
    const needing = cascade ? goingWith(it, known, this) : []
    const inside = [...this.within(it)]
    this.#own.set(labelOf(it), undefined)
    for (const { made } of inside) this.#own.set(labelOf(made.thing), undefined)
    for (const { made } of inside) {
      const part = partOf(made, it)
      if (part !== undefined) this.#drop(part, cascade)
    }
    for (const { made } of needing) if (this.find(made.thing) !== undefined) this.#drop(made.thing, cascade)
  }

  #move(named: Thing, target: Thing): void {
    const known = this.find(named) ?? this.alike(named)
    const from = known?.made.thing ?? named
    const to = from.kind === 'constraint' && named.kind === 'index' ? constraintOf(from, target) : target
    const inside = [...this.within(from)]
    const needing = [...this.needing(from)]
    this.#own.set(labelOf(from), undefined)
    if (known !== undefined) this.#put({ ...known, made: { ...known.made, thing: to } })
    for (const each of inside) {
      this.#own.set(labelOf(each.made.thing), undefined)
      this.#put({ ...nameless(each), made: moved(each.made, from, to) })
    }
    for (const { made } of needing) {
      const each = this.find(made.thing)
      if (each === undefined) continue
      const needs = made.needs.map((one) => (labelOf(one) === labelOf(from) ? to : one))
      this.#put({ ...retyped(nameless(each), from, to), made: { ...each.made, needs } })
    }
  }

  #set(what: string, of: Thing, to: string | undefined): void {
    const known = this.find(of)
    if (known === undefined) return
    const { [what]: _, ...others } = known.properties
    const properties = to === undefined ? others : { ...others, [what]: to }
    const isKept = of.kind === 'column' || known.properties[what] !== undefined
    this.#put({ ...known, made: boundBy(known.made, what, to), properties: isKept ? properties : known.properties })
    // PostgreSQL writes an expression anew for another type of its column.
    if (what === 'type') for (const each of [...this.within(of)]) this.#put(nameless(each))
    this.#learnOf(what, of, to)
  }

  /** What rules ask for by name. */
  #learnOf(what: string, of: Thing, to: string | undefined): void {
    const known = this.find(of)
    if (known === undefined) return
    if (what === 'type' && to !== undefined) this.#learn(known, { type: to })
    if (what === 'expression' && to === 'none') this.#learn(known, { generated: false })
    if (what === 'validity') this.#learn(known, { valid: true })
  }

  #learn(known: Known, facts: Facts): void {
    this.#put({ ...known, facts: { ...known.facts, ...facts } })
  }
}

function add(map: Map<string, Set<string>>, key: string, value: string): void {
  const all = map.get(key) ?? new Set()
  map.set(key, all.add(value))
}

/** What is known of a thing once something that its definition names has another name or type. */
export function nameless<Of extends { readonly properties: Properties }>(of: Of): Of {
  const { definition: _, 'referenced columns': __, ...properties } = of.properties
  return { ...of, properties }
}

/** A column whose type has another name. */
export function retyped<Of extends { readonly properties: Properties }>(of: Of, from: Thing, to: Thing): Of {
  const { type } = of.properties
  if (from.kind !== 'type' || type === undefined || !type.startsWith(from.name)) return of
  return { ...of, properties: { ...of.properties, type: to.name + type.slice(from.name.length) } }
}

/** A primary key makes its columns NOT NULL. */
export const keyColumns = ({ facts, within }: Pick<Make, 'facts' | 'within'>): readonly Thing[] =>
  facts?.primary === true ? within.filter(({ kind }) => kind === 'column') : []

/** The partition, or the index of one, that goes with what it was attached to; a DETACH before keeps it. */
export function partOf({ thing: bond, within }: Pick<Make, 'thing' | 'within'>, parent: Thing): Thing | undefined {
  if (bond.kind !== 'partition') return undefined
  const [of, part] = within
  return of !== undefined && labelOf(of) === labelOf(parent) ? part : undefined
}

/** What DROP … CASCADE takes along beside what is inside: what needs the thing, the foreign keys into a key. */
export function goingWith(
  it: Thing,
  known: { readonly facts?: Facts } | undefined,
  schema: { needing(thing: Thing): Iterable<Known> },
): Known[] {
  if (it.kind !== 'constraint') return [...schema.needing(it)]
  const { keys, primary } = known?.facts ?? {}
  if (keys === undefined) return []
  const table = thing('table', it.name.split('.').slice(0, -1).join('.'))
  return [...schema.needing(table)].filter(({ facts: { refersTo } }) =>
    refersTo === '' ? primary === true : refersTo === keys,
  )
}

function shortOf({ thing: { kind, name }, facts }: Make): string | undefined {
  if (kind === 'function') return `function ${name.replace(/\(.*$/, '')}`
  return kind === 'constraint' && facts?.keys !== undefined ? `constraint ${name.split('.').at(-1)}` : undefined
}

/** A constraint once its index has another name. */
export const constraintOf = (constraint: Thing, index: Thing): Thing => ({
  kind: 'constraint',
  name: [...constraint.name.split('.').slice(0, -1), index.name.split('.').at(-1) ?? ''].join('.'),
})

/** What belonged to a thing belongs to it under its new name. */
function moved(made: Make, from: Thing, to: Thing): Make {
  const rename = (name: string) => (name.startsWith(`${from.name}.`) ? to.name + name.slice(from.name.length) : name)
  return {
    ...made,
    thing: { ...made.thing, name: rename(made.thing.name) },
    within: made.within.map((each) => (labelOf(each) === labelOf(from) ? to : { ...each, name: rename(each.name) })),
  }
}
