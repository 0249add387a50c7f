import { addedColumns, tableActions } from '../../sql/actions.ts'
import { ident, typeText } from '../../sql/names.ts'
import { found, type Rule } from '../rule.ts'
import { isInUse } from '../scene.ts'

export const generatedColumnRewritesTable: Rule = {
  code: 'generated-column-rewrites-table',
  finds: 'ADD COLUMN … GENERATED ALWAYS AS (…) STORED, and SET EXPRESSION, on a table that is in use.',
  why: 'The value is computed for every row at once: the whole table is written anew under an ACCESS EXCLUSIVE lock.',
  source: 'ALTER TABLE, Notes; Generated Columns',
  versions: 'SET EXPRESSION from 17 on; from 18 on the advice is VIRTUAL',
  find(statement, scene) {
    const added = addedColumns(statement)
      .filter(({ constraints }) => constraints.some(({ generated_kind: kind }) => kind === 's'))
      .map(({ table, column, text, at }) => {
        const message = `adds ${table}.${column.colname} as a stored generated column, which writes all of ${table} anew while nobody can read or write it`
        if (scene.server >= 18) {
          const virtual = `ALTER TABLE ${table} ${text.replace(/\bSTORED\b/i, 'VIRTUAL')};`
          return { table, it: found(message, 'compute it when it is read', [virtual], at) }
        }
        const plain = `ALTER TABLE ${table} ADD COLUMN ${ident(column.colname ?? '')} ${typeText(column.typeName)};`
        return {
          table,
          it: found(
            message,
            'add a plain column, keep it with a trigger, and fill the old rows in batches',
            [plain],
            at,
          ),
        }
      })
    const changed = tableActions(statement)
      .filter(({ cmd }) => cmd.subtype === 'AT_SetExpression')
      .map(({ table, cmd, at }) => {
        const message = `gives ${table}.${cmd.name} another expression, which writes all of ${table} anew if the column is stored`
        return {
          table,
          it: found(message, 'add a new column with the expression, and drop this one in a later release', [], at),
        }
      })
    return [...added, ...changed].filter(({ table }) => isInUse(scene, table)).map(({ it }) => it)
  },
  examples: {
    finds: [
      'ALTER TABLE orders ADD COLUMN total int GENERATED ALWAYS AS (price * amount) STORED',
      {
        server: 18,
        script: 'ALTER TABLE orders ADD total int GENERATED ALWAYS AS (price * amount) STORED, ADD note text',
      },
      { server: 17, script: 'ALTER TABLE orders ALTER COLUMN total SET EXPRESSION AS (price * amount + 1)' },
    ],
    passes: [
      { server: 18, script: 'ALTER TABLE orders ADD COLUMN total int GENERATED ALWAYS AS (price * amount) VIRTUAL' },
      'CREATE TABLE orders (price int, total int GENERATED ALWAYS AS (price * 2) STORED)',
      'CREATE TABLE orders (price int); ALTER TABLE orders ADD total int GENERATED ALWAYS AS (price * 2) STORED',
      'ALTER TABLE orders ALTER COLUMN total DROP EXPRESSION',
    ],
  },
}
