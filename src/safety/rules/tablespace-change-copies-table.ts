import { ident, relationName } from '../../sql/names.ts'
import { found, type Rule } from '../rule.ts'
import { isInUse } from '../scene.ts'

export const tablespaceChangeCopiesTable: Rule = {
  code: 'tablespace-change-copies-table',
  finds: 'SET TABLESPACE on a table, an index or a materialized view, one or all of a tablespace.',
  why: 'Its files are copied under an ACCESS EXCLUSIVE lock: nobody can use it until the last byte is there.',
  source: 'ALTER TABLE, SET TABLESPACE; REINDEX, TABLESPACE',
  find({ node }, scene) {
    if (node !== undefined && 'AlterTableMoveAllStmt' in node) {
      const { orig_tablespacename: from = '', new_tablespacename: to = '' } = node.AlterTableMoveAllStmt
      return [
        found(
          `copies all that is in tablespace ${from} to ${to}, and nobody can use any of it meanwhile`,
          'move one at a time, with pg_repack --tablespace',
        ),
      ]
    }
    if (node === undefined || !('AlterTableStmt' in node)) return []
    const { relation, objtype, cmds = [] } = node.AlterTableStmt
    const name = relationName(relation)
    return cmds.flatMap((each) => {
      if (!('AlterTableCmd' in each) || each.AlterTableCmd.subtype !== 'AT_SetTableSpace' || !isInUse(scene, name))
        return []
      const to = ident(each.AlterTableCmd.name ?? '')
      const message = `copies ${name} to tablespace ${to}, and nobody can use it meanwhile`
      if (objtype !== 'OBJECT_INDEX') return [found(message, 'let pg_repack --tablespace do it beside the application')]
      return [found(message, 'in a migration of its own', [`REINDEX (TABLESPACE ${to}) INDEX CONCURRENTLY ${name};`])]
    })
  },
  examples: {
    finds: [
      'ALTER TABLE orders SET TABLESPACE fast',
      'ALTER INDEX shop.orders_note SET TABLESPACE fast',
      'ALTER TABLE ALL IN TABLESPACE pg_default SET TABLESPACE fast',
    ],
    passes: [
      'CREATE TABLE copy (id int); ALTER TABLE copy SET TABLESPACE fast',
      'CREATE INDEX CONCURRENTLY orders_note ON orders (note) TABLESPACE fast',
      'SET default_tablespace = fast',
    ],
  },
}
