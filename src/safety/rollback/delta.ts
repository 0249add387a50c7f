import { type Effect, type Facts, labelOf, type Make, type SetProperty, type Thing } from '../../sql/effects/effect.ts'
import type { Schema } from '../../sql/schema.ts'
import type { Statement } from '../../sql/statement.ts'
import { isSame, ownerOf, ownersOf } from './same.ts'

/** A difference between the schema before the up script and the one at hand. */
export interface Difference {
  readonly how: 'made' | 'gone'
  readonly thing: Thing
  readonly within: readonly Thing[]
  readonly needs: readonly Thing[]
  /** Chosen by the server, so that a down script may know it by another name. */
  readonly guessed: boolean
  /** It has only another name now, or had one. */
  readonly moved: boolean
  readonly facts?: Facts
  readonly by: 'up' | 'down'
  readonly statement: Statement
}

/** A property that has another value than before. */
export interface Changed {
  readonly property: SetProperty
  readonly statement: Statement
}

/**
 * What differs from the schema before the up script, kept as its statements, then those of the down script, run: a down
 * that takes everything back leaves nothing in it. `before` is what is known of the schema before.
 */
export class Delta {
  readonly differences = new Map<string, Difference>()
  readonly changed = new Map<string, Changed>()
  /** Those of them that are gone: a script may make thousands of things, and each is looked up there. */
  readonly #gone = new Map<string, Difference>()
  readonly #before: Schema

  constructor(before: Schema) {
    this.#before = before
  }

  apply(effect: Effect, statement: Statement, by: Difference['by']): void {
    const origin = { by, statement }
    if (effect.act === 'make') this.#make(effect, origin)
    else if (effect.act === 'drop') this.#drop(effect.thing, effect.cascade, origin)
    else if (effect.act === 'move') this.#move(effect.from, effect.to, origin)
    else if (effect.act === 'set') this.#set(effect, origin)
  }

  /** What the scripts made of this name; a name without schema is one with any, and one without arguments any function. */
  made(it: Thing): Difference | undefined {
    const exact = this.differences.get(labelOf(it))
    if (exact !== undefined) return exact.how === 'made' ? exact : undefined
    const all = [...this.differences.values()].filter(({ how, thing: { kind } }) => how === 'made' && kind === it.kind)
    return (
      all.find((each) => isSame(each.thing, it)) ??
      all.find((each) => each.guessed && ownerOf(each.thing) === ownerOf(it))
    )
  }

  #make(effect: Make, origin: Origin): void {
    const before = this.#before.find(effect.thing)
    const gone = this.#goneAs(effect.thing)
    if (gone !== undefined) {
      this.#remove(labelOf(gone.thing))
      return
    }
    if (before !== undefined && effect.replace === true) {
      this.#set({ act: 'set', what: 'definition', of: effect.thing, within: [effect.thing] }, origin)
    } else if (before === undefined || effect.ifMissing !== true) {
      const { thing, within, needs, guessed = false, facts } = effect
      this.#note({ how: 'made', thing, within, needs, guessed, moved: false, ...(facts && { facts }), ...origin })
    }
  }

  #goneAs(it: Thing): Difference | undefined {
    return [...this.#gone.values()].find(({ thing }) => isSame(thing, it))
  }

  #note(difference: Difference): void {
    const label = labelOf(difference.thing)
    this.differences.set(label, difference)
    if (difference.how === 'gone') this.#gone.set(label, difference)
    else this.#gone.delete(label)
  }

  #remove(label: string): void {
    this.differences.delete(label)
    this.#gone.delete(label)
  }

  #drop(it: Thing, cascade: boolean, origin: Origin): void {
    const made = this.made(it)
    if (made !== undefined) {
      this.#forget(made.thing, cascade)
      return
    }
    for (const [key, { property }] of this.changed) if (touches(property, it)) this.changed.delete(key)
    // What belongs to it goes too, and has to come back too.
    for (const { made: inside } of this.#before.within(it)) this.#lose(inside.thing, inside.within, false, origin)
    this.#lose(it, this.#before.find(it)?.made.within ?? ownersOf(it), false, origin)
  }

  #lose(it: Thing, within: readonly Thing[], moved: boolean, origin: Origin): void {
    this.#note({ how: 'gone', thing: it, within, needs: [], guessed: false, moved, ...origin })
  }

  /** What was made is gone again, with all that belongs to it; with CASCADE also what needs it. */
  #forget(it: Thing, cascade: boolean): void {
    this.#remove(labelOf(it))
    for (const each of [...this.differences.values()]) {
      const goes = each.how === 'made' && (has(each.within, it) || (cascade && has(each.needs, it)))
      // A difference inside of what is gone is none.
      if (goes || (each.how === 'gone' && has(each.within, it))) this.#forget(each.thing, cascade)
    }
    for (const [key, { property }] of this.changed) if (touches(property, it)) this.changed.delete(key)
  }

  #move(from: Thing, to: Thing, origin: Origin): void {
    const made = this.made(from)
    this.#rename(from, to)
    if (made === undefined) {
      this.#lose(from, ownersOf(from), true, origin)
      this.#note({ how: 'made', thing: to, within: ownersOf(to), needs: [], guessed: false, moved: true, ...origin })
      return
    }
    this.#remove(labelOf(made.thing))
    const back = this.#goneAs(to)
    if (back !== undefined) this.#remove(labelOf(back.thing))
    else this.#note({ ...made, thing: to })
  }

  /** What belongs to a thing is known by its new name. */
  #rename(from: Thing, to: Thing): void {
    const inside = (name: string) => name.startsWith(`${from.name}.`)
    const renamed = (name: string) => (inside(name) ? to.name + name.slice(from.name.length) : name)
    for (const each of [...this.differences.values()].filter(({ thing: { name } }) => inside(name))) {
      this.#remove(labelOf(each.thing))
      const within = each.within.map((one) =>
        labelOf(one) === labelOf(from) ? to : { ...one, name: renamed(one.name) },
      )
      this.#note({ ...each, thing: { ...each.thing, name: renamed(each.thing.name) }, within })
    }
    for (const [key, { property, statement }] of [...this.changed]) {
      if (!inside(property.of.name) && labelOf(property.of) !== labelOf(from)) continue
      this.changed.delete(key)
      const of = inside(property.of.name) ? { ...property.of, name: renamed(property.of.name) } : to
      const next = { ...property, of, within: [of, to] }
      this.changed.set(keyOf(next), { property: next, statement })
    }
  }

  #set(property: SetProperty, { by, statement }: Origin): void {
    const key = keyOf(property)
    // Rows that were seen to satisfy a constraint go on doing so.
    if (property.what === 'validity') return
    if (by === 'down') this.changed.delete(key)
    else if (![property.of, ...property.within].some((each) => this.made(each)?.moved === false)) {
      this.changed.set(key, { property, statement })
    }
  }
}

type Origin = Pick<Difference, 'by' | 'statement'>

const keyOf = ({ what, of }: SetProperty) => `${what} of ${labelOf(of)}`
const has = (things: readonly Thing[], it: Thing) => things.some((each) => isSame(each, it))
const touches = ({ of, within }: SetProperty, it: Thing) => has([of, ...within], it)
