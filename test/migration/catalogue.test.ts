import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { differsFromAdmitted, recheckFiles } from '../../src/engine/preflight.ts'
import { catalogueOf } from '../../src/migration/catalogue.ts'
import { readCatalogue, writeCatalogue } from '../../src/migration/catalogue-file.ts'
import { digestOf } from '../../src/migration/digest.ts'
import type { Catalogue } from '../../src/migration/migration.ts'
import { readMigrations } from '../../src/migration/read.ts'
import type { RunRequest } from '../../src/migration/run-request.ts'
import { RunFailure } from '../../src/postgres/failure.ts'
import { release } from '../tools/example-files.ts'
import { flywayExample } from '../tools/example-flyway.ts'
import { exampleSets } from '../tools/example-sets.ts'

type Files = Readonly<Record<string, string>>
const setOf = (files: Files) => readMigrations(Object.entries(files).map(([name, content]) => ({ name, content })))
const of = (files: Files): Catalogue => catalogueOf(setOf(files))
const readBack = (catalogue: Catalogue): Catalogue => {
  const read = readCatalogue(writeCatalogue(catalogue))
  if ('flaw' in read) throw new Error(read.flaw)
  return read
}

describe('a catalogue', () => {
  const broken: Files = {
    '1_a.up.sql': '-- lockkeeper: irreversible it deletes\n-- lockkeeper: floor 1\nDELETE FROM secret_table;',
    '2_b.up.sql': 'SELECT 1;\nCOMMIT;',
    '2_b.down.sql': '-- nothing',
    '02_c.up.sql': 'SELECT 2;',
    '3_only.down.sql': 'SELECT 3;',
    'notes.sql': 'SELECT 4;',
  }

  test.each<[string, Files]>([...Object.entries(exampleSets), ['flyway', flywayExample], ['broken files', broken]])(
    'of %s is the same after it was written and read, and so is its digest at every version',
    (_, files) => {
      const catalogue = of(files)
      expect(catalogue.entries.length).toBeGreaterThan(1)
      const back = readBack(catalogue)
      expect(back).toEqual(catalogue)
      for (const { version } of catalogue.entries) expect(digestOf(back, version)).toBe(digestOf(catalogue, version))
      expect(writeCatalogue(back)).toBe(writeCatalogue(catalogue))
    },
  )

  test('holds no SQL, no spaces, and nothing twice', () => {
    const text = writeCatalogue(of(broken))
    expect(text).not.toMatch(/secret_table|SELECT \d/)
    expect(text).not.toMatch(/": |, "|\n/)
    expect(writeCatalogue(of(release(3)))).not.toContain('findings')
    const perMigration = (writeCatalogue(of(release(3))).length - writeCatalogue(of(release(1))).length) / 2
    expect(perMigration).toBeLessThan(300)
  })

  test('that a later release wrote is read: fields and codes that are not known yet are passed over or on', () => {
    const written = JSON.parse(writeCatalogue(of(release(1))))
    written.proofs = [{ any: 'thing' }]
    written.entries[0].proof = 'signature'
    written.entries[0].findings = [
      { code: 'unheard-of', severity: 'warning', message: 'm', fix: 'f', cause: 'a field of tomorrow' },
    ]
    expect(readCatalogue(JSON.stringify(written))).toMatchObject({
      entries: [{ version: '1', findings: [{ code: 'unheard-of', version: '1' }] }],
    })
  })

  const up = 'a'.repeat(64)
  const entry = { version: '1', name: 'a', upFile: '1_a.up.sql', up, down: up }
  const good = { version: 1, format: 'golang-migrate', entries: [entry] }
  const withEntry = (change: object) => ({ ...good, entries: [entry, { ...entry, version: '2', ...change }] })
  test.each<[string, unknown]>([
    ['it is no catalogue', []],
    ['version is not 1, the one that this release reads', { ...good, version: 2 }],
    ['version is not 1, the one that this release reads', { format: 'goose', entries: [] }],
    ['format is none of golang-migrate, flyway, dbdeploy, dbmate, goose', { ...good, format: 'liquibase' }],
    ['entries is no list of migrations', { ...good, entries: {} }],
    ['entries[1] is no migration', { ...good, entries: [entry, 7] }],
    ['entries[1].up is no SHA-256 in hex', withEntry({ up: 'A'.repeat(64) })],
    ['entries[1].up is no checksum', withEntry({ up: 1 })],
    ['entries[1].down is no SHA-256 in hex', withEntry({ down: '' })],
    ['entries[1].name is no text', withEntry({ name: null })],
    ['entries[1].version is no version as the database stores it, like "42"', withEntry({ version: '007' })],
    ['entries[1].version is no version as the database stores it, like "42"', withEntry({ version: '2; DROP' })],
    ['entries[1].version is not above the one before', withEntry({ version: '1' })],
    ['entries[1].version is not above the one before', withEntry({ version: '0.9' })],
    ['entries[1].findings is no list of findings', withEntry({ findings: 'none' })],
    [
      'entries[1].findings[0].severity is neither error nor warning',
      withEntry({ findings: [{ code: 'x', severity: 'fatal', message: '', fix: '' }] }),
    ],
    [
      'entries[1].findings[0].code is no code of a finding',
      withEntry({ findings: [{ code: 'x\ny', severity: 'error', message: '', fix: '' }] }),
    ],
    ['unversioned[0].up is no SHA-256 in hex', { ...good, unversioned: [{ key: 'R:x', up: 'x' }] }],
  ])('with a flaw says what is wrong at which path: %s', (flaw, json) => {
    expect(readCatalogue(JSON.stringify(json))).toEqual({ flaw })
  })

  test('that is no JSON is said to be none, without a word of it', () => {
    expect(readCatalogue('postgres://u:hunter2@h/d')).toEqual({ flaw: 'it is no JSON' })
  })

  test('gives messages one line without control characters, cut to a length that leaves room', () => {
    const hostile = `x\r\nNo pod was changed.\u001b[2J\u202eabc\u2028${'y'.repeat(2000)}`
    const read = readCatalogue(
      JSON.stringify(
        withEntry({
          name: hostile,
          upFile: hostile,
          downFile: hostile,
          irreversible: hostile,
          findings: [{ code: 'rollback-empty', severity: 'error', file: hostile, message: hostile, fix: hostile }],
        }),
      ),
    )
    if ('flaw' in read) throw new Error(read.flaw)
    const found = read.entries[1]
    const [finding] = found?.findings ?? []
    const texts = [found?.name, found?.upFile, found?.downFile, found?.irreversible, finding?.message, finding?.fix]
    for (const text of [...texts, finding?.file]) {
      expect(text).toMatch(/^x No pod was changed\. \[2J abc y+…$/)
      expect(text?.length).toBe(500)
    }
  })

  test('that is damaged anywhere is a catalogue or a flaw, never an exception', () => {
    const text = writeCatalogue(of(broken))
    const damage = fc.record({ at: fc.nat(text.length), length: fc.nat(40), put: fc.string({ maxLength: 10 }) })
    fc.assert(
      fc.property(damage, ({ at, length, put }) => {
        const read = readCatalogue(text.slice(0, at) + put + text.slice(at + length))
        expect('flaw' in read ? read.flaw.length > 5 : read.entries.length >= 0).toBe(true)
      }),
      { numRuns: 1000 },
    )
    fc.assert(
      fc.property(fc.jsonValue(), (json) => {
        expect(readCatalogue(JSON.stringify(json))).toHaveProperty('flaw')
      }),
    )
  })
})

describe('a catalogue that lies', () => {
  const truth = { ...release(2), '3_x.up.sql': 'ALTER TABLE orders DROP note;' }
  const request = (catalogue: Catalogue, rules: Partial<RunRequest['rules']> = {}) =>
    ({
      owner: { cluster: 'c', workload: 'shop/Deployment/orders', token: 1, digest: digestOf(catalogue, '3') },
      rules: { rollbackPolicy: 'require', allowIrreversible: false, denyFindings: [], ...rules },
    }) as unknown as RunRequest
  const codeOf = (run: () => void) => {
    try {
      run()
      return 'runs'
    } catch (error) {
      return error instanceof RunFailure ? error.code : error
    }
  }

  test('by leaving out that a down script is missing is not believed', () => {
    const honest = of(truth)
    const lie = {
      ...honest,
      entries: honest.entries.map((entry) => ({ ...entry, findings: [] })),
    }
    expect(
      readBack(lie)
        .entries.at(-1)
        ?.findings.map(({ code }) => code),
    ).toEqual(['rollback-missing'])
  })

  test('by other checksums has another digest than the files in the pod, which are then checked there', () => {
    const lie = readBack(of({ ...release(2), '3_x.up.sql': 'SELECT 3;', '3_x.down.sql': 'SELECT 3;' }))
    expect(lie.entries.flatMap(({ findings }) => findings)).toEqual([])
    expect(differsFromAdmitted(request(lie), setOf(truth), '3')).toBe(true)
    expect(codeOf(() => recheckFiles(request(lie), setOf(truth), ['3']))).toBe('rollback-missing')
    const undone = setOf({ ...truth, '3_x.down.sql': 'ALTER TABLE orders ADD note text;' })
    expect(codeOf(() => recheckFiles(request(lie), undone, ['3']))).toBe('runs')
    const strict: Partial<RunRequest['rules']>[] = [
      { rollbackPolicy: 'proven' },
      { denyFindings: ['lock-long'] },
      { breakGlass: '3' },
    ]
    for (const rules of strict) {
      expect(codeOf(() => recheckFiles(request(lie, rules), undone, ['3']))).toBe('files-changed')
    }
  })

  test('not, when it is of the very files', () => {
    expect(differsFromAdmitted(request(readBack(of(truth))), setOf(truth), '3')).toBe(false)
  })
})
