import { type Action, tableActions } from '../../sql/actions.ts'
import { ident } from '../../sql/names.ts'
import type { Statement } from '../../sql/statement.ts'
import { found, type Rule } from '../rule.ts'
import { isInUse } from '../scene.ts'

export const constraintValidatedUnderLock: Rule = {
  code: 'constraint-validated-under-lock',
  finds:
    'VALIDATE CONSTRAINT in the transaction that added the constraint NOT VALID, or that altered the table before.',
  why: 'The lock of the first statement is kept until the end of the transaction, so that all rows are read under it after all: NOT VALID has won nothing.',
  source: 'ALTER TABLE, VALIDATE CONSTRAINT; 13.3 Explicit Locking',
  find(statement, scene) {
    const own = tableActions(statement)
    return own
      .filter(({ cmd, table }) => cmd.subtype === 'AT_ValidateConstraint' && isInUse(scene, table))
      .filter(({ table }) => lockedBefore(scene.before).has(table) || own.some((each) => locks(each, table)))
      .map(({ table, cmd, at }) =>
        found(
          `validates ${cmd.name} in the transaction that has ${table} locked, so that nobody can write to it until every row is checked`,
          'in a migration of its own',
          [`ALTER TABLE ${table} VALIDATE CONSTRAINT ${ident(cmd.name ?? '')};`],
          at,
        ),
      )
  },
  examples: {
    finds: [
      'ALTER TABLE orders ADD CONSTRAINT total CHECK (total >= 0) NOT VALID; ALTER TABLE orders VALIDATE CONSTRAINT total',
      'ALTER TABLE orders ADD CONSTRAINT total CHECK (total >= 0) NOT VALID, VALIDATE CONSTRAINT total',
      'ALTER TABLE shop.orders ADD COLUMN note text; ALTER TABLE shop.orders VALIDATE CONSTRAINT total',
    ],
    passes: [
      'ALTER TABLE orders VALIDATE CONSTRAINT total',
      {
        alone: true,
        script:
          'ALTER TABLE orders ADD CONSTRAINT total CHECK (total >= 0) NOT VALID; ALTER TABLE orders VALIDATE CONSTRAINT total',
      },
      'ALTER TABLE customers ADD COLUMN note text; ALTER TABLE orders VALIDATE CONSTRAINT total',
      'ALTER TABLE orders VALIDATE CONSTRAINT total; ALTER TABLE orders VALIDATE CONSTRAINT customer',
    ],
  },
}

const locks = ({ table, cmd }: Action, other: string) => table === other && cmd.subtype !== 'AT_ValidateConstraint'

/** Kept with the list of a transaction's statements, which grows: each is looked at once. */
const locked = new WeakMap<readonly Statement[], { readonly tables: Set<string>; count: number }>()

function lockedBefore(before: readonly Statement[]): ReadonlySet<string> {
  const state = locked.get(before) ?? { tables: new Set<string>(), count: 0 }
  locked.set(before, state)
  for (; state.count < before.length; state.count++) {
    const statement = before[state.count]
    for (const { table, cmd } of statement === undefined ? [] : tableActions(statement)) {
      if (cmd.subtype !== 'AT_ValidateConstraint') state.tables.add(table)
    }
  }
  return state.tables
}
