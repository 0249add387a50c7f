import { type Drop, type Thing, thing } from '../../sql/effects/effect.ts'
import { effectsOf } from '../../sql/effects/effects.ts'
import { type Found, found, type Rule } from '../rule.ts'
import { isNew, type Scene } from '../scene.ts'

export const dropLosesData: Rule = {
  code: 'drop-loses-data',
  finds: 'DROP of a table, a column, a schema, a database, or of all that a role owns.',
  why: 'What it holds is gone, and no down script brings it back. Pods of the release before fail from this moment on.',
  source: 'DROP TABLE; ALTER TABLE, DROP COLUMN; DROP SCHEMA; DROP OWNED',
  only: 'up',
  find(statement, scene) {
    const { node } = statement
    if (node !== undefined && 'DropOwnedStmt' in node) {
      return [found('drops all that a role owns, whatever that is', 'name what is to go, each with its own DROP')]
    }
    return effectsOf(statement)
      .filter((effect): effect is Drop => effect.act === 'drop')
      .filter(({ thing: it }) => holdsData.has(it.kind) && !isNewlyMade(scene, it) && !isGenerated(scene, it))
      .map(({ thing: it }) => loses(it))
  },
  examples: {
    finds: [
      'DROP TABLE IF EXISTS orders, shop.customers CASCADE',
      'ALTER TABLE orders ADD COLUMN remark text, DROP COLUMN note',
      'DROP SCHEMA shop',
      'DROP OWNED BY shop_user',
      {
        earlier:
          'CREATE TABLE t (a int, b int GENERATED ALWAYS AS (a * 2) STORED); ALTER TABLE t ALTER b DROP EXPRESSION',
        script: 'ALTER TABLE t DROP b',
      },
    ],
    passes: [
      'CREATE TABLE copy AS SELECT * FROM orders; DROP TABLE copy',
      'CREATE TABLE orders (id int, note text); ALTER TABLE orders DROP COLUMN note',
      'ALTER TABLE orders DROP CONSTRAINT orders_total',
      'DROP INDEX CONCURRENTLY orders_note',
      { earlier: 'CREATE TABLE t (a int, b int GENERATED ALWAYS AS (a * 2) STORED)', script: 'ALTER TABLE t DROP b' },
    ],
  },
}

/** What is in it is in other columns. */
const isGenerated = ({ schema }: Scene, it: Thing) => schema.find(it)?.facts.generated === true

const holdsData: ReadonlySet<string> = new Set(['table', 'column', 'schema', 'database'])

function isNewlyMade(scene: Scene, it: Thing): boolean {
  const owner = it.name.split('.').slice(0, -1).join('.')
  return isNew(scene, it) || (it.kind === 'column' && isNew(scene, thing('table', owner)))
}

function loses({ kind, name }: Thing): Found {
  const message = `drops ${kind} ${name} with all that is in it`
  const fix =
    'drop it in a release after the last one that uses it, and keep it under another name until no rollback needs it'
  const [last = '', ...owner] = name.split('.').reverse()
  const aside = last.endsWith('"') ? `${last.slice(0, -1)}_dropped"` : `${last}_dropped`
  if (kind === 'table') return found(message, fix, [`ALTER TABLE ${name} RENAME TO ${aside};`])
  if (kind !== 'column')
    return found(
      message,
      `name the tables that are to go, each with its own DROP, and drop ${kind} ${name} when it is empty`,
    )
  const table = owner.reverse().join('.')
  return found(message, fix, [
    `ALTER TABLE ${table} ALTER COLUMN ${last} DROP NOT NULL;`,
    `ALTER TABLE ${table} RENAME COLUMN ${last} TO ${aside};`,
  ])
}
