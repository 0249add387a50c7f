import { ident } from '../../sql/names.ts'
import { changedTypes } from '../changed-types.ts'
import { found, type Rule } from '../rule.ts'
import { isInUse } from '../scene.ts'

export const typeChangeRewritesTable: Rule = {
  code: 'type-change-rewrites-table',
  finds:
    'ALTER COLUMN … TYPE on a table that is in use, unless the old type is known from the files and only the catalog changes (varchar that grows, varchar to text, numeric with more digits in front, …).',
  why: 'The table and its indexes are written anew under an ACCESS EXCLUSIVE lock, and clients with prepared statements get an error.',
  source: 'ALTER TABLE, Notes',
  find(statement, scene) {
    return changedTypes(statement, scene)
      .filter(({ change, table }) => change !== 'cheap' && isInUse(scene, table))
      .map(({ table, column, old, next, at }) => {
        const what = `changes ${table}.${column} ${old === undefined ? '' : `from ${old} `}to ${next}`
        const unless = old === undefined ? ', unless the old type is one that differs in the catalog only' : ''
        const temporary = ident(`${column}_new`)
        return found(
          `${what}, which writes all of ${table} anew while nobody can read or write it${unless}`,
          'add a column of the new type, write both from now on, fill it in batches, and switch in a later release',
          [
            `ALTER TABLE ${table} ADD COLUMN ${temporary} ${next};`,
            `UPDATE ${table} SET ${temporary} = ${ident(column)} WHERE ctid = ANY (ARRAY(SELECT ctid FROM ${table} WHERE ${temporary} IS NULL AND ${ident(column)} IS NOT NULL LIMIT 10000));`,
          ],
          at,
        )
      })
  },
  examples: {
    finds: [
      'ALTER TABLE orders ALTER COLUMN id TYPE bigint',
      {
        earlier: 'CREATE TABLE orders (id int)',
        script: 'ALTER TABLE orders ALTER id SET DATA TYPE bigint, ADD note text',
      },
      {
        earlier: 'CREATE TABLE orders (note varchar(10))',
        script: 'ALTER TABLE orders ALTER note TYPE varchar(20) USING trim(note)',
      },
      { earlier: 'CREATE TABLE orders (at timestamp)', script: 'ALTER TABLE orders ALTER COLUMN at TYPE timestamptz' },
    ],
    passes: [
      {
        earlier: 'CREATE TABLE orders (note varchar(10))',
        script: 'ALTER TABLE orders ALTER COLUMN note TYPE varchar(20)',
      },
      { earlier: 'CREATE TABLE orders (note varchar(10))', script: 'ALTER TABLE orders ALTER COLUMN note TYPE text' },
      {
        earlier: 'CREATE TABLE orders (price numeric(8,2))',
        script: 'ALTER TABLE orders ALTER COLUMN price TYPE numeric(12,2)',
      },
      'CREATE TABLE orders (id int); ALTER TABLE orders ALTER COLUMN id TYPE bigint',
      "ALTER TABLE orders ALTER COLUMN note SET DEFAULT 'TYPE bigint'",
    ],
  },
}
