import { describe, expect, test } from 'vitest'
import type { FormatName } from '../../src/contract.ts'
import { readMigrations } from '../../src/migration/read.ts'

type Files = Readonly<Record<string, string>>
const read = (files: Files, format?: FormatName) =>
  readMigrations(
    Object.entries(files).map(([name, content]) => ({ name, content })),
    { format },
  )
const errorsOf = (files: Files) =>
  read(files).findings.flatMap(({ severity, code, file, version }) =>
    severity === 'error' ? [[code, file, version]] : [],
  )

const elsewhere = '-- lockkeeper: elsewhere a Go program copied the totals in May\n'
const pairs = { '1_a.up.sql': 'SELECT 1;', '1_a.down.sql': 'SELECT 1;' }
const flyway = { 'V1__a.sql': 'SELECT 1;', 'U1__a.sql': 'SELECT 1;' }
const goose = { '1_a.sql': '-- +goose Up\nSELECT 1;\n-- +goose Down\nSELECT 1;' }
const dbmate = { '1_a.sql': '-- migrate:up\nSELECT 1;\n-- migrate:down\nSELECT 1;' }
const dbdeploy = { '1 a.sql': 'SELECT 1;\n--//@UNDO\nSELECT 1;' }

describe('files of golang-migrate', () => {
  test('count with any ending, as they do there', () => {
    const set = read({
      ...pairs,
      '2_b.up.pgsql': 'CREATE TABLE b ();',
      '2_b.down.pgsql': 'DROP TABLE b;',
      '3_c.up.ddl': 'CREATE TABLE c ();',
    })
    expect(set.migrations.map(({ version, up, down }) => [version, up.file, down?.file])).toEqual([
      ['1', '1_a.up.sql', '1_a.down.sql'],
      ['2', '2_b.up.pgsql', '2_b.down.pgsql'],
      ['3', '3_c.up.ddl', undefined],
    ])
    expect(set.findings).toMatchObject([
      { code: 'rollback-missing', version: '3', fix: expect.stringMatching(/^write 3_c\.down\.ddl/) },
    ])
  })

  test('are told from others by a folder of no .sql at all', () => {
    expect(read({ '1_a.up.psql': 'SELECT 1;', '1_a.down.psql': 'SELECT 1;' })).toMatchObject({
      format: 'golang-migrate',
      findings: [],
    })
  })

  test('of two endings are two of one version', () => {
    expect(errorsOf({ ...pairs, '1_a.up.sql.bak': 'SELECT 2;' })).toEqual([
      ['version-duplicate', '1_a.up.sql.bak', '1'],
    ])
  })
})

describe('a migration that is not SQL', () => {
  const programs: [string, Files, string, string, Files][] = [
    ['golang-migrate, with a direction', pairs, '3_c.up.go', '3', { '3_c.up.sql': elsewhere }],
    ['golang-migrate, without one', pairs, '3_c.go', '3', { '3_c.up.sql': elsewhere }],
    ['golang-migrate, in Python', pairs, '000003_c.py', '3', { '3_c.up.sql': elsewhere }],
    ['Flyway', flyway, 'V3__c.java', '3', { 'V3__c.sql': elsewhere }],
    ['Flyway, dotted', flyway, 'V3.1__c.kt', '3.1', { 'V3_1__c.sql': elsewhere }],
    ['Flyway, a script', flyway, 'V3__c.sh', '3', { 'V3__done.sql': elsewhere }],
    ['goose', goose, '3_c.go', '3', { '3_c.sql': `-- +goose Up\n${elsewhere}` }],
    ['dbmate', dbmate, '3_c.go', '3', { '3_c.sql': `-- migrate:up\n${elsewhere}` }],
    ['DBDeploy', dbdeploy, '3 c.js', '3', { '3 c.sql': elsewhere }],
  ]
  test.each(programs)('is an error that names it and says what to do: %s', (_, files, name, version) => {
    const set = read({ ...files, [name]: 'package migrations' })
    expect(set.findings.filter(({ severity }) => severity === 'error')).toMatchObject([
      {
        file: name,
        version,
        message: expect.stringContaining(name),
        fix: expect.stringContaining('-- lockkeeper: elsewhere REASON'),
      },
    ])
    expect(set.migrations.map((each) => each.version)).toEqual(['1'])
  })

  test.each(programs)('is answered by a file that says it is done elsewhere: %s', (_, files, name, version, answer) => {
    for (const beside of [{ [name]: 'package migrations' }, {}]) {
      const set = read({ ...files, ...answer, ...beside })
      expect(set.findings).toEqual([])
      const migration = set.migrations.find((each) => each.version === version)
      expect(migration).toMatchObject({
        elsewhere: true,
        irreversible: { reason: 'it is done elsewhere: a Go program copied the totals in May' },
      })
      expect(migration?.floor).toBeUndefined()
    }
  })

  test('is not answered by a file with statements, without a reason, or for another version', () => {
    const go = { ...pairs, '3_c.up.go': 'package c' }
    const codes = (more: Files) => errorsOf({ ...go, ...more }).map(([code]) => code)
    expect(codes({ '3_c.up.sql': `${elsewhere}SELECT 1;` })).toEqual(['marker-unclear'])
    expect(codes({ '3_c.up.sql': '-- lockkeeper: elsewhere\n', '3_c.down.sql': 'SELECT 1;' })).toEqual([
      'source-unreadable',
      'marker-unclear',
    ])
    expect(codes({ '4_c.up.sql': elsewhere })).toEqual(['source-unreadable'])
  })
})

describe('what else lies in the folder', () => {
  test.each<[string, Files, string, FormatName]>([
    ['an ending that Flyway takes only where it is told to', flyway, 'V2__b.pgsql', 'flyway'],
    ['a procedure of sqlMigrationSuffixes', flyway, 'V2__b.pkb', 'flyway'],
    ['a repeatable with another ending', flyway, 'R__b.view', 'flyway'],
    ['an ending that dbmate passes over', dbmate, '2_b.pgsql', 'dbmate'],
    ['an ending that goose passes over', goose, '2_b.psql', 'goose'],
    ['SQL without a direction', pairs, '2_b.pgsql', 'golang-migrate'],
    ['SQL without a number', pairs, 'seed.ddl', 'golang-migrate'],
  ])('is an error where it is SQL that would not run: %s', (_, files, name, format) => {
    const set = read({ ...files, [name]: 'SELECT 1;' })
    expect(set.format).toBe(format)
    expect(set.findings).toMatchObject([{ code: 'version-invalid', severity: 'error', file: name }])
  })

  test.each<[string, Files, readonly string[]]>([
    ['golang-migrate', pairs, ['README.md', 'embed.go', 'old/1_a.up.sql', 'Makefile', '3_c_test.go', '2024-notes.md']],
    ['Flyway', flyway, ['README.md', 'V2__x.sql.bak', 'V2__x.sql~', 'Main.java', 'V2__notes.md']],
    ['goose', goose, ['README.md', 'embed.go', '2_b_test.go', 'data.csv']],
    ['dbmate', dbmate, ['README.md', '1_a.sql.orig', 'logo.png']],
  ])('is named among what is passed over, and no finding: %s', (_, files, names) => {
    const set = read({ ...files, ...Object.fromEntries(names.map((name) => [name, name === 'logo.png' ? '\0' : 'x'])) })
    expect(set.findings).toEqual([])
    expect([...(set.passedOver ?? [])].sort()).toEqual([...names].sort())
  })

  test('is not mentioned where there is nothing', () => expect(read(pairs)).not.toHaveProperty('passedOver'))
})
