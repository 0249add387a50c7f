import { randomUUID } from 'node:crypto'
import { leftBy } from '../history/leaving.ts'
import { journalRow } from '../history/write.ts'
import { sanitize } from '../migration/sanitize.ts'
import { identifier, literal } from '../postgres/sql.ts'
import { Problem } from '../problem.ts'
import { type DatabaseOptions, requestOf, withDatabase } from './database.ts'
import type { Output } from './output.ts'

export interface ForgetOptions extends DatabaseOptions {
  readonly workload?: string
  readonly cluster?: string
}

/** `forget`: takes back what a workload that is gone, or another cluster, still holds. Exit 3 when nothing matched. */
export async function forget(output: Output, options: ForgetOptions): Promise<number> {
  const { workload, cluster } = options
  if (workload === undefined && cluster === undefined) {
    throw new Problem('forget needs a workload or a cluster', 'lockkeeper forget --workload shop/Deployment/orders')
  }
  const request = requestOf(options, undefined)
  const conditions = [
    ...(workload === undefined ? [] : [`(workload = ${literal(workload)} or ${leftBy('workload', workload)})`]),
    ...(cluster === undefined ? [] : [`cluster = ${literal(cluster)}`]),
  ]
  const rows = await withDatabase(options, async (session) => {
    const table = `${identifier(request.historySchema)}.requirement`
    const gone = await session.rows(
      `delete from only ${table} where ${conditions.join(' and ')} returning cluster, workload, target`,
    )
    const journal = { run: randomUUID(), n: 0 }
    for (const row of gone) {
      await session.execute(
        journalRow(request, journal, { event: 'forgotten', detail: `${row.workload} of cluster ${row.cluster}` }),
      )
    }
    return gone
  })
  output.document(rows)
  for (const row of rows)
    output.print(sanitize(`forgot ${row.workload} of cluster ${row.cluster}, which asked for ${row.target}`))
  if (rows.length === 0) output.print('nothing matched')
  return rows.length === 0 ? 3 : 0
}
