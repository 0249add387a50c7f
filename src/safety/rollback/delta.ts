import {
  boundBy,
  type Drop,
  type Effect,
  type Facts,
  labelOf,
  type Make,
  type Move,
  type SetProperty,
  type Thing,
} from '../../sql/effects/effect.ts'
import { constraintOf, keyColumns, nameless, retyped, type Schema } from '../../sql/schema.ts'
import type { Statement } from '../../sql/statement.ts'
import { type Changed, changesOf } from './changes.ts'
import { keyOf, ownersOf } from './same.ts'
import { type Entry, type Origin, type State, stateOf, Things } from './things.ts'

/** A difference between the schema before the up script and the one at hand. */
export interface Difference extends Origin {
  readonly how: 'made' | 'gone'
  readonly thing: Thing
  readonly within: readonly Thing[]
  readonly needs: readonly Thing[]
  /** Chosen by the server, so that a down script may know it by another name. */
  readonly guessed: boolean
  /** It has only another name now, or had one. */
  readonly moved: boolean
  readonly facts?: Facts
}

/** A DROP … IF EXISTS of a down script that finds nothing. */
export interface Ineffective {
  readonly thing: Thing
  readonly statement: Statement
}

/**
 * The schema before the up script and as the statements applied so far leave it, as far as the files tell: a down that
 * takes everything back leaves no difference. `before` is what is known of the schema before.
 */
export class Delta {
  readonly ineffective: Ineffective[] = []
  readonly #things: Things
  /** Indexes of no partitioned table that a script created, by what they are like. */
  readonly #indexes = new Map<string, { readonly entry: Entry; readonly table: Thing }[]>()

  constructor(before: Schema) {
    this.#things = new Things(before)
  }

  apply(effect: Effect, statement: Statement, by: Origin['by']): void {
    const origin = { by, statement }
    if (effect.act === 'make') this.#make(effect, origin)
    else if (effect.act === 'drop') this.#drop(effect, origin)
    else if (effect.act === 'move') this.#move(effect, origin)
    else if (effect.act === 'set') this.#set(effect, origin)
  }

  /** What is there and was not, or was there and is not. Temporary things go with the session. */
  differences(): Map<string, Difference> {
    const found = new Map<string, Difference>()
    for (const entry of this.#things) {
      const { thing, before, now, origin, renamed } = entry
      const was = typeof before === 'object' ? before : undefined
      if (origin === undefined || (was === undefined) === (now === undefined)) continue
      const state = was ?? now
      if (state === undefined || this.#isTemporary(state) || (thing.kind === 'column' && this.#isOfCopy(entry)))
        continue
      const { within, needs, facts, guessed, moved } = state
      const how = now === undefined ? ('gone' as const) : ('made' as const)
      found.set(labelOf(thing), { how, thing, within, needs, facts, guessed, moved: moved || renamed, ...origin })
    }
    return found
  }

  /** What was there, is there, and is not what it was. */
  changes(): Changed[] {
    return [...this.#things].flatMap((entry) => (this.#isOfCopy(entry) ? [] : changesOf(entry)))
  }

  #isTemporary({ facts, within }: State): boolean {
    return facts.temporary === true || within.some((each) => this.#things.find(each)?.now?.facts.temporary === true)
  }

  /** What the text does not tell of a table that took its columns from another one, nothing can be said about. */
  #isOfCopy({ thing }: Entry): boolean {
    return ownersOf(thing).some((each) => this.#things.find(each)?.now?.facts.copied === true)
  }

  #make(effect: Make, origin: Origin): void {
    const { thing, facts = {}, properties = {}, ifMissing = false, replace = false } = effect
    const unsure = ifMissing || replace || origin.by === 'down'
    const entry = this.#things.find(thing) ?? this.#things.add(thing, unsure ? 'maybe' : 'absent', undefined)
    if (entry.now !== undefined && ifMissing) return
    const state = stateOf({ made: effect, facts, properties })
    // A new column of an old name is what a statement makes of it, whatever was set before.
    this.#things.set(entry, entry.now === undefined ? state : { ...state, moved: entry.now.moved })
    entry.origin = origin
    for (const column of keyColumns(effect)) this.#put(column, 'not null', 'yes', origin)
    if (thing.kind === 'index') this.#attach(entry, state)
    if (thing.kind === 'type' && properties.values !== undefined) this.#makeValues(thing, properties.values, origin)
  }

  /** CREATE INDEX on a partitioned table takes over the indexes of its partitions that are alike, and drops them with it. */
  #attach(entry: Entry, { within: [table], properties: { definition = '' } }: State): void {
    if (table === undefined) return
    const alike = this.#indexes.get(definition) ?? []
    this.#indexes.set(definition, alike)
    if (this.#things.find(table)?.now?.facts.partitioned !== true) {
      if (alike.length < MAX_ALIKE) alike.push({ entry, table })
      return
    }
    for (const { entry: part, table: of } of alike) {
      const owner = this.#things.find(of)?.now
      const isPart = owner === undefined || owner.within.some((each) => keyOf(each) === keyOf(table))
      if (isPart && part.now !== undefined)
        this.#things.set(part, { ...part.now, within: [...part.now.within, entry.thing] })
    }
  }

  /** The values of an enum that an earlier one of its name had. */
  #makeValues(type: Thing, values: string, origin: Origin): void {
    for (const value of values.split(' ')) {
      const entry = this.#things.find({ kind: 'enum value', name: `${type.name}.${value}` })
      if (entry === undefined || entry.now !== undefined) continue
      this.#things.set(entry, unknown(entry.thing))
      entry.origin = origin
    }
  }

  #drop({ thing, ifExists, cascade }: Drop, origin: Origin): void {
    const entry = this.#things.find(thing) ?? this.#things.guessed(thing)
    if (entry !== undefined) {
      if (entry.now !== undefined) this.#lose(entry, cascade, origin)
      return
    }
    if (!ifExists) {
      this.#lose(this.#things.add(thing, unknown(thing), unknown(thing)), cascade, origin)
      return
    }
    // Whatever belongs to it goes, too, if it is there.
    this.#lose(this.#things.add(thing, 'maybe', undefined), cascade, origin)
    if (origin.by === 'down') this.ineffective.push({ thing, statement: origin.statement })
  }

  /** A thing goes, with all that belongs to it; with CASCADE also what needs it. */
  #lose(first: Entry, cascade: boolean, origin: Origin): void {
    const going = [first]
    for (let entry = going.pop(); entry !== undefined; entry = going.pop()) {
      const inside = this.#things.within(entry.thing)
      const parts = inside.flatMap((each) => this.#things.part(each, first.thing) ?? [])
      const needing = cascade ? this.#things.needing(entry) : []
      this.#things.set(entry, undefined)
      entry.origin = origin
      entry.renamed = false
      going.push(...[...inside, ...parts, ...needing].filter(({ now }) => now !== undefined))
    }
  }

  #move({ from, to: target, ifExists = false }: Move, origin: Origin): void {
    const known = this.#things.find(from)
    if (known === undefined && ifExists) return
    const entry = known ?? this.#things.add(from, unknown(from), unknown(from))
    if (entry.now === undefined) return
    // An index that became a constraint is known as one, and has the name of it.
    const isIndexOf = entry.thing.kind === 'constraint' && target.kind === 'index'
    const to = isIndexOf ? constraintOf(entry.thing, target) : target
    const inside = this.#things.within(entry.thing)
    const dependent = this.#things.needing(entry)
    // An index that becomes a constraint is described in other words.
    const properties = entry.thing.kind === to.kind ? entry.now.properties : {}
    this.#rename(entry, to, { ...entry.now, properties, within: renamedAll(entry.now.within, entry.thing, to) }, origin)
    for (const each of inside) {
      if (each.now === undefined) continue
      const name = renamed(each.thing, entry.thing, to)
      const now = { ...nameless(each.now), within: renamedAll(each.now.within, entry.thing, to) }
      if (keyOf(name) === keyOf(each.thing)) this.#things.set(each, now)
      else this.#rename(each, name, now, origin)
    }
    for (const each of dependent) {
      if (each.now === undefined) continue
      const now = retyped(nameless(each.now), entry.thing, to)
      this.#things.set(each, { ...now, needs: renamedAll(now.needs, entry.thing, to) })
    }
  }

  #rename(entry: Entry, to: Thing, state: State, origin: Origin): void {
    // A name without schema is found for one with any: the same table in another schema is not the one that it leaves.
    const found = this.#things.find(to)
    const target = found === undefined || found === entry ? this.#things.add(to, 'absent', undefined) : found
    this.#things.set(entry, undefined)
    this.#things.set(target, { ...state, moved: state.moved || typeof entry.before === 'object' })
    for (const each of [entry, target]) each.origin = origin
    entry.renamed = true
    target.renamed = false
  }

  #set({ what, of, within, to }: SetProperty, origin: Origin): void {
    if (!within.some((each) => this.#isNew(each))) this.#put(of, what, to, origin)
  }

  #isNew(it: Thing): boolean {
    const entry = this.#things.find(it)
    return entry?.now?.moved === false && typeof entry.before !== 'object'
  }

  #put(of: Thing, what: string, to: string | undefined, origin: Origin): void {
    const known = this.#things.find(of)
    if (known === undefined && ownersOf(of).some((each) => this.#isNew(each))) return
    const entry = known ?? this.#things.add(of, unknown(of, what, to), unknown(of, what, to))
    if (entry.now === undefined) return
    const { [what]: _, ...others } = entry.now.properties
    const properties = to === undefined ? others : { ...others, [what]: to }
    const count = (entry.now.settings.get(what)?.count ?? 0) + 1
    const settings = new Map(entry.now.settings).set(what, { ...origin, count })
    this.#things.set(entry, boundBy({ ...entry.now, properties, settings }, what, to))
    if (what !== 'type') return
    // PostgreSQL writes an expression anew for another type of its column.
    for (const each of this.#things.within(entry.thing))
      if (each.now !== undefined) this.#things.set(each, nameless(each.now))
  }
}

/** Indexes of one definition that are kept in mind; a partitioned table has seldom more partitions in one script. */
const MAX_ALIKE = 200

/** A thing that no file made: of its properties only what the first statement about it implies is known. */
function unknown(it: Thing, what?: string, to?: string): State {
  const implied = what === 'not null' && to !== undefined ? { [what]: to === 'yes' ? 'no' : 'yes' } : {}
  return {
    within: ownersOf(it),
    needs: [],
    facts: {},
    properties: implied,
    guessed: false,
    moved: false,
    settings: new Map(),
  }
}

const renamedAll = (things: readonly Thing[], from: Thing, to: Thing) => things.map((each) => renamed(each, from, to))

/** What belongs to a thing is known by its new name. */
function renamed(it: Thing, from: Thing, to: Thing): Thing {
  if (keyOf(it) === keyOf(from)) return to
  return it.name.startsWith(`${from.name}.`) ? { ...it, name: to.name + it.name.slice(from.name.length) } : it
}
