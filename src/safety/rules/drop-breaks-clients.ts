import type { Drop, Thing } from '../../sql/effects/effect.ts'
import { effectsOf } from '../../sql/effects/effects.ts'
import { found, type Rule } from '../rule.ts'
import { isNew, type Scene } from '../scene.ts'

export const dropBreaksClients: Rule = {
  code: 'drop-breaks-clients',
  finds:
    'DROP of a view, a materialized view, a function, a type, a sequence, an extension or a generated column that the same script does not make again.',
  why: 'Pods of the release before still run, and every query of theirs that names it fails.',
  source: 'DROP VIEW; DROP FUNCTION; DROP TYPE; DROP SEQUENCE; DROP EXTENSION',
  only: 'up',
  find(statement, scene) {
    return effectsOf(statement)
      .filter((effect): effect is Drop => effect.act === 'drop')
      .filter(
        ({ thing: it }) =>
          (used.has(it.kind) || isGenerated(scene, it)) && !isNew(scene, it) && !isMadeAgain(scene, it),
      )
      .map(({ thing: { kind, name } }) =>
        found(
          `drops ${kind} ${name}, and code of the release before fails on it`,
          `drop it in a release after the last one that uses it`,
        ),
      )
  },
  examples: {
    finds: [
      'DROP VIEW IF EXISTS open_orders',
      'DROP FUNCTION shop.total(bigint), tax',
      'DROP TYPE order_state',
      { earlier: 'CREATE TABLE t (a int, b int GENERATED ALWAYS AS (a * 2) STORED)', script: 'ALTER TABLE t DROP b' },
      'DROP MATERIALIZED VIEW sums; CREATE MATERIALIZED VIEW totals AS SELECT 1 AS a',
    ],
    passes: [
      'DROP VIEW open_orders; CREATE VIEW open_orders AS SELECT 1 AS id',
      'CREATE FUNCTION helper() RETURNS int LANGUAGE sql AS $$ SELECT 1 $$; DROP FUNCTION helper()',
      'DROP TRIGGER touch ON orders',
      'DROP POLICY own ON orders',
    ],
  },
}

const used: ReadonlySet<string> = new Set([
  ...['view', 'materialized view', 'function', 'aggregate', 'operator', 'type', 'sequence', 'extension'],
  ...['foreign table', 'server', 'foreign data wrapper', 'collation'],
])

/** It holds nothing of its own: `drop-loses-data` speaks of all other columns. */
const isGenerated = ({ schema }: Scene, it: Thing) => schema.find(it)?.facts.generated === true

/** In one transaction nobody sees it gone. */
const isMadeAgain = ({ beside }: Scene, { kind, name }: Thing) =>
  beside.some((each) =>
    effectsOf(each).some(
      (effect) => effect.act === 'make' && effect.thing.kind === kind && bare(effect.thing.name) === bare(name),
    ),
  )

/** Arguments may be left out where a function is dropped. */
const bare = (name: string) => name.replace(/\(.*$/, '')
