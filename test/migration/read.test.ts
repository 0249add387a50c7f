import { describe, expect, test } from 'vitest'
import { catalogueOf } from '../../src/migration/catalogue.ts'
import { checksumOf } from '../../src/migration/checksum.ts'
import { digestOf } from '../../src/migration/digest.ts'
import { readMigrations } from '../../src/migration/read.ts'
import { rollbackFindings } from '../../src/migration/rollback.ts'

const read = (files: Record<string, string | Uint8Array>) =>
  readMigrations(Object.entries(files).map(([name, content]) => ({ name, content })))
const sound = {
  '2_b.up.sql': 'SELECT 2;',
  '2_b.down.sql': 'SELECT 2;',
  '10_c.up.sql': 'SELECT 10;',
  '10_c.down.sql': 'SELECT 1;',
  '1_a.up.sql': 'SELECT 1;',
  '1_a.down.sql': 'SELECT 1;',
}
const codes = (files: Record<string, string | Uint8Array>) =>
  read(files).findings.map(({ code, file, line }) => [code, file, line])

describe('reading', () => {
  test('gives migrations in version order with both scripts', () => {
    const { migrations, findings, format } = read(sound)
    expect([format, findings]).toEqual(['golang-migrate', []])
    expect(migrations.map(({ version, name }) => `${version} ${name}`)).toEqual(['1 a', '2 b', '10 c'])
    expect(migrations[2]).toMatchObject({
      kind: 'versioned',
      up: { file: '10_c.up.sql', line: 1 },
      down: { text: 'SELECT 1;' },
      transaction: { up: 'required' },
    })
  })

  test.each<[string, string, string, string]>([
    ['says so', '-- lockkeeper: no-transaction\nSELECT 1;', 'none', 'required'],
    ['has a statement that PostgreSQL forbids in one', 'VACUUM t;', 'none', 'required'],
    [
      'says so around its own BEGIN and COMMIT',
      '-- lockkeeper: no-transaction\nBEGIN; SELECT 1; COMMIT;',
      'required',
      'required',
    ],
  ])('a script runs outside a transaction when it %s', (_, text, up, down) => {
    const { migrations, findings } = read({ '1_a.up.sql': text, '1_a.down.sql': 'SELECT 1;' })
    expect(findings).toEqual([])
    expect(migrations[0]?.transaction).toEqual({ up, down })
  })

  test('takes a BOM and CRLF, and the same text has the same checksum', () => {
    const { migrations } = read({ '1_a.up.sql': '\uFEFFSELECT 1;\r\nSELECT 2;\r', '1_a.down.sql': 'SELECT 1;' })
    expect(migrations[0]?.up.checksum).toBe(checksumOf('SELECT 1;\nSELECT 2;\n'))
    expect(migrations[0]?.up.text.startsWith('SELECT')).toBe(true)
  })

  const down = { '1_a.down.sql': 'SELECT 1;' }
  test.each<[string, Record<string, string | Uint8Array>, [string, string | undefined, number | undefined][]]>([
    ['no down script', { '1_a.up.sql': 'SELECT 1;' }, [['rollback-missing', '1_a.up.sql', undefined]]],
    [
      'an empty down script',
      { '1_a.up.sql': 'SELECT 1;', '1_a.down.sql': '-- nothing\n/* at all */;' },
      [['rollback-empty', '1_a.down.sql', 1]],
    ],
    [
      'a down script that only opens a transaction',
      { '1_a.up.sql': 'SELECT 1;', '1_a.down.sql': 'BEGIN;\nCOMMIT;' },
      [['rollback-empty', '1_a.down.sql', 1]],
    ],
    [
      'a down script that drops our schema',
      { '1_a.up.sql': 'SELECT 1;', '1_a.down.sql': 'SELECT 1;\nDROP SCHEMA IF EXISTS lockkeeper CASCADE;' },
      [['rollback-touches-history', '1_a.down.sql', 2]],
    ],
    [
      'a down script that edits our table',
      { '1_a.up.sql': 'SELECT 1;', '1_a.down.sql': 'DELETE FROM "lockkeeper".migration;' },
      [['rollback-touches-history', '1_a.down.sql', 1]],
    ],
    [
      'a down script that edits the tool’s table',
      { '1_a.up.sql': 'SELECT 1;', '1_a.down.sql': 'UPDATE public.schema_migrations SET version = 0;' },
      [['rollback-touches-history', '1_a.down.sql', 1]],
    ],
    [
      'two ups of one version',
      { ...down, '1_a.up.sql': 'SELECT 1;', '001_b.up.sql': 'SELECT 2;' },
      [['version-duplicate', '001_b.up.sql', undefined]],
    ],
    [
      'a down without an up',
      { ...down, '1_a.up.sql': 'SELECT 1;', '2_b.down.sql': 'SELECT 1;' },
      [['version-invalid', '2_b.down.sql', undefined]],
    ],
    [
      'a name that is nearly one',
      { ...down, '1_a.up.sql': 'SELECT 1;', 'create_b.sql': 'SELECT 1;' },
      [['version-invalid', 'create_b.sql', undefined]],
    ],
    [
      'bytes that are not UTF-8',
      { ...down, '1_a.up.sql': Buffer.from('SELECT 1;\nSELECT \xe9;', 'latin1') },
      [['source-unreadable', '1_a.up.sql', 2]],
    ],
    ['a NUL byte', { ...sound, '1_a.up.sql': 'SELECT \0;' }, [['source-unreadable', '1_a.up.sql', 1]]],
    ['an open quote', { ...down, '1_a.up.sql': "SELECT 1;\nSELECT 'x;" }, [['source-unreadable', '1_a.up.sql', 2]]],
    [
      'a command of psql',
      { ...down, '1_a.up.sql': 'SELECT 1;\n\\i other.sql\n' },
      [['source-unreadable', '1_a.up.sql', 2]],
    ],
    [
      'an unknown directive',
      { ...down, '1_a.up.sql': '-- lockkeeper: irreversable because\nSELECT 1;' },
      [['marker-unclear', '1_a.up.sql', 1]],
    ],
    [
      'irreversible without a reason',
      { ...down, '1_a.up.sql': '-- lockkeeper: irreversible\nSELECT 1;' },
      [['marker-unclear', '1_a.up.sql', 1]],
    ],
  ])('finds %s', (_, files, expected) => {
    expect(codes(files).sort()).toEqual(expected.sort())
    for (const { fix, message } of read(files).findings)
      expect([fix.length > 4, message.includes('\n')]).toEqual([true, false])
  })

  test('of nothing, of no migration and of too much says so', () => {
    expect(codes({})).toEqual([['source-unreadable', undefined, undefined]])
    expect(codes({ 'readme.md': 'x' })).toEqual([['source-unreadable', undefined, undefined]])
    expect(codes({ '1_a.up.sql': 'x'.repeat(21 * 1024 * 1024) })).toEqual([['source-too-large', undefined, undefined]])
  })

  test('leaves dot files and other text alone', () => {
    expect(read({ ...sound, '.keep': '', 'README.md': '# Migrations' }).findings).toEqual([])
  })
})

describe('a floor', () => {
  test.each([
    ['ALTER TABLE a ADD b int;', undefined],
    ['-- lockkeeper: floor 1.2\nALTER TABLE a ADD b int;', '1.2'],
    ['-- only a comment\n', '0'],
  ])('of %s is %s', (text, floor) =>
    expect(read({ '3_a.up.sql': text, '3_a.down.sql': 'SELECT 1;' }).migrations[0]?.floor).toBe(floor),
  )
})

describe('a digest', () => {
  const digest = (files: Record<string, string>, target: string) => digestOf(catalogueOf(read(files)), target)
  test('covers the scripts up to the target, not their names', () => {
    expect(digest(sound, '2')).toMatch(/^v1:[0-9a-f]{64}$/)
    const renamed = Object.fromEntries(
      Object.entries(sound).map(([name, text]) => [name.replace('_a', '_other'), text]),
    )
    expect(digest(renamed, '10')).toBe(digest(sound, '10'))
    expect(digest({ ...sound, '10_c.up.sql': 'SELECT 11;' }, '2')).toBe(digest(sound, '2'))
    expect(digest({ ...sound, '2_b.down.sql': 'SELECT 3;' }, '2')).not.toBe(digest(sound, '2'))
  })

  test('is the documented one', () => {
    const entry = { version: '1', up: 'aa' }
    // printf '1 aa -\n' | sha256sum
    expect(digestOf({ entries: [entry] }, '1')).toBe(
      'v1:8bfebcea924340384bda568301eb6c2ac0991d92e14920412d2d6701fe2df837',
    )
    expect(digestOf({ entries: [] }, '0')).toBe('v1:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855')
  })
})

describe('rollback findings', () => {
  const entries = catalogueOf(
    read({ ...sound, '11_d.up.sql': '-- lockkeeper: irreversible gone is gone\nSELECT 1;' }),
  ).entries
  test('follow the policy, the baseline and what the namespace allows', () => {
    const rules = { rollbackPolicy: 'require' as const, allowIrreversible: false }
    expect(rollbackFindings(entries, rules).map(({ code }) => code)).toEqual(['rollback-irreversible'])
    expect(rollbackFindings(entries, { ...rules, allowIrreversible: true })).toEqual([])
    expect(rollbackFindings(entries, { ...rules, baseline: '11' })).toEqual([])
    expect(rollbackFindings(entries, { ...rules, rollbackPolicy: 'off' })).toEqual([])
  })
})
