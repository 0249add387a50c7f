import { addedConstraints } from '../../sql/actions.ts'
import { inTwoSteps } from '../rewrite.ts'
import { found, type Rule } from '../rule.ts'
import { isInUse } from '../scene.ts'

export const checkScansTable: Rule = {
  code: 'check-scans-table',
  finds: 'A CHECK without NOT VALID on a table that is in use.',
  why: 'Every row is read under an ACCESS EXCLUSIVE lock, and nobody can read or write the table meanwhile. NOT VALID checks new rows at once, and VALIDATE CONSTRAINT the old ones without stopping anybody.',
  source: 'ALTER TABLE, ADD table_constraint, VALIDATE CONSTRAINT',
  find(statement, scene) {
    return addedConstraints(statement)
      .filter(({ constraint, table }) => constraint.contype === 'CONSTR_CHECK' && isInUse(scene, table))
      .filter(({ constraint }) => constraint.skip_validation !== true)
      .map((added) => {
        const { table, column, at } = added
        const message = `adds a CHECK to ${table}, which reads every row while nobody can read or write ${table}`
        return column === undefined
          ? inTwoSteps(message, statement.text, added)
          : found(
              message,
              'add the column without it, then the CHECK as a constraint NOT VALID, and validate that in a later migration',
              [],
              at,
            )
      })
  },
  examples: {
    finds: [
      'ALTER TABLE orders ADD CONSTRAINT orders_total CHECK (total >= 0)',
      "ALTER TABLE shop.orders ADD CHECK (state IN ('new', 'paid'))",
      'ALTER TABLE orders ADD COLUMN total int DEFAULT 0 CHECK (total >= 0)',
    ],
    passes: [
      'ALTER TABLE orders ADD CONSTRAINT orders_total CHECK (total >= 0) NOT VALID',
      'CREATE TABLE orders (total int CHECK (total >= 0))',
      'CREATE TABLE orders (total int); ALTER TABLE orders ADD CHECK (total >= 0)',
      { server: 18, script: 'ALTER TABLE orders ADD CONSTRAINT orders_total CHECK (total >= 0) NOT ENFORCED' },
    ],
  },
}
