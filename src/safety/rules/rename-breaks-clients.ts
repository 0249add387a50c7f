import { type Move, type Thing, thing } from '../../sql/effects/effect.ts'
import { effectsOf } from '../../sql/effects/effects.ts'
import { type Found, found, type Rule } from '../rule.ts'
import { isNew, type Scene } from '../scene.ts'

export const renameBreaksClients: Rule = {
  code: 'rename-breaks-clients',
  finds:
    'RENAME and SET SCHEMA of anything that code names: tables, columns, views, sequences, functions, types and their attributes, values of an enum, schemas.',
  why: 'The pods of the release before still run, and ask for the old name: each of their queries fails from this moment until the last of them is gone, and again after a rollback.',
  source: 'ALTER TABLE, RENAME; ALTER TYPE, RENAME VALUE',
  only: 'up',
  find(statement, scene) {
    const { node } = statement
    if (node === undefined || !('RenameStmt' in node || 'AlterObjectSchemaStmt' in node || 'AlterEnumStmt' in node))
      return []
    return effectsOf(statement)
      .filter((effect): effect is Move => effect.act === 'move')
      .filter(({ from }) => named.has(from.kind) && !isNewlyMade(scene, from))
      .map((move) => renames(move, scene))
  },
  examples: {
    finds: [
      'ALTER TABLE orders RENAME COLUMN note TO remark',
      'ALTER TABLE shop.orders RENAME TO purchases',
      "ALTER TYPE order_state RENAME VALUE 'new' TO 'open'",
      'ALTER VIEW open_orders RENAME TO pending_orders',
      'ALTER TABLE orders SET SCHEMA archive',
    ],
    passes: [
      'ALTER INDEX orders_note RENAME TO orders_remark',
      'ALTER TABLE orders RENAME CONSTRAINT a TO b',
      'CREATE TABLE orders (note text); ALTER TABLE orders RENAME COLUMN note TO remark; ALTER TABLE orders RENAME TO purchases',
      'ALTER TRIGGER touch ON orders RENAME TO touched',
    ],
  },
}

const named: ReadonlySet<string> = new Set([
  ...['table', 'column', 'view', 'materialized view', 'sequence', 'function', 'aggregate', 'type', 'attribute'],
  ...['enum value', 'schema', 'foreign table', 'database'],
])

const isNewlyMade = (scene: Scene, it: Thing) => isNew(scene, it) || isNew(scene, thing('table', ownerOf(it)))

const ownerOf = ({ name }: Thing) => name.split('.').slice(0, -1).join('.')

function renames({ from, to }: Move, { schema }: Scene): Found {
  const message = `renames ${from.kind} ${from.name} to ${to.name}, and code of the release before fails on it`
  const next = to.name.split('.').at(-1) ?? ''
  if (from.kind === 'table') {
    const view = `CREATE VIEW ${from.name} AS SELECT * FROM ${to.name};`
    return found(message, 'keep the old name as a view in the same migration, and drop the view in the next release', [
      view,
    ])
  }
  if (from.kind === 'column') {
    const table = ownerOf(from)
    const old = from.name.split('.').at(-1)
    const type = schema.find(from)?.facts.type
    return found(
      message,
      'add the new column, write both, fill it in batches, and drop the old one in a later release',
      [
        ...(type === undefined ? [] : [`ALTER TABLE ${table} ADD COLUMN ${next} ${type};`]),
        `UPDATE ${table} SET ${next} = ${old} WHERE ctid = ANY (ARRAY(SELECT ctid FROM ${table} WHERE ${next} IS DISTINCT FROM ${old} LIMIT 10000));`,
      ],
    )
  }
  return found(message, `make ${next} beside it, let the new release use it, and drop the old one in a later release`)
}
