import { describe, expect, test } from 'vitest'
import { CALLBACK_EVENTS } from '../../src/migration/migration.ts'
import { readMigrations } from '../../src/migration/read.ts'

const read = (files: Record<string, string>) =>
  readMigrations(
    Object.entries({ 'V1__a.sql': 'SELECT 1;', 'U1__a.sql': 'SELECT 1;', ...files }).map(([name, content]) => ({
      name,
      content,
    })),
  )
const named = (...names: string[]) => read(Object.fromEntries(names.map((name) => [name, 'SELECT 1;'])))

describe('a callback', () => {
  test.each(CALLBACK_EVENTS)('for %s is taken up, with and without a name', (event) => {
    const { callbacks, findings, migrations } = named(`${event}.sql`, `sub/${event}__take_stock.sql`)
    expect(callbacks).toMatchObject([
      { event, name: '', script: { file: `${event}.sql`, line: 1, text: 'SELECT 1;' }, transaction: 'required' },
      { event, name: 'take stock', script: { file: `sub/${event}__take_stock.sql` } },
    ])
    expect([migrations.length, findings]).toEqual([1, []])
  })

  test('stands in the order of the run, and of names within an event', () => {
    const { callbacks } = named(
      ...['afterMigrate.sql', 'afterMigrateApplied.sql', 'beforeRepeatables.sql', 'afterVersioned.sql'],
      ...[
        'beforeEachMigrate__b.sql',
        'beforeEachMigrate__B.sql',
        'a/beforeEachMigrate__a.sql',
        'beforeEachMigrate.sql',
      ],
      ...['afterEachMigrate.sql', 'beforeMigrate.sql'],
    )
    expect(callbacks?.map(({ event, name }) => `${event} ${name}`.trim())).toEqual([
      'beforeMigrate',
      'beforeEachMigrate',
      'beforeEachMigrate B',
      'beforeEachMigrate a',
      'beforeEachMigrate b',
      'afterEachMigrate',
      'afterVersioned',
      'beforeRepeatables',
      'afterMigrateApplied',
      'afterMigrate',
    ])
    expect(named()).not.toHaveProperty('callbacks')
  })

  const refused = [
    ...['Validate', 'Undo', 'EachUndo', 'Baseline', 'EachUndoStatement'].flatMap((it) => [
      `before${it}`,
      `after${it}`,
      `after${it}Error`,
    ]),
    ...['afterMigrateError', 'afterEachMigrateError', 'beforeEachMigrateStatement', 'afterEachMigrateStatement'],
    ...['afterEachMigrateStatementError', 'afterMigrateOperationFinish', 'createSchema', 'beforeCreateSchema'],
    ...['beforeConnect', 'afterConnect'],
  ]
  const ignored = [
    ...['Clean', 'Info', 'Repair', 'Deploy'].flatMap((it) => [`before${it}`, `after${it}`, `after${it}Error`]),
    'afterInfoOperationFinish',
  ]

  test.each([...refused.map((event) => [event, 'error']), ...ignored.map((event) => [event, 'warning'])])(
    'for %s is an %s and does not run',
    (event, severity) => {
      const { callbacks, findings } = named(`${event}.sql`)
      expect(findings).toMatchObject([{ code: 'marker-unclear', severity, file: `${event}.sql`, line: 1 }])
      expect(findings[0]?.message).toContain(`a callback for ${event}, which`)
      expect(findings[0]?.fix).toMatch(/^(move it away|rename it to|write )/)
      expect(callbacks).toBeUndefined()
    },
  )

  test('with a statement that no transaction may hold runs without one', () => {
    expect(read({ 'afterMigrate.sql': 'VACUUM;' }).callbacks).toMatchObject([{ transaction: 'none' }])
  })

  test('whose text is wrong refuses the whole set, by file and line', () => {
    const { findings } = read({ 'beforeMigrate.sql': 'SELECT 1;\nCOMMIT;\n\\i x' })
    expect(findings).toMatchObject([
      { code: 'transaction-control', file: 'beforeMigrate.sql', line: 2 },
      { code: 'source-unreadable', file: 'beforeMigrate.sql', line: 3 },
    ])
    expect(findings.map(({ version }) => version)).toEqual([undefined, undefined])
  })
})
