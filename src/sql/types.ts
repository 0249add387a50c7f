import type { TypeName } from 'libpg-query'
import { typeText } from './names.ts'

/** Serial types and what they stand for; each brings a sequence as its default (manual, 8.1.4). */
const SERIAL: Readonly<Record<string, string>> = {
  smallserial: 'smallint',
  serial2: 'smallint',
  serial: 'integer',
  serial4: 'integer',
  bigserial: 'bigint',
  serial8: 'bigint',
}

/** The integer type that a serial type stands for, or undefined for any other type. */
export const serialOf = (type: TypeName | undefined): string | undefined => SERIAL[typeText(type)]

/**
 * What a change of type does: `cheap` changes the catalog only, `rewrites` keeps every value but writes the table anew,
 * `narrows` also refuses or shortens values, `unknown` could be any of them. Types as `typeText` writes them.
 */
export type TypeChange = 'cheap' | 'rewrites' | 'narrows' | 'unknown'

export function typeChange(old: string | undefined, next: string): TypeChange {
  if (old === undefined) return 'unknown'
  if (old === next) return 'cheap'
  const [from, to] = [split(SERIAL[old] ?? old), split(next)]
  if (from.array !== to.array) return 'unknown'
  if (from.name === to.name) return resized(from, to)
  if (texts.has(from.name) && texts.has(to.name)) return betweenTexts(from, to)
  if (WIDER[from.name]?.includes(to.name) === true) return to.sizes.length > 0 ? 'narrows' : 'rewrites'
  if (from.name === 'cidr' && to.name === 'inet') return 'cheap'
  if (to.name === 'text' || (to.name === 'varchar' && to.sizes.length === 0)) return 'rewrites'
  return WIDER[to.name]?.includes(from.name) === true || texts.has(from.name) ? 'narrows' : 'unknown'
}

interface Split {
  readonly name: string
  readonly sizes: readonly number[]
  readonly array: boolean
}

function split(type: string): Split {
  const [, name = '', sizes = '', array = ''] = /^([^([]*)(?:\(([\d,]*)\))?((?:\[\])*)$/.exec(type) ?? ['', type]
  return { name, sizes: sizes === '' ? [] : sizes.split(',').map(Number), array: array !== '' }
}

/** Types whose every value another one can hold (manual, chapter 8). */
const WIDER: Readonly<Record<string, readonly string[]>> = {
  smallint: ['integer', 'bigint', 'numeric', 'real', 'double precision'],
  integer: ['bigint', 'numeric', 'double precision'],
  bigint: ['numeric'],
  real: ['double precision'],
  date: ['timestamp', 'timestamptz'],
  timestamp: ['timestamptz'],
  timestamptz: [],
  json: ['jsonb'],
}

const texts: ReadonlySet<string> = new Set(['text', 'varchar', 'char'])

/** Sizes that only grow need no look at the rows (release notes of 9.2), but those of char are padded. */
function resized(from: Split, to: Split): TypeChange {
  if (to.sizes.length === 0) return from.name === 'char' ? 'narrows' : 'cheap'
  if (from.sizes.length === 0) return 'narrows'
  const [precision = 0, scale = 0] = from.sizes
  const [next = 0, nextScale = 0] = to.sizes
  if (from.name === 'numeric') {
    if (scale === nextScale) return next >= precision ? 'cheap' : 'narrows'
    return nextScale >= scale && next - nextScale >= precision - scale ? 'rewrites' : 'narrows'
  }
  // The size of an interval stands behind its fields.
  if ((to.sizes.at(-1) ?? 0) < (from.sizes.at(-1) ?? 0)) return 'narrows'
  return from.name === 'char' || from.name === 'bit' ? 'rewrites' : 'cheap'
}

function betweenTexts(from: Split, to: Split): TypeChange {
  const [most] = to.sizes
  const bound = from.name === 'char' ? (from.sizes[0] ?? 1) : from.sizes[0]
  if (to.name === 'char') return bound !== undefined && bound <= (most ?? 1) ? 'rewrites' : 'narrows'
  if (most !== undefined && (bound === undefined || bound > most)) return 'narrows'
  return from.name === 'char' ? 'rewrites' : 'cheap'
}
