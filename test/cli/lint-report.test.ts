import { describe, expect, test } from 'vitest'
import { reportLines } from '../../src/cli/lint-report.ts'
import type { Finding } from '../../src/migration/finding.ts'
import { readMigrations } from '../../src/migration/read.ts'

const files = readMigrations([
  { name: '1_a.up.sql', content: 'SELECT 1;\n\tDROP TABLE orders;\n' },
  { name: '1_a.down.sql', content: `SELECT 1;\n${' '.repeat(150)}DROP TABEL x;\n` },
])
const warning = (line: number, what: string, fix = 'write it down: SELECT 1;'): Finding => ({
  code: 'drop-loses-data',
  severity: 'warning',
  version: '1',
  file: '1_a.up.sql',
  line,
  message: `1_a.up.sql line ${line} ${what}`,
  fix,
})
const error: Finding = {
  code: 'sql-rejected',
  severity: 'error',
  version: '1',
  file: '1_a.down.sql',
  line: 2,
  message: '1_a.down.sql line 2 column 156 is not valid SQL',
  fix: 'correct it',
}
const report = (...findings: Finding[]) => reportLines(findings, files, false)

describe('the report of lint', () => {
  test('shows errors first, each with its line and a caret, and a summary at the end', () => {
    expect(report(warning(2, 'drops table orders'), error)).toEqual([
      'error[sql-rejected]',
      '  --> 1_a.down.sql:2',
      '   |',
      ` 2 | ${' '.repeat(15)}DROP TABEL x;`,
      `   | ${' '.repeat(20)}^ is not valid SQL`,
      '  fix: correct it',
      '',
      'warning[drop-loses-data]',
      '  --> 1_a.up.sql:2',
      '   |',
      ' 2 |  DROP TABLE orders;',
      '   |  ^ drops table orders',
      '  fix: write it down: SELECT 1;',
      '',
      '1 error, 1 warning in 2 files (1 migration)',
    ])
  })

  test('groups by code, counts, and never says a cure twice', () => {
    const lines = report(
      ...Array.from({ length: 40 }, (_, i) => warning(2, `drops ${i}`, `write it down: SELECT ${i};`)),
    )
    expect(lines[0]).toBe('warning[drop-loses-data]: 40 findings in 1 file')
    expect(lines.filter((line) => line.includes('write it down'))).toHaveLength(1)
    expect(lines.filter((line) => line.startsWith('  fix: SELECT'))).toHaveLength(4)
    expect(lines.slice(-4, -2)).toEqual(['  and 35 more (-o json says what each is):', '  --> 1_a.up.sql:2'])
    expect(lines.at(-1)).toBe('0 errors, 40 warnings in 1 file (1 migration)')
  })

  test('names what has no line, and no file, without a frame', () => {
    const { line: _, ...whole } = warning(1, '')
    const { file: __, ...nowhere } = whole
    expect(report({ ...whole, message: '1_a.up.sql is odd' }).slice(1, 3)).toEqual(['  --> 1_a.up.sql', '   = is odd'])
    expect(report({ ...nowhere, message: 'no folder' })[1]).toBe('  = no folder')
  })

  test('prints nothing of a file that a terminal would act on', () => {
    const odd = readMigrations([{ name: '1_a.up.sql', content: 'DROP TABLE "\u001b[2J";' }])
    expect(reportLines([warning(1, 'drops it')], odd, false).join('\n')).not.toContain('\u001b')
  })

  test('without a finding is one line', () => expect(report()).toEqual(['1 migration, no finding']))
})
