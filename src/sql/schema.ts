import { type Effect, type Facts, labelOf, type Make, type Thing } from './effects/effect.ts'

/** A thing that scripts of the set are known to have made, and whose script that was. */
export interface Known {
  readonly made: Make
  readonly facts: Facts
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
    return [...this.#all()].some(
      ({ made: { thing } }) => thing.kind === 'function' && thing.name.startsWith(`${name}(`),
    )
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

  *#all(): Generator<Known> {
    for (const known of this.#own.values()) if (known !== undefined) yield known
    if (this.#origin === undefined) return
    for (const known of this.#origin.#all()) if (!this.#own.has(labelOf(known.made.thing))) yield known
  }

  apply(effect: Effect, scope: string): void {
    if (effect.act === 'make') this.#make(effect, scope)
    else if (effect.act === 'drop') this.#drop(effect.thing)
    else if (effect.act === 'move') this.#move(effect.from, effect.to)
    else if (effect.act === 'set') this.#set(effect.what, effect.of, effect.to)
  }

  #make(made: Make, scope: string): void {
    const known = this.find(made.thing)
    if (made.ifMissing === true && known !== undefined) return
    const since = made.replace === true ? known?.scope : undefined
    this.#put({ made, facts: made.facts ?? {}, scope: since ?? scope })
  }

  #put(known: Known): void {
    const label = labelOf(known.made.thing)
    this.#own.set(label, known)
    for (const owner of known.made.within) {
      const inside = this.#inside.get(labelOf(owner)) ?? new Set()
      this.#inside.set(labelOf(owner), inside.add(label))
    }
  }

  #drop(thing: Thing): void {
    for (const { made } of [...this.within(thing)]) this.#own.set(labelOf(made.thing), undefined)
    this.#own.set(labelOf(thing), undefined)
  }

  #move(from: Thing, to: Thing): void {
    const known = this.find(from)
    const inside = [...this.within(from)]
    this.#own.set(labelOf(from), undefined)
    if (known !== undefined) this.#put({ ...known, made: { ...known.made, thing: to } })
    for (const each of inside) {
      this.#own.set(labelOf(each.made.thing), undefined)
      this.#put({ ...each, made: moved(each.made, from, to) })
    }
  }

  #set(what: string, of: Thing, to: string | undefined): void {
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

/** What belonged to a thing belongs to it under its new name. */
function moved(made: Make, from: Thing, to: Thing): Make {
  const rename = (name: string) => (name.startsWith(`${from.name}.`) ? to.name + name.slice(from.name.length) : name)
  return {
    ...made,
    thing: { ...made.thing, name: rename(made.thing.name) },
    within: made.within.map((each) => (labelOf(each) === labelOf(from) ? to : { ...each, name: rename(each.name) })),
  }
}
