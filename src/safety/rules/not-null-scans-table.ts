import { addedConstraints, tableActions } from '../../sql/actions.ts'
import { thing } from '../../sql/effects/effect.ts'
import { ident, partsOf } from '../../sql/names.ts'
import { type Found, found, type Rule } from '../rule.ts'
import { isInUse, type Scene } from '../scene.ts'

export const notNullScansTable: Rule = {
  code: 'not-null-scans-table',
  finds:
    'SET NOT NULL on a column of a table that is in use, unless a validated CHECK (column IS NOT NULL) is known to be there.',
  why: 'Every row is read under an ACCESS EXCLUSIVE lock. It fails when one is NULL, and code that leaves the column out fails from then on.',
  source: 'ALTER TABLE, SET NOT NULL',
  versions: 'from 18 on the advice is a NOT NULL that is NOT VALID',
  find(statement, scene) {
    const set = tableActions(statement)
      .filter(({ cmd }) => cmd.subtype === 'AT_SetNotNull')
      .map(({ table, cmd, at }) => ({ table, at, column: cmd.name ?? '' }))
    const added = addedConstraints(statement)
      .filter(({ constraint, column }) => constraint.contype === 'CONSTR_NOTNULL' && column === undefined)
      .filter(({ constraint }) => constraint.skip_validation !== true)
      .map(({ table, constraint, at }) => ({ table, at, column: partsOf(constraint.keys)[0] ?? '' }))
    const drops = tableActions(statement).some(({ cmd }) => cmd.subtype === 'AT_DropConstraint')
    return [...set, ...added]
      .filter(({ table, column }) => isInUse(scene, table) && (drops || !isChecked(scene, table, column)))
      .map(({ table, column, at }) => notNull(table, column, at, scene.server))
  },
  examples: {
    finds: [
      'ALTER TABLE orders ALTER COLUMN note SET NOT NULL',
      { server: 18, script: 'ALTER TABLE orders ADD CONSTRAINT orders_note NOT NULL note' },
      'ALTER TABLE orders ADD CONSTRAINT has_note CHECK (note IS NOT NULL) NOT VALID; ALTER TABLE orders ALTER note SET NOT NULL',
      {
        earlier:
          'ALTER TABLE orders ADD CONSTRAINT has_note CHECK (note IS NOT NULL) NOT VALID; ALTER TABLE orders VALIDATE CONSTRAINT has_note',
        script: 'ALTER TABLE orders ALTER note SET NOT NULL, DROP CONSTRAINT has_note',
      },
    ],
    passes: [
      {
        earlier:
          'ALTER TABLE orders ADD CONSTRAINT has_note CHECK (note IS NOT NULL) NOT VALID; ALTER TABLE orders VALIDATE CONSTRAINT has_note',
        script: 'ALTER TABLE orders ALTER note SET NOT NULL',
      },
      'CREATE TABLE orders (note text); ALTER TABLE orders ALTER COLUMN note SET NOT NULL',
      'ALTER TABLE orders ALTER COLUMN note DROP NOT NULL',
      { server: 18, script: 'ALTER TABLE orders ADD CONSTRAINT orders_note NOT NULL note NOT VALID' },
    ],
  },
}

/** PostgreSQL then needs no look at the rows. */
function isChecked({ schema }: Scene, table: string, column: string): boolean {
  const checks = [
    ...schema.within(thing('table', table)),
    ...schema.within(thing('column', `${table}.${ident(column)}`)),
  ]
  return checks.some(({ facts }) => facts.valid === true && facts.notNull?.includes(column) === true)
}

function notNull(table: string, column: string, at: number, server: number): Found {
  const name = ident(`${table.split('.').at(-1)?.replaceAll('"', '')}_${column}_not_null`.slice(0, 63))
  const on = `ALTER TABLE ${table}`
  const message = `makes ${table}.${column} NOT NULL, which reads every row while nobody can read or write ${table}`
  // In one ALTER TABLE the constraint would be gone before SET NOT NULL looks for it.
  const fix = 'in three steps, each a migration of its own, the last of two statements'
  const validate = `${on} VALIDATE CONSTRAINT ${name};`
  if (server >= 18) {
    const add = `${on} ADD CONSTRAINT ${name} NOT NULL ${ident(column)} NOT VALID;`
    return found(message, 'in two steps, each a migration of its own', [add, validate], at)
  }
  const add = `${on} ADD CONSTRAINT ${name} CHECK (${ident(column)} IS NOT NULL) NOT VALID;`
  const set = `${on} ALTER COLUMN ${ident(column)} SET NOT NULL;`
  return found(message, fix, [add, validate, set, `${on} DROP CONSTRAINT ${name};`], at)
}
