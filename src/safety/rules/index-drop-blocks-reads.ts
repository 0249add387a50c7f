import { thing } from '../../sql/effects/effect.ts'
import { listName } from '../../sql/names.ts'
import { found, type Rule } from '../rule.ts'
import { isInUse, type Scene } from '../scene.ts'

export const indexDropBlocksReads: Rule = {
  code: 'index-drop-blocks-reads',
  finds: 'DROP INDEX without CONCURRENTLY.',
  why: 'It needs an ACCESS EXCLUSIVE lock on the table: it waits for every query on it, and every new query waits behind it.',
  source: 'DROP INDEX, CONCURRENTLY',
  find({ node }, scene) {
    if (node === undefined || !('DropStmt' in node) || node.DropStmt.removeType !== 'OBJECT_INDEX') return []
    const { objects = [], concurrent, missing_ok, behavior } = node.DropStmt
    if (concurrent === true) return []
    const names = objects.map((each) => listName(each)).filter((name) => isOnUsedTable(scene, name))
    if (names.length === 0) return []
    const message = `drops index ${names.join(', ')}, and no query on its table can begin while it waits for those that run`
    const ifExists = missing_ok === true ? 'IF EXISTS ' : ''
    if (behavior === 'DROP_CASCADE') {
      return [found(message, 'drop what depends on it by name first: CONCURRENTLY takes no CASCADE')]
    }
    return [
      found(
        message,
        'in a migration of its own',
        names.map((name) => `DROP INDEX CONCURRENTLY ${ifExists}${name};`),
      ),
    ]
  },
  examples: {
    finds: [
      'DROP INDEX orders_note',
      'DROP INDEX IF EXISTS shop.orders_note, orders_key',
      {
        earlier: 'CREATE TABLE orders (id bigint); CREATE INDEX orders_id ON orders (id)',
        script: 'DROP INDEX orders_id',
      },
    ],
    passes: [
      'DROP INDEX CONCURRENTLY orders_note',
      'CREATE TABLE orders (id bigint); CREATE INDEX orders_id ON orders (id); DROP INDEX orders_id',
      {
        earlier: 'CREATE TABLE orders (id bigint); CREATE INDEX orders_id ON orders (id)',
        script: 'DROP INDEX orders_id; DROP TABLE orders',
      },
      'DROP VIEW orders_index',
    ],
  },
}

/** Unknown counts as in use. */
function isOnUsedTable(scene: Scene, index: string): boolean {
  const table = scene.schema.find(thing('index', index))?.made.within.find(({ kind }) => kind === 'table')
  return table === undefined || isInUse(scene, table.name)
}
