import { describe, expect, test } from 'vitest'
import { flyway } from '../../src/migration/formats/flyway.ts'
import { readMigrations } from '../../src/migration/read.ts'

const one = 'SELECT 1;'
const named = (...names: string[]) => names.map((name) => ({ name, content: one }))
const read = (...names: string[]) => readMigrations(named(...names))
/** V1 with its undo script, beside which a single other file is looked at. */
const beside = (...names: string[]) => read('V1__a.sql', 'U1__a.sql', ...names)

describe('Flyway’s files', () => {
  test('are migrations with undo scripts, and repeatables behind them by name', () => {
    const { format, migrations, findings } = read(
      'R__totals_by_day.sql',
      'R__Accounts.sql',
      'V10__add_email.sql',
      'U10__add_email.sql',
      'V9__create.sql',
      'U9__takes_another_name.sql',
    )
    expect([format, findings]).toEqual(['flyway', []])
    expect(migrations.map(({ kind, version, name, up, down }) => [kind, version, name, up.file, down?.file])).toEqual([
      ['versioned', '9', 'create', 'V9__create.sql', 'U9__takes_another_name.sql'],
      ['versioned', '10', 'add email', 'V10__add_email.sql', 'U10__add_email.sql'],
      ['repeatable', '', 'Accounts', 'R__Accounts.sql', undefined],
      ['repeatable', '', 'totals by day', 'R__totals_by_day.sql', undefined],
    ])
  })

  test.each([
    ['V1.sql', '1', ''],
    ['V1__.sql', '1', ''],
    ['V1__a.SQL', '1', 'a'],
    ['V01__a.sql', '1', 'a'],
    ['V1.0__a.sql', '1', 'a'],
    ['V1_2__a.sql', '1.2', 'a'],
    ['V1_2.sql', '1.2', ''],
    ['V1.10__a__b.sql', '1.10', 'a  b'],
    ['V1___a.sql', '1', ' a'],
    ['V20240131120000__a b.sql', '20240131120000', 'a b'],
    ['V99999999999999999999999__a.sql', '99999999999999999999999', 'a'],
    ['2024/q1/V3__a.sql', '3', 'a'],
  ])('%s is version %s with the name "%s"', (file, version, name) => {
    const { migrations, findings } = read(file, file.replace('V', 'U'))
    expect(migrations).toMatchObject([{ kind: 'versioned', version, name, up: { file, line: 1 } }])
    expect([migrations[0]?.down?.file, findings]).toEqual([file.replace('V', 'U'), []])
  })

  test('in subfolders belong, hidden ones do not', () => {
    const { migrations, findings } = beside('old/V2__b.sql', 'old/sub/U2__b.sql', '.git/V3__c.sql', 'old/.V4__d.sql')
    expect(migrations.map(({ version, down }) => [version, down?.file])).toEqual([
      ['1', 'U1__a.sql'],
      ['2', 'old/sub/U2__b.sql'],
    ])
    expect(findings).toEqual([])
  })

  test('may have a BOM and CRLF', () => {
    const unix = readMigrations([{ name: 'V1__a.sql', content: 'SELECT 1;\nSELECT 2;\n' }])
    const windows = readMigrations([{ name: 'V1__a.sql', content: '\uFEFFSELECT 1;\r\nSELECT 2;\r\n' }])
    expect(windows.migrations[0]?.up.checksum).toBe(unix.migrations[0]?.up.checksum)
    expect(windows.migrations[0]?.up.text).toBe('SELECT 1;\r\nSELECT 2;\r\n')
  })

  test('give the same whatever their order', () => {
    const names = ['V1__a.sql', 'a/V1__b.sql', 'U1__a.sql', 'R__x.sql', 'b/R__x.sql', 'V_x.sql']
    expect(read(...[...names].reverse())).toEqual(read(...names))
  })

  test.each([
    ['V', ['V2__b.sql', 'U2__b.sql', 'V2.0__c.sql'], 'version-duplicate', '2', 'V2__b.sql'],
    ['V in two folders', ['V2__b.sql', 'U2__b.sql', 'old/V2__b.sql'], 'version-duplicate', '2', 'old/V2__b.sql'],
    ['U', ['U1_0__b.sql'], 'version-duplicate', '1', 'U1__a.sql'],
    ['B', ['B1__a.sql', 'B01__b.sql'], 'version-duplicate', '1', 'B1__a.sql'],
    ['R', ['R__x_y.sql', 'old/R__x_y.sql'], 'version-duplicate', undefined, 'old/R__x_y.sql'],
    [
      'callback',
      ['afterMigrate__x.sql', 'b/afterMigrate__x.sql'],
      'version-duplicate',
      undefined,
      'b/afterMigrate__x.sql',
    ],
    ['U without V', ['U2__b.sql'], 'version-invalid', '2', 'U2__b.sql'],
    ['U with a B only', ['B2__b.sql', 'U2__b.sql'], 'version-invalid', '2', 'U2__b.sql'],
    ['V without U', ['V2__b.sql'], 'rollback-missing', '2', 'V2__b.sql'],
  ])('contend or lack another: %s', (_, files, code, version, file) => {
    const { findings } = beside(...files)
    expect(findings).toMatchObject([{ code, severity: 'error', file }])
    expect(findings[0]?.version).toBe(version)
  })

  test('of version 0 come with a warning, since that is no target to go back to', () => {
    expect(beside('V0__z.sql', 'U0__z.sql').findings).toMatchObject([
      { code: 'version-invalid', severity: 'warning', version: '0', file: 'V0__z.sql' },
    ])
  })
})

describe('the format', () => {
  test.each([
    ['V1__a.sql', true],
    ['V1.sql', true],
    ['sub/V1__a.SQL', true],
    ['U1.2__a.sql', true],
    ['B1__a.sql', true],
    ['R__a.sql', true],
    ['U1.sql', false],
    ['B1.sql', false],
    ['v1__a.sql', false],
    ['V1_a.sql', false],
    ['Views.sql', false],
    ['beforeMigrate.sql', false],
    ['V1__a.sql.conf', false],
    ['1_a.up.sql', false],
    ['20240101000000_a.sql', false],
  ])('recognises %s: %s', (name, is) => expect(flyway.recognises({ name, text: one })).toBe(is))

  test.each([
    ['V1__a.sql', true],
    ['v1_a.sql', true],
    ['R__a.sql', true],
    ['afterMigrate__a.sql', true],
    ['AfterMigrate.sql', true],
    ['V1__a.sql.conf', true],
    ['V1__a.java', true],
    ['sub/create.sql', true],
    ['sub/readme.md', false],
    ['1_a.up.sql', false],
    ['1_a.down.sql', false],
    ['20240101000000_a.sql', false],
    ['create.sql', false],
    ['V1__a.txt', false],
  ])('owns %s: %s', (name, is) => expect(flyway.owns(name)).toBe(is))

  test('says which undo script to write', () => {
    const fixes = read('V43__add_status.sql', 'V1.sql', 'Views/V2__Values.sql').findings.map(({ fix }) => fix)
    const hint = '(lockkeeper lint shows what it must undo)'
    expect(fixes).toEqual([
      `write U1.sql ${hint}`,
      `write Views/U2__Values.sql ${hint}`,
      `write U43__add_status.sql ${hint}`,
    ])
  })

  test.each([
    [undefined, 'V1', 'U1'],
    ['', 'V1', 'U1'],
    ['1', 'V2', 'U2'],
    ['1.9', 'V2', 'U2'],
    ['20240131120000', 'V20240131120001', 'U20240131120001'],
    ['99999999999999999999', 'V100000000000000000000', 'U100000000000000000000'],
  ])('writes the next pair after %s as %s and %s', (highest, up, down) =>
    expect(flyway.scaffold(highest, 'Add e-mail')).toEqual([
      { name: `${up}__add_e_mail.sql`, content: '' },
      { name: `${down}__add_e_mail.sql`, content: '' },
    ]),
  )

  test('guards its own table', () => {
    const down = { name: 'U1__a.sql', content: 'DELETE FROM public.flyway_schema_history;' }
    const { findings } = readMigrations([...named('V1__a.sql'), down])
    expect(findings).toMatchObject([{ code: 'rollback-touches-history', file: 'U1__a.sql', line: 1 }])
  })
})
