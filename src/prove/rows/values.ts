import type { TypeShape } from './shape.ts'

/** A value of a type, as text that its input function reads; undefined: nobody knows how. `n` from 1 up makes them differ. */
export function makeValue(
  types: ReadonlyMap<number, TypeShape>,
  type: number,
  written: string,
  n: number,
): string | undefined {
  const shape = types.get(type)
  if (shape === undefined) return undefined
  const { kind, of, array, base, values, attributes } = shape
  const inner = (within: string, m = n) => (of === null ? undefined : makeValue(types, of, within, m))
  if (kind === 'e') return values?.[n % values.length]
  if (kind === 'd') return inner(base ?? '')
  if (kind === 'c') return composite(attributes?.map((each) => makeValue(types, each.type, each.written, n)) ?? [])
  if (kind === 'r') return rangeOf(inner('', 2 * n), inner('', 2 * n + 1))
  if (kind === 'm') return braced(inner(''))
  if (array) return braced(quoted(inner(written.replace(/(?:\[\])+$/, ''))))
  return plainValue(shape.name.split('.').at(-1) ?? '', written, n)
}

const rangeOf = (low: string | undefined, high: string | undefined) =>
  low === undefined || high === undefined ? undefined : `["${low}","${high}")`
const braced = (text: string | undefined) => text && `{${text}}`
const quoted = (text: string | undefined) =>
  text === undefined ? undefined : `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`
const composite = (parts: readonly (string | undefined)[]) =>
  `(${parts.map((part) => (part === undefined ? '' : quoted(part))).join(',')})`

const two = (n: number) => String(n).padStart(2, '0')
const day = (n: number) => new Date(Date.UTC(2001, 0, n)).toISOString().slice(0, 10)

function plainValue(name: string, written: string, n: number): string | undefined {
  const room = Number(/\((\d+)/.exec(written)?.[1] ?? Number.NaN)
  const make = makers[name]
  if (make !== undefined) return make(n)
  switch (name) {
    case 'numeric':
      return String(n % 10 ** Math.max(1, digitsBefore(written)))
    case 'text':
    case 'character varying':
    case 'character':
    case 'name':
    case 'citext':
    case '"char"':
      return word(n, name === '"char"' ? 1 : name === 'character' && Number.isNaN(room) ? 1 : room)
    case 'bit':
      return (n % 2 ** Math.min(room || 1, 16)).toString(2).padStart(room || 1, '0')
    case 'bit varying':
      return (n % 2 ** Math.min(room || 8, 16)).toString(2)
    default:
      return undefined
  }
}

/** `numeric(5,2)` has three. */
function digitsBefore(written: string): number {
  const [, precision, scale = '0'] = /\((\d+)(?:,(-?\d+))?\)/.exec(written) ?? []
  return precision === undefined ? 9 : Math.min(9, Number(precision) - Number(scale))
}

/** Short where there is little room, but still one per row. */
function word(n: number, room: number): string {
  const text = `text ${n}`
  return Number.isNaN(room) || text.length <= room ? text : n.toString(36).slice(-room)
}

const makers: Readonly<Record<string, (n: number) => string>> = {
  smallint: String,
  integer: String,
  bigint: String,
  real: (n) => `${n}.5`,
  'double precision': (n) => `${n}.5`,
  money: String,
  oid: String,
  boolean: (n) => String(n % 2 === 1),
  date: day,
  'timestamp without time zone': (n) => `${day(n)} 12:00:00`,
  'timestamp with time zone': (n) => `${day(n)} 12:00:00+00`,
  'time without time zone': (n) => `${two(n % 24)}:00:00`,
  'time with time zone': (n) => `${two(n % 24)}:00:00+00`,
  interval: (n) => `${n} days`,
  uuid: (n) => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`,
  json: (n) => `{"n": ${n}}`,
  jsonb: (n) => `{"n": ${n}}`,
  jsonpath: (n) => `$.n${n}`,
  bytea: (n) => `\\x${n.toString(16).padStart(8, '0')}`,
  inet: (n) => `10.0.${Math.floor(n / 250) % 250}.${n % 250}`,
  cidr: (n) => `10.0.${Math.floor(n / 250) % 250}.${n % 250}/32`,
  macaddr: (n) => `08:00:2b:01:02:${two(n % 99)}`,
  macaddr8: (n) => `08:00:2b:01:02:03:04:${two(n % 99)}`,
  point: (n) => `(${n},${n})`,
  line: (n) => `{1,1,${n}}`,
  lseg: (n) => `[(0,0),(${n},${n})]`,
  box: (n) => `(${n},${n}),(0,0)`,
  path: (n) => `[(0,0),(${n},${n})]`,
  polygon: (n) => `((0,0),(0,${n}),(${n},0))`,
  circle: (n) => `<(0,0),${n}>`,
  tsvector: (n) => `word${n}`,
  tsquery: (n) => `word${n}`,
  xml: (n) => `<n>${n}</n>`,
  pg_lsn: (n) => `0/${n.toString(16)}`,
  hstore: (n) => `n=>${n}`,
  ltree: (n) => `n${n}`,
}
