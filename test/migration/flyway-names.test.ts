import { describe, expect, test } from 'vitest'
import { readMigrations } from '../../src/migration/read.ts'

const findingsFor = (...names: string[]) =>
  readMigrations(
    ['V1__a.sql', 'U1__a.sql', ...names].map((name) => ({ name, content: 'SELECT 1;' })),
    { format: 'flyway' },
  ).findings

describe('a name that Flyway would pass over', () => {
  test.each([
    ['v2__x.sql', 'begins with a small v', 'rename it to V2__x.sql'],
    ['r__x.sql', 'begins with a small r', 'rename it to R__x.sql'],
    ['u1__x.sql', 'begins with a small u', 'rename it to U1__x.sql'],
    ['V2_name.sql', 'has one underscore', 'rename it to V2__name.sql'],
    ['V2_name__more.sql', 'has one underscore', 'rename it to V2__name__more.sql'],
    ['V1_2_name.sql', 'has one underscore', 'rename it to V1_2__name.sql'],
    ['V1_2nd_try.sql', 'has one underscore', 'rename it to V1__2nd_try.sql'],
    ['R_view.sql', 'has one underscore', 'rename it to R__view.sql'],
    ['beforeMigrate_x.sql', 'has one underscore', 'rename it to beforeMigrate__x.sql'],
    ['V1.2-rc__x.sql', 'has "1.2-rc" for a version', 'name it like V1.2__x.sql'],
    ['V-2__x.sql', 'has "-2" for a version', 'name it like V2__x.sql'],
    ['V2.__x.sql', 'has "2." for a version', 'name it like V2__x.sql'],
    ['V1..2__x.sql', 'has "1..2" for a version', 'name it like V1__x.sql'],
    [`V${'9'.repeat(201)}__x.sql`, 'for a version', '__x.sql'],
    ['V__x.sql', 'has no version', 'name it like V1__x.sql'],
    ['U.sql', 'has no version', 'name it like U1__name.sql'],
    ['R2__x.sql', 'has the version 2', 'name it R__x.sql, or V2__x.sql if it is to run once'],
    ['R1.2.sql', 'has the version 1.2', 'name it R__name.sql, or V1.2__name.sql if it is to run once'],
    ['R__.sql', 'has no name', 'name it like R__name.sql'],
    ['R.sql', 'has no name', 'name it like R__name.sql'],
    ['beforemigrate.sql', 'nearly the name of a callback', 'rename it to beforeMigrate.sql'],
    ['AfterMigrate__x.sql', 'nearly the name of a callback', 'rename it to afterMigrate__x.sql'],
    ['beforeMigrations.sql', 'nothing that Flyway knows', 'move it away'],
    ['afterMigrateX.sql', 'has "X" behind afterMigrate', 'name it like afterMigrate__X.sql'],
    ['Views.sql', 'nothing that Flyway knows', 'name it like V42__add_email.sql'],
    ['users.sql', 'nothing that Flyway knows', 'name it like V42__add_email.sql'],
    ['create_b.sql', 'is not named as a migration of the format flyway', 'name it like V42__add_email.sql'],
    ['sub/create_b.sql', 'nothing that Flyway knows', 'move it away'],
    ['sub/2_b.up.sql', 'nothing that Flyway knows', 'move it away'],
    ['V2__x.java', 'no SQL', 'write it as V2__x.sql'],
    ['afterMigrate__x.sh', 'no SQL', 'write it as afterMigrate__x.sql'],
  ])('is a finding: %s', (file, what, fix) => {
    const [finding, ...more] = findingsFor(file)
    expect([finding?.code, finding?.severity, finding?.file, more]).toEqual(['version-invalid', 'error', file, []])
    expect(finding?.message).toContain(what)
    expect(finding?.fix).toContain(fix)
  })

  test.each(['README.md', 'V2__x.txt', 'V2__x.sql.bak', 'query.py', 'sub/deploy.sh', 'Main.java'])(
    'is none when it is no migration at all: %s',
    (file) => expect(findingsFor(file)).toEqual([]),
  )

  test('does not take the place of the file beside it', () => {
    expect(findingsFor('V2_x.sql', 'V2__x.sql', 'U2__x.sql').map(({ file }) => file)).toEqual(['V2_x.sql'])
  })

  test('leaves a folder of two formats refused, naming a file of each', () => {
    const files = ['V1__a.sql', '1_a.up.sql'].map((name) => ({ name, content: 'SELECT 1;' }))
    const [finding] = readMigrations(files).findings
    expect(finding?.message).toBe('1_a.up.sql is written for golang-migrate and V1__a.sql for flyway')
  })
})
