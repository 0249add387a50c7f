import { DEFAULTS } from '../contract.ts'
import { serverFacts } from '../history/facts.ts'
import { identifier, literal } from '../postgres/sql.ts'
import { type DatabaseOptions, withDatabase } from './database.ts'
import { type Output, table } from './output.ts'

/** `history`: the journal, oldest first. Exit 3 when there is none. */
export async function history(output: Output, options: DatabaseOptions): Promise<number> {
  const { historySchema = DEFAULTS.historySchema, set = DEFAULTS.set } = options
  const rows = await withDatabase(options, async (session) => {
    const facts = await serverFacts(session, historySchema)
    if (facts.history !== 'complete') return []
    return session.rows(`select to_char(j.at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') "at", event, version, duration_ms "durationMs",
      workload, done_by "by", detail from only ${identifier(historySchema)}.journal j where "set" = ${literal(set)} order by j.at, run, n`)
  })
  output.document(rows)
  const cells = rows.map((row) => [
    row.at,
    row.event,
    row.version,
    row.durationMs === null ? '' : `${row.durationMs}ms`,
    row.by,
    row.workload,
    row.detail,
  ])
  for (const line of table(cells.map((row) => row.map((cell) => String(cell ?? ''))))) output.print(line)
  return rows.length === 0 ? 3 : 0
}
