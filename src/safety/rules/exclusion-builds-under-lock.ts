import { addedConstraints } from '../../sql/actions.ts'
import { found, type Rule } from '../rule.ts'
import { isInUse } from '../scene.ts'

export const exclusionBuildsUnderLock: Rule = {
  code: 'exclusion-builds-under-lock',
  finds: 'An EXCLUDE constraint on a table that is in use.',
  why: 'Its index is built and every row compared under an ACCESS EXCLUSIVE lock. PostgreSQL has no way to build one CONCURRENTLY, or to add it NOT VALID.',
  source: 'ALTER TABLE, ADD table_constraint; CREATE TABLE, EXCLUDE',
  find(statement, scene) {
    return addedConstraints(statement)
      .filter(({ constraint, table }) => constraint.contype === 'CONSTR_EXCLUSION' && isInUse(scene, table))
      .map(({ table, at }) =>
        found(
          `adds EXCLUDE to ${table}, and nobody can read or write ${table} until its index is built`,
          'make a new table with it and move the rows over in batches, or allow it here and run it while nobody needs the table',
          [],
          at,
        ),
      )
  },
  examples: {
    finds: [
      'ALTER TABLE bookings ADD CONSTRAINT one_guest EXCLUDE USING gist (room WITH =, during WITH &&)',
      'ALTER TABLE bookings ADD EXCLUDE USING gist (during WITH &&) WHERE (NOT cancelled)',
      'ALTER TABLE shop.bookings ADD note text, ADD EXCLUDE (room WITH =)',
    ],
    passes: [
      'CREATE TABLE bookings (during tstzrange, EXCLUDE USING gist (during WITH &&))',
      'CREATE TABLE bookings (during tstzrange); ALTER TABLE bookings ADD EXCLUDE USING gist (during WITH &&)',
      'ALTER TABLE bookings DROP CONSTRAINT one_guest',
    ],
  },
}
