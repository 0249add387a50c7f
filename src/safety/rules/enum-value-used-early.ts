import { lex } from '../../migration/lexer.ts'
import { thing } from '../../sql/effects/effect.ts'
import { effectsOf } from '../../sql/effects/effects.ts'
import { listName } from '../../sql/names.ts'
import { oneLine } from '../../sql/sql-text.ts'
import type { Statement } from '../../sql/statement.ts'
import { found, type Rule } from '../rule.ts'
import { isNew, type Scene } from '../scene.ts'

export const enumValueUsedEarly: Rule = {
  code: 'enum-value-used-early',
  finds:
    'A string that is the value which ALTER TYPE … ADD VALUE added in the same transaction, to a type that was there before.',
  why: 'Until the transaction is committed the new value cannot be used: the server refuses with 55P04, unsafe use of new value.',
  source: 'ALTER TYPE, Notes',
  find(statement, scene) {
    if (statement.node === undefined || 'AlterEnumStmt' in statement.node || 'CommentStmt' in statement.node) return []
    return addedBefore(scene)
      .filter(({ value, type }) => hasString(statement.text, value) && mayUse(statement, type, scene))
      .map(({ value, type, text }) =>
        found(
          `uses '${value}' of type ${type} in the transaction that adds it, which PostgreSQL refuses (55P04)`,
          'add the value in a migration of its own, before this one',
          [`${text};`],
        ),
      )
  },
  examples: {
    finds: [
      "ALTER TYPE order_state ADD VALUE 'lost'; UPDATE orders SET state = 'lost' WHERE id = 7",
      "ALTER TYPE shop.mood ADD VALUE IF NOT EXISTS 'glad' BEFORE 'sad'; INSERT INTO people VALUES (1, 'glad')",
      "ALTER TYPE order_state ADD VALUE 'lost'; ALTER TABLE orders ALTER COLUMN state SET DEFAULT 'lost'",
    ],
    passes: [
      "ALTER TYPE order_state ADD VALUE 'lost'",
      { alone: true, script: "ALTER TYPE order_state ADD VALUE 'lost'; UPDATE orders SET state = 'lost' WHERE id = 7" },
      "CREATE TYPE mood AS ENUM ('sad'); ALTER TYPE mood ADD VALUE 'glad'; INSERT INTO people VALUES (1, 'glad')",
      "ALTER TYPE order_state ADD VALUE 'lost'; COMMENT ON TYPE order_state IS 'lost'",
      {
        earlier: 'CREATE TABLE words (word text)',
        script: "ALTER TYPE order_state ADD VALUE 'lost'; INSERT INTO words VALUES ('lost')",
      },
    ],
  },
}

interface Added {
  readonly value: string
  readonly type: string
  readonly text: string
}

/** Kept with the list of a transaction's statements, which grows: each is looked at once. */
const added = new WeakMap<readonly Statement[], { readonly values: Added[]; count: number }>()

function addedBefore(scene: Scene): readonly Added[] {
  const { before } = scene
  const state = added.get(before) ?? { values: [], count: 0 }
  added.set(before, state)
  for (; state.count < before.length; state.count++) {
    const { node, text } = before[state.count] ?? {}
    if (node === undefined || !('AlterEnumStmt' in node) || node.AlterEnumStmt.oldVal !== undefined) continue
    const type = listName(node.AlterEnumStmt.typeName)
    if (isNew(scene, thing('type', type))) continue
    state.values.push({ value: node.AlterEnumStmt.newVal ?? '', type, text: oneLine(text ?? '') })
  }
  return state.values
}

const hasString = (sql: string, value: string) => {
  const written = `'${value.replaceAll("'", "''")}'`
  return (
    sql.includes(written) &&
    [...lex(sql)].some(({ kind, start, end }) => kind === 'string' && sql.slice(start, end) === written)
  )
}

/** Rows of a table whose columns are known to be of other types are no use of it. */
function mayUse(statement: Statement, type: string, { schema }: Scene): boolean {
  const rows = effectsOf(statement).flatMap((effect) => (effect.act === 'rows' ? effect.table : []))
  if (rows.length === 0) return true
  return rows.some((table) => {
    const columns = [...schema.within(table)].filter(({ made }) => made.thing.kind === 'column')
    return columns.length === 0 || columns.some(({ facts }) => facts.type === type)
  })
}
