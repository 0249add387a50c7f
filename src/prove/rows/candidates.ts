import type { ColumnShape, Shapes, TableShape } from './shape.ts'
import { makeValue } from './values.ts'

/**
 * Values that may suit a column of a row, the likeliest first, as text: the plain one of its type, and those that its
 * CHECK constraints and the bounds of partitions speak of. Expressions are not understood, only tried.
 */
export function candidatesFor(
  { types }: Shapes,
  table: TableShape,
  column: ColumnShape,
  n: number,
  offset: number,
): string[] {
  const plain = makeValue(types, column.type, column.written, n + offset)
  const bounds = table.bounds.flatMap(({ columns, text }) => boundsFor(text, columns.indexOf(column.name)))
  const checks = [
    ...table.checks.filter(({ columns }) => columns.includes(column.name)).map(({ text }) => text),
    ...domainChecks(types, column.type),
  ].flatMap((text) => spokenOf(text, n))
  const all = [...bounds, ...(plain === undefined ? [] : [plain]), ...checks]
  return [...new Set(all)].slice(0, MOST)
}

const MOST = 24

function domainChecks(types: Shapes['types'], type: number): readonly string[] {
  const shape = types.get(type)
  if (shape?.kind !== 'd' || shape.of === null) return []
  return [...shape.checks, ...domainChecks(types, shape.of)]
}

const literal = /'((?:[^']|'')*)'|(?<![\w.])(-?\d+(?:\.\d+)?)/g

/** Literals of a check; beside a number its neighbours, and texts of that length. */
function spokenOf(check: string, n: number): string[] {
  return [...check.matchAll(literal)].flatMap(([, text, number]) => {
    if (text !== undefined) return [text.replaceAll("''", "'")]
    const value = Number(number)
    const long =
      Number.isInteger(value) && value > 0 && value <= 1000 ? [String(n).padStart(value, '0').slice(-value)] : []
    return [...long, String(value + n), String(value), String(value - n)]
  })
}

/** `FOR VALUES FROM ('2024-01-01', 1) TO (…)`, `FOR VALUES IN ('a', 'b')`: what is inside, for one column of the key. */
function boundsFor(bound: string, position: number): string[] {
  if (position < 0) return []
  const values = (list: string) => [
    ...list.matchAll(/'((?:[^']|'')*)'|(-?\d+(?:\.\d+)?)|MINVALUE|MAXVALUE|true|false|NULL/g),
  ]
  const textOf = ([whole, text, number]: RegExpMatchArray) =>
    text?.replaceAll("''", "'") ?? number ?? (/^(true|false)$/.test(whole) ? whole : undefined)
  const listed = /^FOR VALUES IN \((.*)\)$/s.exec(bound)?.[1]
  if (listed !== undefined) return values(listed).flatMap((each) => textOf(each) ?? [])
  const from = /^FOR VALUES FROM \((.*?)\) TO /s.exec(bound)?.[1]
  const lowest = from === undefined ? undefined : values(from)[position]
  return lowest === undefined ? [] : [textOf(lowest) ?? []].flat()
}
