import { describe, expect, test } from 'vitest'
import { readMigrations } from '../../src/migration/read.ts'

const read = (files: Readonly<Record<string, string>>) =>
  readMigrations(Object.entries(files).map(([name, content]) => ({ name, content })))
const said = (files: Readonly<Record<string, string>>) =>
  read(files).findings.map(({ code, file, fix }) => [code, file, fix.length > 4])

const goose = '-- +goose Up\nSELECT 1;\n-- +goose Down\nSELECT 1;\n'
const dbmate = '-- migrate:up\nSELECT 1;\n-- migrate:down\nSELECT 1;\n'
const dbdeploy = 'SELECT 1;\n--//@UNDO\nSELECT 1;\n'

/** A folder on some systems holds one of the two, and which is chance. */
describe('names that differ only in case', () => {
  test.each<[string, Record<string, string>, string, string]>([
    [
      'of golang-migrate, in the title',
      { '1_a.up.sql': 'SELECT 1;', '1_A.up.sql': 'SELECT 2;', '1_a.down.sql': 'SELECT 1;' },
      'version-duplicate',
      '1_A.up.sql',
    ],
    [
      'of golang-migrate, in the direction',
      { '1_a.up.sql': 'SELECT 1;', '1_a.UP.sql': 'SELECT 2;', '1_a.down.sql': 'SELECT 1;' },
      'version-invalid',
      '1_a.UP.sql',
    ],
    [
      'of golang-migrate, in the ending',
      { '1_a.up.sql': 'SELECT 1;', '1_a.up.SQL': 'SELECT 2;', '1_a.down.sql': 'SELECT 1;' },
      'version-duplicate',
      '1_a.up.SQL',
    ],
    [
      'of Flyway, in the prefix',
      { 'V1__a.sql': 'SELECT 1;', 'v1__a.sql': 'SELECT 2;', 'U1__a.sql': 'SELECT 1;' },
      'version-invalid',
      'v1__a.sql',
    ],
    [
      'of Flyway, in the description',
      { 'V1__a.sql': 'SELECT 1;', 'V1__A.sql': 'SELECT 2;', 'U1__a.sql': 'SELECT 1;' },
      'version-duplicate',
      'V1__a.sql',
    ],
    ['of DBDeploy', { '1 a.sql': dbdeploy, '1 A.sql': dbdeploy }, 'version-duplicate', '1 A.sql'],
    ['of dbmate', { '1_a.sql': dbmate, '1_A.sql': dbmate }, 'version-duplicate', '1_A.sql'],
    ['of goose', { '1_a.sql': goose, '1_A.sql': goose }, 'version-duplicate', '1_A.sql'],
  ])('%s are refused, and one of them is named', (_, files, code, file) => {
    expect(said(files)).toEqual([[code, file, true]])
  })

  test('of two repeatable migrations of Flyway are two, since nothing but their names tells them apart', () => {
    const { migrations, findings } = read({ 'R__v.sql': 'SELECT 1;', 'R__V.sql': 'SELECT 2;' })
    expect([findings, migrations.map(({ name }) => name).sort()]).toEqual([[], ['V', 'v']])
  })
})

describe('two formats in one folder', () => {
  const sets: readonly (readonly [string, Record<string, string>])[] = [
    ['golang-migrate', { '1_a.up.sql': 'SELECT 1;', '1_a.down.sql': 'SELECT 1;' }],
    ['flyway', { 'V2__b.sql': 'SELECT 1;', 'U2__b.sql': 'SELECT 1;' }],
    ['dbdeploy', { '3 c.sql': dbdeploy }],
    ['dbmate', { '4_d.sql': dbmate }],
    ['goose', { '5_e.sql': goose }],
  ]
  const pairs = sets.flatMap((one, i) =>
    sets.slice(i + 1).map((other) => [one[0], other[0], { ...one[1], ...other[1] }] as const),
  )
  test.each(pairs)('%s and %s: nothing is read, and a file of each is named', (one, other, files) => {
    const { migrations, findings } = read(files)
    expect(migrations).toEqual([])
    expect(findings).toMatchObject([{ code: 'source-unreadable' }])
    expect(findings[0]?.message).toContain(`written for ${one}`)
    expect(findings[0]?.message).toContain(`for ${other}`)
  })
})
