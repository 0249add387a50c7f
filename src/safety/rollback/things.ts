import type { Facts, Properties, Thing } from '../../sql/effects/effect.ts'
import { thing } from '../../sql/effects/effect.ts'
import { type Known, partOf, type Schema } from '../../sql/schema.ts'
import type { Statement } from '../../sql/statement.ts'
import { keyOf, looserKeysOf } from './same.ts'

/** Where a change comes from. */
export interface Origin {
  readonly by: 'up' | 'down'
  readonly statement: Statement
}

/** What a thing is like at one time. */
export interface State {
  readonly within: readonly Thing[]
  readonly needs: readonly Thing[]
  readonly facts: Facts
  readonly properties: Properties
  /** The server chose the name. */
  readonly guessed: boolean
  /** It was there before the up script, under another name. */
  readonly moved: boolean
  /** The last statement that set a property, and how many did. */
  readonly settings: ReadonlyMap<string, Origin & { readonly count: number }>
}

export const stateOf = ({ made, facts, properties }: Omit<Known, 'scope'>): State => ({
  within: made.within,
  needs: made.needs,
  facts,
  properties,
  guessed: made.guessed ?? false,
  moved: false,
  settings: new Map(),
})

/** A thing that one of the scripts names, before the up script and now. */
export interface Entry {
  readonly thing: Thing
  /** `absent` also where the files do not say; `maybe`: IF EXISTS, IF NOT EXISTS or OR REPLACE was all that was said. */
  readonly before: State | 'absent' | 'maybe'
  now: State | undefined
  /** The last statement that created, dropped or renamed it. */
  origin: Origin | undefined
  /** It went because it got another name. */
  renamed: boolean
}

/** The things that a pair of scripts names, found by their names, their owners and what they need: each in one step. */
export class Things {
  readonly #schema: Schema
  readonly #entries = new Map<string, Entry>()
  /** By a less specific name, the keys of the things that have it. */
  readonly #looser = new Map<string, Set<string>>()
  /** The same for what is gone: the last one. */
  readonly #gone = new Map<string, string>()
  readonly #inside = new Map<string, Set<string>>()
  readonly #needing = new Map<string, Set<string>>()
  readonly #guessed = new Map<string, Set<string>>()
  /** Keys of things whose contents were taken over from the schema. */
  readonly #loaded = new Set<string>()

  /** Keys of things of which the schema was asked what needs them. */
  readonly #asked = new Set<string>()

  constructor(schema: Schema) {
    this.#schema = schema
  }

  [Symbol.iterator](): Iterator<Entry> {
    return this.#entries.values()
  }

  /** A name without schema is one with any, and one without arguments any function. */
  find(it: Thing): Entry | undefined {
    const key = keyOf(it)
    const exact = this.#entries.get(key)
    if (exact !== undefined) return exact
    const known = this.#schema.find(it)
    if (known !== undefined) return this.#take(known)
    const [more] = this.#looser.get(key) ?? []
    if (more !== undefined) return this.#entries.get(more)
    const alike = this.#schema.alike(it)
    if (alike !== undefined) return this.#take(alike)
    const less = looserKeysOf(it).find((each) => this.#entries.has(each))
    return this.#entries.get(less ?? this.#gone.get(key) ?? '')
  }

  /** A thing whose name the server chose, where nothing has the name that a script expects. */
  guessed(it: Thing): Entry | undefined {
    const [key] = this.#guessed.get(ownKey(it)) ?? []
    return this.#entries.get(key ?? '')
  }

  add(it: Thing, before: Entry['before'], now: State | undefined): Entry {
    const entry: Entry = { thing: it, before, now: undefined, origin: undefined, renamed: false }
    this.#entries.set(keyOf(it), entry)
    this.set(entry, now)
    return entry
  }

  /** What a thing is like from now on; undefined: it is gone. */
  set(entry: Entry, now: State | undefined): void {
    const key = keyOf(entry.thing)
    for (const owner of entry.now?.within ?? []) this.#inside.get(keyOf(owner))?.delete(key)
    for (const need of entry.now?.needs ?? []) this.#needing.get(keyOf(need))?.delete(key)
    this.#guessed.get(ownKey(entry.thing))?.delete(key)
    for (const looser of [...looserKeysOf(entry.thing), ...indexKeysOf(entry.thing, now ?? entry.now)]) {
      if (now !== undefined) put(this.#looser, looser, key)
      else this.#looser.get(looser)?.delete(key)
      this.#gone.set(looser, key)
    }
    entry.now = now
    for (const owner of now?.within ?? []) put(this.#inside, keyOf(owner), key)
    for (const need of now?.needs ?? []) put(this.#needing, keyOf(need), key)
    if (now?.guessed === true) put(this.#guessed, ownKey(entry.thing), key)
  }

  /** What is there now and belongs to a thing. */
  within(it: Thing): Entry[] {
    this.#load(it)
    return this.#all(this.#inside.get(keyOf(it)))
  }

  /** What is there now and cannot be without a thing, which DROP … CASCADE takes along. */
  needing({ thing: it, now }: Entry): Entry[] {
    if (it.kind !== 'constraint') return this.#needs(it)
    const { keys, primary } = now?.facts ?? {}
    if (keys === undefined) return []
    const table = thing('table', it.name.split('.').slice(0, -1).join('.'))
    return this.#needs(table).filter(({ now: other }) => {
      const refersTo = other?.facts.refersTo
      return refersTo === '' ? primary === true : refersTo === keys
    })
  }

  /** The partition that goes with what it is attached to. */
  part({ thing: bond, now }: Entry, parent: Thing): Entry | undefined {
    const part = now && partOf({ thing: bond, within: now.within }, parent)
    return part && this.find(part)
  }

  #needs(it: Thing): Entry[] {
    if (!this.#asked.has(keyOf(it))) for (const known of this.#schema.needing(it)) this.#take(known)
    this.#asked.add(keyOf(it))
    const keys = [keyOf(it), ...looserKeysOf(it)]
    return keys.flatMap((key) => this.#all(this.#needing.get(key)))
  }

  #load(it: Thing): void {
    const key = keyOf(it)
    if (this.#loaded.has(key)) return
    this.#loaded.add(key)
    for (const known of this.#schema.within(it)) this.#take(known)
  }

  #take(known: Known): Entry {
    const { thing: it } = known.made
    const state = stateOf(known)
    return this.#entries.get(keyOf(it)) ?? this.add(it, state, state)
  }

  #all(keys: Iterable<string> = []): Entry[] {
    return [...keys].flatMap((key) => this.#entries.get(key) ?? [])
  }
}

function put(map: Map<string, Set<string>>, key: string, value: string): void {
  const all = map.get(key) ?? new Set()
  map.set(key, all.add(value))
}

/** A key has an index of its name. */
const indexKeysOf = ({ kind, name }: Thing, state: State | undefined): string[] =>
  kind === 'constraint' && state?.facts.keys !== undefined
    ? [keyOf({ kind: 'index', name: name.split('.').at(-1) ?? '' })]
    : []

/** Things of one kind and one owner. */
const ownKey = ({ kind, name }: Thing) => `${kind} ${name.split('.').slice(0, -1).join('.')}`
