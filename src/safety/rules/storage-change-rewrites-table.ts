import { tableActions } from '../../sql/actions.ts'
import { found, type Rule } from '../rule.ts'
import { isInUse } from '../scene.ts'

export const storageChangeRewritesTable: Rule = {
  code: 'storage-change-rewrites-table',
  finds: 'SET LOGGED, SET UNLOGGED and SET ACCESS METHOD on a table that is in use.',
  why: 'The table is written anew under an ACCESS EXCLUSIVE lock. An unlogged one is empty after a crash, and replicas do not have it at all.',
  source: 'ALTER TABLE, SET { LOGGED | UNLOGGED }, SET ACCESS METHOD; CREATE TABLE, UNLOGGED',
  versions: 'SET ACCESS METHOD from 15 on',
  find(statement, scene) {
    return tableActions(statement)
      .filter(({ cmd, table }) => changes.has(cmd.subtype ?? '') && isInUse(scene, table))
      .map(({ table, cmd, text, at }) => {
        const more = cmd.subtype === 'AT_SetUnLogged' ? ', and a crash then empties it' : ''
        return found(
          `${text} writes all of ${table} anew while nobody can read or write it${more}`,
          'make a new table that has it, move the rows over in batches, and switch in a later release',
          [],
          at,
        )
      })
  },
  examples: {
    finds: [
      'ALTER TABLE orders SET UNLOGGED',
      'ALTER TABLE shop.orders SET LOGGED',
      { server: 15, script: 'ALTER TABLE orders SET ACCESS METHOD heap' },
    ],
    passes: [
      'CREATE TABLE copy (id int); ALTER TABLE copy SET LOGGED',
      'CREATE UNLOGGED TABLE copy (id int)',
      'ALTER TABLE orders SET (fillfactor = 80)',
      'ALTER TABLE orders ALTER COLUMN note SET STORAGE EXTERNAL',
    ],
  },
}

const changes: ReadonlySet<string> = new Set(['AT_SetLogged', 'AT_SetUnLogged', 'AT_SetAccessMethod'])
