import { describe, expect, test } from 'vitest'
import { catalogueOf } from '../../src/migration/catalogue.ts'
import { firstSteps } from '../../src/migration/formats/flyway/first-steps.ts'
import { readMigrations } from '../../src/migration/read.ts'
import { flywayExample } from '../tools/example-flyway.ts'

const named = (...names: string[]) => names.map((name) => ({ name, content: 'SELECT 1;' }))
const read = (...names: string[]) => readMigrations(named(...names))

describe('a baseline', () => {
  const set = read('V1__a.sql', 'V2__b.sql', 'V3__c.sql', 'V4__d.sql', 'B3__all.sql', 'B2__all.sql', 'R__x.sql')
  test('stands beside the migrations and needs no undo script', () => {
    expect(set.baselines?.map(({ kind, version, name }) => [kind, version, name])).toEqual([
      ['baseline', '2', 'all'],
      ['baseline', '3', 'all'],
    ])
    expect(set.migrations.map(({ version }) => version)).toEqual(['1', '2', '3', '4', ''])
    expect(set.findings.map(({ file }) => file)).toEqual(['V1__a.sql', 'V2__b.sql', 'V3__c.sql', 'V4__d.sql'])
    expect(read('V2__b.sql', 'U2__b.sql', 'B2__all.sql').baselines?.[0]).not.toHaveProperty('down')
    expect(read('V1__a.sql')).not.toHaveProperty('baselines')
  })

  test.each([
    ['1', ['V1']],
    ['2', ['B2']],
    ['3', ['B3']],
    ['4', ['B3', 'V4']],
    ['0', []],
  ])('is where a new database begins on its way to %s', (target, files) =>
    expect(firstSteps(set, target).map(({ up }) => up.file.split('__')[0])).toEqual(files),
  )

  test('whose text is wrong refuses, at its version', () => {
    const bad = { name: 'B3__x.sql', content: "SELECT 1;\nSELECT 'x" }
    const { findings } = readMigrations([...named('V1__a.sql', 'U1__a.sql'), bad])
    expect(findings).toMatchObject([{ code: 'source-unreadable', version: '3', file: 'B3__x.sql', line: 2 }])
  })
})

describe('a repeatable', () => {
  const bad = { name: 'R__x.sql', content: 'SELECT 1;\nCOMMIT;\nSELECT 2;' }
  const set = readMigrations([...named('V1__a.sql', 'U1__a.sql'), bad])
  test('whose text is wrong refuses the whole catalogue, and is no entry of it', () => {
    expect(set.findings).toMatchObject([{ code: 'transaction-control', file: 'R__x.sql', line: 2 }])
    const { entries, findings } = catalogueOf(set)
    expect([entries.map(({ version }) => version), findings]).toEqual([['1'], set.findings])
  })
})

describe('the example', () => {
  test('is four versions that can be undone and a view, and nothing is wrong with it', () => {
    const set = readMigrations(Object.entries(flywayExample).map(([name, content]) => ({ name, content })))
    expect(set.findings).toEqual([])
    expect(set.migrations.map(({ version, name, down }) => [version, name, down !== undefined])).toEqual([
      ['1', 'create orders', true],
      ['2', 'add status', true],
      ['3', 'create mail template', true],
      ['4', 'index status', true],
      ['', 'customer total', false],
    ])
    expect(set.migrations[2]?.up.text).toContain(`\${customer}`)
    expect(set.migrations[3]?.transaction).toEqual({ up: 'none', down: 'none' })
  })
})
