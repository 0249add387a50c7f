import { beforeAll, describe, expect, test } from 'vitest'
import { LIMITS } from '../src/limits.ts'
import { boundFindings } from '../src/migration/bound-findings.ts'
import type { Finding } from '../src/migration/finding.ts'
import type { RawFile } from '../src/migration/migration.ts'
import { readMigrations } from '../src/migration/read.ts'
import { judge } from '../src/safety/judge.ts'
import { loadParser, type Parse } from '../src/sql/parser.ts'

const upTo = (n: number) => Array.from({ length: n }, (_, i) => i + 1)
const pairs = (n: number): RawFile[] =>
  upTo(n).flatMap((version) => [
    { name: `${version}_a.up.sql`, content: '' },
    { name: `${version}_a.down.sql`, content: '' },
  ])
const alone = (n: number): RawFile[] => upTo(n).map((version) => ({ name: `${version}_a.up.sql`, content: '' }))
const repeated = (n: number): RawFile[] => [
  { name: 'V1__a.sql', content: '' },
  ...upTo(n).map((i) => ({ name: `R__${i}.sql`, content: '' })),
]
const ofSize = (bytes: number): RawFile[] => [{ name: '1_a.up.sql', content: 'x'.repeat(bytes) }]

/** What is found of so much, among what nothing else is said of. */
const found = (files: RawFile[], code: string): Finding | undefined =>
  readMigrations(files).findings.find((each) => each.code === code)

describe('files of a source', () => {
  test.each([
    ['too-many-files', LIMITS.files.value, alone, 'squash the oldest migrations into one'],
    ['too-many-versions', LIMITS.versions.value, pairs, 'squash the oldest migrations into one'],
    ['too-many-unversioned', LIMITS.unversioned.value, repeated, 'put several into one file'],
  ])(
    'one more than the bound is %s, which names the bound, what was found and the way below it',
    (code, most, make, fix) => {
      const { message } = found(make(most + 1), code) ?? {}
      expect(message).toContain(String(most))
      expect(message).toContain(String(most + 1))
      expect(found(make(most + 1), code)).toMatchObject({ severity: 'error', fix })
    },
  )

  test.each([
    ['too-many-versions', LIMITS.versions.value, pairs],
    ['too-many-unversioned', LIMITS.unversioned.value, repeated],
  ])('exactly the bound is not %s', (code, most, make) => expect(found(make(most), code)).toBeUndefined())

  test('are refused unread above their size in all, and the message says both sizes', () => {
    expect(found(ofSize(LIMITS.sourceBytes.value + 1), 'source-too-large')).toMatchObject({
      message: 'the files hold 21 MiB, more than 20 MiB in all',
      fix: 'load bulk data outside the migrations',
    })
    expect(found(ofSize(LIMITS.sourceBytes.value), 'source-too-large')).toBeUndefined()
  })
})

describe('findings of a catalogue', () => {
  const many = (n: number): Finding[] =>
    upTo(n).map((i) => ({ code: 'rollback-empty', severity: 'warning', version: String(i), message: '', fix: '' }))

  test('above the bound are counted, and the rest of them is one finding', () => {
    const most = LIMITS.findings.value
    const { kept, left } = boundFindings([
      ...many(most + 4),
      { ...(many(1)[0] as Finding), severity: 'error', version: 'z' },
    ])
    expect(kept).toHaveLength(most)
    expect(left).toMatchObject([
      {
        code: 'too-many-findings',
        severity: 'error',
        message: `there are ${most + 5} findings, more than ${most}, and 5 of them are not looked at`,
      },
    ])
    expect(boundFindings(many(most)).left).toEqual([])
  })
})

describe('statements of a script', () => {
  let parse: Parse
  beforeAll(async () => {
    parse = await loadParser()
  })
  const judged = (up: string, down: string) => {
    const set = readMigrations([
      { name: '1_a.up.sql', content: up },
      { name: '1_a.down.sql', content: down },
    ])
    return judge(set, { parse }).findings.filter(({ code }) => code === 'too-many-statements')
  }

  test('above the bound are not judged, from the line where the first of them begins', () => {
    const most = LIMITS.judgedStatements.value
    const lines = (n: number) => 'SELECT 1;\n'.repeat(n)
    expect(judged(lines(most + 1), 'SELECT 1;')).toMatchObject([
      { file: '1_a.up.sql', line: most + 1, message: expect.stringContaining(String(most + 1)) },
    ])
  })

  test('of up and down together are not matched above the bound, which the message names with their number', () => {
    const most = LIMITS.matchedStatements.value
    const tables = upTo(most / 2)
    const up = tables.map((i) => `CREATE TABLE t${i} ();`).join('\n')
    const down = tables.map((i) => `DROP TABLE t${i};`).join('\n')
    expect(judged(up, down)).toEqual([])
    expect(judged(up, `${down}\nSELECT 1;`)).toMatchObject([
      { message: expect.stringMatching(new RegExp(`have ${most + 1} statements together.*\\(${most}\\)`)) },
    ])
  })
})
