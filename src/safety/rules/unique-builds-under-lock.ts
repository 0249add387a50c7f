import { type AddedConstraint, addedConstraints } from '../../sql/actions.ts'
import { constraintName } from '../../sql/effects/constraints.ts'
import { ident, partsOf } from '../../sql/names.ts'
import { type Found, found, type Rule } from '../rule.ts'
import { isInUse } from '../scene.ts'

export const uniqueBuildsUnderLock: Rule = {
  code: 'unique-builds-under-lock',
  finds: 'UNIQUE or PRIMARY KEY without USING INDEX on a table that is in use.',
  why: 'Its index is built under an ACCESS EXCLUSIVE lock: nobody can read or write the table until then. An index that was built CONCURRENTLY becomes the constraint in an instant.',
  source: 'ALTER TABLE, ADD table_constraint_using_index',
  find(statement, scene) {
    return addedConstraints(statement)
      .filter(({ constraint: { contype } }) => contype === 'CONSTR_UNIQUE' || contype === 'CONSTR_PRIMARY')
      .filter(({ constraint, table }) => constraint.indexname === undefined && isInUse(scene, table))
      .map(builds)
  },
  examples: {
    finds: [
      'ALTER TABLE customers ADD CONSTRAINT customers_email UNIQUE (email)',
      'ALTER TABLE shop.customers ADD PRIMARY KEY (id)',
      'ALTER TABLE customers ADD COLUMN email text UNIQUE',
    ],
    passes: [
      'ALTER TABLE customers ADD CONSTRAINT customers_email UNIQUE USING INDEX customers_email',
      'CREATE TABLE customers (id bigint PRIMARY KEY, email text UNIQUE)',
      'CREATE TABLE customers (email text); ALTER TABLE customers ADD UNIQUE (email)',
      'CREATE UNIQUE INDEX CONCURRENTLY customers_email ON customers (email)',
    ],
  },
}

function builds(added: AddedConstraint): Found {
  const { table, constraint, relation, column, at } = added
  const kind = constraint.contype === 'CONSTR_PRIMARY' ? 'PRIMARY KEY' : 'UNIQUE'
  const message = `adds ${kind} to ${table}, and nobody can read or write ${table} until its index is built`
  if (constraint.without_overlaps === true)
    return found(
      message,
      'make it while nobody needs the table: no index built CONCURRENTLY can become one WITHOUT OVERLAPS',
      [],
      at,
    )
  const keys = column === undefined ? partsOf(constraint.keys) : [column.column.colname ?? '']
  const name = ident(constraintName(relation, constraint, column?.column.colname))
  const including =
    constraint.including === undefined ? '' : ` INCLUDE (${partsOf(constraint.including).map(ident).join(', ')})`
  const nulls = constraint.nulls_not_distinct === true ? ' NULLS NOT DISTINCT' : ''
  const fix =
    kind === 'UNIQUE'
      ? 'in two steps, each a migration of its own'
      : 'in two steps, each a migration of its own, on columns that are NOT NULL'
  return found(
    message,
    column === undefined ? fix : `add the column without it, then ${fix}`,
    [
      `CREATE UNIQUE INDEX CONCURRENTLY ${name} ON ${table} (${keys.map(ident).join(', ')})${including}${nulls};`,
      `ALTER TABLE ${table} ADD CONSTRAINT ${name} ${kind} USING INDEX ${name};`,
    ],
    at,
  )
}
