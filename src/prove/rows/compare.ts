import type { Loss } from './loss.ts'
import type { Snapshot, TableRows } from './snapshot.ts'

/** What of the first is not in the second as it was, by key where a table has one. */
export function losses(before: Snapshot, after: Snapshot): Loss[] {
  const now = new Map(after.tables.map((table) => [table.table, table]))
  const fromTables = before.tables.flatMap((was) => {
    const is = now.get(was.table)
    if (was.rows.length === 0 && (is?.rows.length ?? 0) === 0) return []
    return is === undefined ? [gone(was)] : ofTable(was, is)
  })
  return [...fromTables, ...ofSequences(before.sequences, after.sequences)]
}

const gone = (was: TableRows): Loss => ({
  object: was.table,
  rows: was.rows.length,
  of: was.rows.length,
  what: 'the table is gone with its rows',
  example: nameOf(was, was.rows[0] ?? []),
})

function ofTable(was: TableRows, is: TableRows): Loss[] {
  const common = was.columns.filter((column) => is.columns.includes(column))
  const key = was.key.every((column) => common.includes(column)) ? was.key : []
  const [before, after] = [indexed(was, key, common), indexed(is, key, common)]
  const loss = (what: string, rows: readonly Named[], example: (row: Named) => string): Loss[] =>
    rows[0] === undefined
      ? []
      : [{ object: was.table, rows: rows.length, of: was.rows.length, what, example: example(rows[0]) }]
  const missing = [...before].flatMap(([id, row]) => (after.has(id) ? [] : [row]))
  // Rows that were cut off may be the ones that seem new.
  const added = was.cut ? [] : [...after].flatMap(([id, row]) => (before.has(id) ? [] : [row]))
  const changed = common.flatMap((column) => {
    const other = [...before].flatMap(([id, row]) => {
      const twin = after.get(id)
      return twin === undefined || twin.values.get(column) === row.values.get(column)
        ? []
        : [{ ...row, now: twin.values.get(column) ?? null }]
    })
    return loss(
      `${column} has another value`,
      other,
      (row) =>
        `${row.name}: ${column} ${show(row.values.get(column))} → ${show((row as Named & { now: string | null }).now)}`,
    )
  })
  return [
    ...(is.cut ? [] : loss('rows are gone', missing, ({ name }) => name)),
    ...loss('rows are new', added, ({ name }) => name),
    ...changed,
  ]
}

interface Named {
  readonly name: string
  readonly values: ReadonlyMap<string, string | null>
}

/** Rows by key; without one by all that they say, the same ones numbered. */
function indexed(table: TableRows, key: readonly string[], common: readonly string[]): Map<string, Named> {
  const rows = new Map<string, Named>()
  for (const row of table.rows) {
    const values = new Map(common.map((column) => [column, row[table.columns.indexOf(column)] ?? null]))
    const id = JSON.stringify((key.length > 0 ? key : common).map((column) => values.get(column)))
    let n = 0
    while (rows.has(`${id} ${n}`)) n++
    rows.set(`${id} ${n}`, { name: nameOf(table, row), values })
  }
  return rows
}

const SHOWN = 60
const show = (value: string | null | undefined) =>
  value == null ? 'NULL' : `'${value.length > SHOWN ? `${value.slice(0, SHOWN)}…` : value}'`

function nameOf({ columns, key }: TableRows, row: readonly (string | null)[]): string {
  const named = key.length > 0 ? key : columns.slice(0, 3)
  return named.map((column) => `${column} = ${show(row[columns.indexOf(column)])}`).join(', ')
}

/** One that was made anew gives out numbers that rows have already. */
function ofSequences(before: Snapshot['sequences'], after: Snapshot['sequences']): Loss[] {
  return [...before].flatMap(([name, was]) => {
    const is = after.get(name)
    if (was === null || is === undefined || (is !== null && BigInt(is) >= BigInt(was))) return []
    return [
      {
        object: `sequence ${name}`,
        rows: 0,
        of: 0,
        what: 'starts again',
        example: `stands at ${is ?? 'its start'}, before at ${was}`,
      },
    ]
  })
}
