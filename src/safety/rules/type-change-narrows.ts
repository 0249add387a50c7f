import { thing } from '../../sql/effects/effect.ts'
import { ident } from '../../sql/names.ts'
import { changedTypes } from '../changed-types.ts'
import { found, type Rule } from '../rule.ts'
import { isNew } from '../scene.ts'

export const typeChangeNarrows: Rule = {
  code: 'type-change-narrows',
  finds: 'ALTER COLUMN … TYPE to a type that cannot hold every value of the old one, which is known from the files.',
  why: 'Values that do not fit stop the migration, or lose digits, and no down script can bring those back.',
  source: 'ALTER TABLE, SET DATA TYPE; chapter 8, Data Types',
  find(statement, scene) {
    return changedTypes(statement, scene)
      .filter(({ change, table }) => change === 'narrows' && !isNew(scene, thing('table', table)))
      .map(({ table, column, old, next, at }) =>
        found(
          `changes ${table}.${column} from ${old} to ${next}, which cannot hold every value`,
          'see first which values do not fit (no row must come back), and keep the old column beside the new one',
          [`SELECT ${ident(column)} FROM ${table} WHERE ${ident(column)} IS DISTINCT FROM ${ident(column)}::${next};`],
          at,
        ),
      )
  },
  examples: {
    finds: [
      { earlier: 'CREATE TABLE orders (id bigint)', script: 'ALTER TABLE orders ALTER COLUMN id TYPE int' },
      { earlier: 'CREATE TABLE orders (note text)', script: 'ALTER TABLE orders ALTER note TYPE varchar(20)' },
      {
        earlier: 'CREATE TABLE orders (price numeric(10,4))',
        script: 'ALTER TABLE orders ALTER price TYPE numeric(10,2)',
      },
      {
        earlier: 'CREATE TABLE orders (at timestamptz)',
        script: 'ALTER TABLE orders ALTER "at" TYPE date USING "at"::date',
      },
      {
        earlier:
          'CREATE TABLE orders (id bigint); ALTER TABLE orders RENAME id TO key; ALTER TABLE orders RENAME TO purchases',
        script: 'ALTER TABLE purchases ALTER COLUMN key TYPE int',
      },
    ],
    passes: [
      { earlier: 'CREATE TABLE orders (id int)', script: 'ALTER TABLE orders ALTER COLUMN id TYPE bigint' },
      { earlier: 'CREATE TABLE orders (note varchar(10))', script: 'ALTER TABLE orders ALTER COLUMN note TYPE text' },
      { earlier: 'CREATE TABLE orders (day date)', script: 'ALTER TABLE orders ALTER COLUMN day TYPE timestamptz' },
      'CREATE TABLE orders (id bigint); ALTER TABLE orders ALTER COLUMN id TYPE int',
    ],
  },
}
