import type { Node } from 'libpg-query'
import type { Rows } from '../../sql/effects/effect.ts'
import { effectsOf } from '../../sql/effects/effects.ts'
import { ident, partsOf } from '../../sql/names.ts'
import { atCommas, tokensOf } from '../../sql/sql-text.ts'
import type { Statement } from '../../sql/statement.ts'
import { nodesOf } from '../../sql/walk.ts'
import { between } from '../rewrite.ts'
import { found, type Rule } from '../rule.ts'
import { isNew } from '../scene.ts'

export const updateTouchesAllRows: Rule = {
  code: 'update-touches-all-rows',
  finds:
    'UPDATE without a condition, or with one that every row meets, in a WITH too, on a table that was there before.',
  why: 'Every row stays locked until the transaction ends, the table doubles in size, and what stood there before is gone.',
  source: 'UPDATE; 13.3.2 Row-Level Locks; 24.1.2 Recovering Disk Space',
  find(statement, scene) {
    return effectsOf(statement)
      .filter((effect): effect is Rows => effect.act === 'rows' && effect.verb === 'update')
      .filter(({ whole, table }) => whole && !isNew(scene, table))
      .map((rows) => {
        const sql = inBatches(statement, rows)
        const fix =
          'in batches, in a migration of its own that says `-- lockkeeper: no-transaction`, or in the application'
        return found(
          `writes every row of ${rows.table.name} in one transaction`,
          sql.length > 0 ? `${fix} (until it finds none)` : fix,
          sql,
        )
      })
  },
  examples: {
    finds: [
      "UPDATE orders SET note = ''",
      "UPDATE shop.orders o SET total = price * amount, note = 'a, b' WHERE TRUE",
      'UPDATE orders SET total = total + 1',
      'WITH moved AS (UPDATE orders SET paid = true RETURNING id) SELECT count(*) FROM moved',
    ],
    passes: [
      "UPDATE orders SET note = '' WHERE note IS NULL",
      'CREATE TABLE copy AS SELECT * FROM orders; UPDATE copy SET id = id + 1',
      'CREATE RULE r AS ON INSERT TO orders DO ALSO UPDATE totals SET n = n + 1',
      'SELECT id FROM orders FOR UPDATE',
    ],
  },
}

/**
 * Of a plain UPDATE that sets its columns one by one: the same for the rows that do not have the values yet. None where
 * doing it twice would not be the same: a value that is made of the columns themselves, or differs from call to call.
 */
function inBatches({ node, text }: Statement, { table: { name }, columns }: Rows): string[] {
  if (node === undefined || !('UpdateStmt' in node)) return []
  const { fromClause, withClause, relation, returningClause, targetList = [] } = node.UpdateStmt
  if (fromClause !== undefined || withClause !== undefined || returningClause !== undefined) return []
  const values = targetList.flatMap((each) => ('ResTarget' in each ? (each.ResTarget.val ?? []) : []))
  const all = between(text, 'set', ['where'])
  const pieces = all === undefined ? [] : atCommas(tokensOf(all)).map(({ start, end }) => all.slice(start, end))
  if (all === undefined || pieces.length !== columns.length || !values.every((each) => isSettled(each, columns)))
    return []
  const written = pieces.map((piece) => piece.slice(piece.indexOf('=') + 1).trim())
  const alias = relation?.alias?.aliasname
  const as = alias === undefined ? '' : ` AS ${ident(alias)}`
  const isMissing = `(${columns.join(', ')}) IS DISTINCT FROM (${written.join(', ')})`
  return [
    `UPDATE ${name}${as} SET ${all} WHERE ${alias === undefined ? name : ident(alias)}.ctid = ANY (ARRAY(SELECT ctid FROM ${name}${as} WHERE ${isMissing} LIMIT 10000));`,
  ]
}

const isSettled = (value: Node, columns: readonly string[]): boolean =>
  [...nodesOf(value)].every((each) => {
    if ('ColumnRef' in each) return !columns.includes(ident(partsOf(each.ColumnRef.fields).at(-1) ?? ''))
    return !['FuncCall', 'SQLValueFunction', 'SubLink', 'SetToDefault', 'MultiAssignRef'].some((kind) => kind in each)
  })
