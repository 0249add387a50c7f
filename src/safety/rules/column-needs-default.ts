import { addedColumns } from '../../sql/actions.ts'
import { serialOf } from '../../sql/types.ts'
import { found, type Rule } from '../rule.ts'
import { isInUse } from '../scene.ts'

export const columnNeedsDefault: Rule = {
  code: 'column-needs-default',
  finds: 'ADD COLUMN … NOT NULL without a default, on a table that is in use.',
  why: 'It fails as soon as the table has a row. On an empty one it passes, and code of the release before, which does not know the column, can insert nothing any more.',
  source: 'ALTER TABLE, ADD COLUMN',
  find(statement, scene) {
    return addedColumns(statement)
      .filter(({ table }) => isInUse(scene, table))
      .filter(({ constraints }) => constraints.some(({ contype }) => contype === 'CONSTR_NOTNULL'))
      .filter(({ constraints }) => !constraints.some(({ contype }) => filled.has(contype ?? '')))
      .filter(({ column }) => serialOf(column.typeName) === undefined)
      .map(({ table, text, column, at }) =>
        found(
          `adds ${table}.${column.colname} NOT NULL without a default, so that it fails where ${table} has rows`,
          'let it be NULL at first, or give it a DEFAULT that is a constant; NOT NULL is a later step',
          [`ALTER TABLE ${table} ${text.replace(/\s+NOT\s+NULL\b/i, '')};`],
          at,
        ),
      )
  },
  examples: {
    finds: [
      'ALTER TABLE orders ADD COLUMN note text NOT NULL',
      'ALTER TABLE shop.orders ADD "Note" varchar(20) NOT NULL, ADD paid boolean',
      'ALTER TABLE orders ADD COLUMN IF NOT EXISTS customer bigint NOT NULL REFERENCES customers',
    ],
    passes: [
      "ALTER TABLE orders ADD COLUMN note text NOT NULL DEFAULT ''",
      'ALTER TABLE orders ADD COLUMN note text',
      'CREATE TABLE orders (id bigint); ALTER TABLE orders ADD COLUMN note text NOT NULL',
      'ALTER TABLE orders ADD COLUMN total int NOT NULL GENERATED ALWAYS AS (a + b) STORED',
    ],
  },
}

const filled: ReadonlySet<string> = new Set(['CONSTR_DEFAULT', 'CONSTR_GENERATED', 'CONSTR_IDENTITY'])
