import { literal } from '../../postgres/sql.ts'
import { candidatesFor } from './candidates.ts'
import type { ColumnShape, ForeignKey, Shapes, TableShape } from './shape.ts'

/** How a row is made: which of the likely values, and what is left to the server. */
export interface Recipe {
  /** Which candidate of each column, counted round. */
  readonly choice: number
  /** Columns that may be NULL are, and those with a default have it. */
  readonly sparse: boolean
  /** Added to the number of the row. */
  readonly offset: number
}

/** Expressions for the columns of one row, by column; a column that is not in it gets its default. */
export function rowOf(
  shapes: Shapes,
  table: TableShape,
  n: number,
  recipe: Recipe,
  /** Tables that rows were put into already. */
  filled: ReadonlySet<string>,
): Map<string, string> {
  const row = new Map<string, string>()
  for (const key of table.foreignKeys) {
    if (!filled.has(key.table)) continue
    for (const [column, expression] of borrowed(key, n, row)) row.set(column, expression)
  }
  const waiting = table.foreignKeys.filter((key) => !filled.has(key.table)).flatMap(({ columns }) => columns)
  for (const column of table.columns) {
    if (row.has(column.name) || column.made || isCounted(column)) continue
    const waits = waiting.includes(column.name)
    if (!column.notNull && (waits || recipe.sparse)) row.set(column.name, 'NULL')
    else if (!(recipe.sparse && column.default !== null)) setValue(shapes, table, column, n, recipe, row)
  }
  return row
}

/** `serial`: the sequence goes on, as it does in life. */
const isCounted = (column: ColumnShape) => column.default?.startsWith('nextval(') === true

function setValue(
  shapes: Shapes,
  table: TableShape,
  column: ColumnShape,
  n: number,
  { choice, offset }: Recipe,
  row: Map<string, string>,
): void {
  const candidates = candidatesFor(shapes, table, column, n, offset)
  const value = candidates[choice % Math.max(1, candidates.length)]
  if (value !== undefined) row.set(column.name, `${literal(value)}::${column.written}`)
  else if (!column.notNull) row.set(column.name, 'NULL')
}

/**
 * The key of the n-th row (counted round) of the table referred to. What another foreign key gave a shared column
 * already, that row must have too.
 */
export function borrowed(key: ForeignKey, n: number, given: ReadonlyMap<string, string>): [string, string][] {
  const order = key.references.join(', ')
  const bound = key.columns.flatMap((column, i) => {
    const expression = given.get(column)
    return expression === undefined ? [] : `${key.references[i]} = ${expression}`
  })
  const where = bound.length === 0 ? '' : ` where ${bound.join(' and ')}`
  const free = key.columns.map((column, i) => [column, key.references[i] ?? ''] as const)
  return free
    .filter(([column]) => !given.has(column))
    .map(([column, reference]) => [
      column,
      `(select ${reference} from ${key.table}${where} order by ${order} limit 1 offset ${n - 1} % greatest(1, (select count(*) from ${key.table}${where})))`,
    ])
}

/** INSERT for rows with the same columns. */
export function insertOf(table: TableShape, rows: readonly ReadonlyMap<string, string>[]): string {
  const columns = [...(rows[0]?.keys() ?? [])]
  if (columns.length === 0) return `insert into ${table.name} default values`
  const values = rows.map((row) => `(${columns.map((column) => row.get(column) ?? 'DEFAULT').join(', ')})`)
  return `insert into ${table.name} (${columns.join(', ')}) values ${values.join(', ')}`
}
