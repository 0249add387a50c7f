import { nodesOf } from '../../sql/walk.ts'
import type { Doing, RollbackRule } from './pair.ts'

export const rollbackOnlyRecords: RollbackRule = {
  code: 'rollback-only-records',
  severity: 'error',
  finds:
    'A down script whose statements all do nothing (SELECT 1, SET, an empty DO block), for an up script that changes something.',
  why: 'It would count as a rollback, and the schema would stay as it is.',
  certainty:
    'An error: every statement was read, and none of them changes anything. Only what an up script does by calling functions is not known, and then nothing is said.',
  find({ down, doing }) {
    const changes = doing.up.some(({ effects }) => effects.some(({ act }) => act !== 'opaque'))
    if (!changes || doing.down.length === 0 || !doing.down.every(doesNothing)) return []
    const { file } = down.script
    return [
      {
        in: 'down',
        message: 'holds only statements that change nothing, so it would undo nothing',
        fix: `write what undoes the up script into ${file}, or say in the up script why that cannot be: -- lockkeeper: irreversible REASON`,
        sql: [],
      },
    ]
  },
  examples: {
    finds: [
      { up: 'CREATE TABLE orders (id int)', down: 'SELECT 1' },
      { up: 'INSERT INTO states VALUES (1)', down: "SET search_path = shop; SELECT 'nothing to do'" },
      { up: 'ALTER TABLE orders ADD note text', down: 'DO $$ BEGIN NULL; END $$' },
    ],
    passes: [
      { up: 'CREATE TABLE orders (id int)', down: 'DROP TABLE orders' },
      { up: 'CREATE TABLE orders (id int)', down: 'SELECT drop_orders()' },
      { up: 'ALTER TABLE orders VALIDATE CONSTRAINT c; ANALYZE orders', down: 'ANALYZE orders' },
      { up: 'ANALYZE orders', down: 'SELECT 1' },
      { up: 'SELECT make_partitions()', down: 'SELECT 1' },
    ],
  },
}

function doesNothing({ statement: { node, text }, effects }: Doing): boolean {
  if (node === undefined) return false
  if ('DoStmt' in node)
    return /^\s*do\b[\s\S]*?(?:\$\w*\$|')\s*begin\s*(?:null\s*;)?\s*end\s*;?\s*(?:\$\w*\$|')/i.test(text)
  if (effects.length > 0) return false
  if ('VariableSetStmt' in node || 'VariableShowStmt' in node || 'CommentStmt' in node) return true
  return (
    'SelectStmt' in node && ![...nodesOf(node)].some((each) => 'FuncCall' in each && isRunning(each.FuncCall.funcname))
  )
}

/** A session's settings are no part of a schema; any other function may be. */
const isRunning = (name: unknown) => !JSON.stringify(name).includes('"set_config"')
