import { type AddedConstraint, addedConstraints } from '../../sql/actions.ts'
import { constraintName } from '../../sql/effects/constraints.ts'
import { thing } from '../../sql/effects/effect.ts'
import { ident, relationName } from '../../sql/names.ts'
import { inTwoSteps } from '../rewrite.ts'
import { type Found, found, type Rule } from '../rule.ts'
import { isInUse, type Scene } from '../scene.ts'

export const foreignKeyScansTable: Rule = {
  code: 'foreign-key-scans-table',
  finds:
    'A foreign key without NOT VALID on a table that is in use. Behind a new column it counts only with a default: without one there is nothing to check.',
  why: 'Both tables are locked in mode SHARE ROW EXCLUSIVE while every row is looked up: nobody can write to either. NOT VALID checks new rows at once, and VALIDATE CONSTRAINT the old ones without stopping anybody.',
  source: 'ALTER TABLE, ADD table_constraint, VALIDATE CONSTRAINT',
  versions: 'a partitioned table takes a foreign key NOT VALID from 18 on',
  find(statement, scene) {
    return addedConstraints(statement)
      .filter(({ constraint, table }) => constraint.contype === 'CONSTR_FOREIGN' && isInUse(scene, table))
      .filter(({ constraint }) => constraint.skip_validation !== true)
      .filter(
        ({ column }) => column === undefined || column.constraints.some(({ contype }) => contype === 'CONSTR_DEFAULT'),
      )
      .map((added) => scans(statement.text, added, scene))
  },
  examples: {
    finds: [
      'ALTER TABLE orders ADD CONSTRAINT orders_customer FOREIGN KEY (customer_id) REFERENCES customers (id) ON DELETE CASCADE',
      'ALTER TABLE shop.orders ADD COLUMN note text, ADD FOREIGN KEY (customer_id) REFERENCES customers',
      'ALTER TABLE orders ADD COLUMN customer_id bigint DEFAULT 1 REFERENCES customers',
    ],
    passes: [
      'ALTER TABLE orders ADD CONSTRAINT orders_customer FOREIGN KEY (customer_id) REFERENCES customers (id) NOT VALID',
      'CREATE TABLE orders (customer_id bigint REFERENCES customers)',
      'CREATE TABLE orders (customer_id bigint); ALTER TABLE orders ADD FOREIGN KEY (customer_id) REFERENCES customers',
      'ALTER TABLE orders ADD COLUMN customer_id bigint REFERENCES customers',
    ],
  },
}

function scans(statement: string, added: AddedConstraint, { schema, server }: Scene): Found {
  const { table, constraint, column, relation, at } = added
  const other = relationName(constraint.pktable)
  const message = `adds a foreign key from ${table} to ${other}, and nobody can write to either until every row is checked`
  if (schema.find(thing('table', table))?.facts.partitioned === true && server < 18) {
    return found(
      message,
      `before PostgreSQL 18 a partitioned table takes no foreign key NOT VALID: add it to each partition of ${table} first`,
      [],
      at,
    )
  }
  if (column !== undefined) {
    const name = ident(constraintName(relation, constraint, column.column.colname))
    const validate = `ALTER TABLE ${table} VALIDATE CONSTRAINT ${name};`
    return found(
      message,
      'add the column without REFERENCES, the foreign key as a constraint NOT VALID, and in a later migration',
      [validate],
      at,
    )
  }
  return inTwoSteps(message, statement, added)
}
