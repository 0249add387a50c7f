import { effectsOf } from '../../sql/effects/effects.ts'
import { blockedBy, locksOf } from '../../sql/locks.ts'
import type { Statement } from '../../sql/statement.ts'
import { found, type Rule } from '../rule.ts'
import { isInUse, type Scene } from '../scene.ts'

export const severalExclusiveLocks: Rule = {
  code: 'several-exclusive-locks',
  finds:
    'The statement with which a transaction locks a second table, in use as the first, so that nobody can write to it.',
  why: 'Each lock is waited for while the earlier ones are held, so that their clients wait too: the stall adds up with every table. An application that takes them in another order runs into a deadlock.',
  source: '13.3.1 Table-Level Locks; 13.3.4 Deadlocks',
  find(statement, scene) {
    const own = lockedBy(statement, scene)
    const { tables, said } = lockedBefore(scene)
    const next = own.filter((name) => !tables.has(name))
    if (tables.size === 0 || next.length === 0 || said) return []
    return [
      found(
        `locks ${next.join(', ')} while ${[...tables].join(', ')} is locked in the same transaction`,
        'make a migration of each table, so that one lock at a time is held',
      ),
    ]
  },
  examples: {
    finds: [
      'ALTER TABLE orders ADD COLUMN note text; ALTER TABLE customers ADD COLUMN note text',
      'CREATE TABLE notes (order_id bigint REFERENCES orders); ALTER TABLE customers ADD COLUMN note text',
      'ALTER TABLE orders ADD note text; ALTER TABLE customers VALIDATE CONSTRAINT total, DROP COLUMN note',
      'ALTER TABLE orders ADD note text; CREATE TRIGGER touch BEFORE UPDATE ON customers FOR EACH ROW EXECUTE FUNCTION touch()',
    ],
    passes: [
      'ALTER TABLE orders ADD COLUMN note text; ALTER TABLE public.orders ADD COLUMN paid boolean',
      'CREATE TABLE a (id int); CREATE TABLE b (id int); ALTER TABLE a ADD x int; ALTER TABLE b ADD x int; ALTER TABLE orders ADD x int',
      { alone: true, script: 'ALTER TABLE orders ADD COLUMN note text; ALTER TABLE customers ADD COLUMN note text' },
      "INSERT INTO orders VALUES (1); INSERT INTO customers VALUES (1); COMMENT ON TABLE orders IS 'x'",
      'DROP TABLE orders; DROP TABLE customers',
      'ALTER TABLE orders ADD CONSTRAINT c FOREIGN KEY (customer_id) REFERENCES customers NOT VALID',
    ],
  },
}

/** What the statements of a transaction have locked so far, and whether that has been said of one of them. */
interface Locked {
  readonly tables: Set<string>
  said: boolean
  count: number
}

/** Kept with the list of a transaction's statements, which grows: each is looked at once. */
const locked = new WeakMap<readonly Statement[], Locked>()

function lockedBefore(scene: Scene): Locked {
  const state = locked.get(scene.before) ?? { tables: new Set<string>(), said: false, count: 0 }
  locked.set(scene.before, state)
  for (const statement of scene.before.slice(state.count)) {
    const own = lockedBy(statement, scene)
    if (state.tables.size > 0 && own.some((name) => !state.tables.has(name))) state.said = true
    for (const name of own) state.tables.add(name)
  }
  state.count = scene.before.length
  return state
}

/** Tables that are in use before and after, and that nobody can write to once this statement has run. */
function lockedBy(statement: Statement, scene: Scene): string[] {
  if (statement.node !== undefined && 'InsertStmt' in statement.node) return []
  // What a DROP takes away has no clients afterwards; an index is on a table that the text does not name.
  if (effectsOf(statement).some(({ act }) => act === 'drop') && !isAlterTable(statement)) return []
  return locksOf(statement.node)
    .filter(({ mode }) => blockedBy(mode) !== 'nothing')
    .map(({ key }) => key)
    .filter((name) => isInUse(scene, name))
}

const isAlterTable = ({ node }: Statement) => node !== undefined && 'AlterTableStmt' in node
