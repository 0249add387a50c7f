import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { checksumOf } from '../../src/migration/checksum.ts'
import { dbmate } from '../../src/migration/formats/dbmate.ts'
import { readMigrations } from '../../src/migration/read.ts'
import { exampleSets } from '../tools/example-sets.ts'

type Files = Readonly<Record<string, string | Uint8Array>>
const read = (files: Files, format?: 'dbmate') =>
  readMigrations(
    Object.entries(files).map(([name, content]) => ({ name, content })),
    format && { format },
  )
const places = (files: Files) => read(files).findings.map(({ code, file, line }) => [code, file, line])
const sound = '-- migrate:up\nCREATE TABLE t (a int);\n\n-- migrate:down\nDROP TABLE t;\n'

describe('a dbmate file', () => {
  test('gives both scripts as slices of it, each with its first line', () => {
    const { format, migrations, findings } = read({ '20240101_add_email.sql': `-- about it\n\n${sound}` })
    expect([format, findings]).toEqual(['dbmate', []])
    const up = '-- about it\n\n-- migrate:up\nCREATE TABLE t (a int);\n\n'
    const down = '-- migrate:down\nDROP TABLE t;\n'
    const file = '20240101_add_email.sql'
    expect(migrations).toEqual([
      {
        kind: 'versioned',
        version: '20240101',
        name: 'add_email',
        up: { file, line: 1, text: up, checksum: checksumOf(up) },
        down: { file, line: 6, text: down, checksum: checksumOf(down) },
        transaction: { up: 'required', down: 'required' },
      },
    ])
  })

  test('keeps the checksum of its up script when the down script is corrected', () => {
    const [one, other] = [sound, sound.replace('DROP TABLE t', 'DROP TABLE IF EXISTS t')].map(
      (text) => read({ '1_a.sql': text }).migrations[0],
    )
    expect(other?.up.checksum).toBe(one?.up.checksum)
    expect(other?.down?.checksum).not.toBe(one?.down?.checksum)
  })

  test('may have a BOM and CRLF, which change no checksum', () => {
    const bytes = Buffer.from(`\uFEFF${sound.replaceAll('\n', '\r\n')}`)
    const [plain, windows] = [sound, bytes].map((text) => read({ '1_a.sql': text }))
    expect(windows?.findings).toEqual([])
    expect(windows?.migrations[0]?.up.checksum).toBe(plain?.migrations[0]?.up.checksum)
    expect(windows?.migrations[0]?.down).toMatchObject({ line: 4, checksum: plain?.migrations[0]?.down?.checksum })
  })

  test.each([
    ['20240101_add_email.sql', '20240101', 'add_email'],
    ['0042-add.email.sql', '42', 'add.email'],
    ['7.sql', '7', ''],
    ['7add.sql', '7', 'add'],
    ['1_x.up.sql', '1', 'x.up'],
  ])('named %s is version %s, name "%s"', (file, version, name) =>
    expect(read({ [file]: sound }, 'dbmate').migrations).toMatchObject([{ version, name }]),
  )

  test.each([
    ['', '', 'required', 'required'],
    [' transaction:false', '', 'none', 'required'],
    ['', '\ttransaction:false \r', 'required', 'none'],
    [' transaction:true', '', 'required', 'required'],
  ])('with the options "%s" and "%s" runs up %s, down %s', (upOption, downOption, up, down) => {
    const text = `-- migrate:up${upOption}\nSELECT 1;\n-- migrate:down${downOption}\nSELECT 1;\n`
    const set = read({ '1_a.sql': text })
    expect([set.findings, set.migrations[0]?.transaction]).toEqual([[], { up, down }])
  })

  test.each<[string, string, [string, number | undefined][]]>([
    ['no marker at all', 'SELECT 1;', [['marker-unclear', 1]]],
    ['no up section', '-- migrate:down\nSELECT 1;', [['marker-unclear', 1]]],
    ['no down section', '-- migrate:up\nSELECT 1;', [['rollback-missing', undefined]]],
    ['an empty down section', '-- migrate:up\nSELECT 1;\n-- migrate:down\n', [['rollback-empty', 3]]],
    ['the down section first', '-- migrate:down\nSELECT 1;\n-- migrate:up\nSELECT 1;', [['marker-unclear', 1]]],
    ['a statement in front', `-- x\n\nSELECT 1;\n${sound}`, [['marker-unclear', 3]]],
    ['a block comment in front', `/* x */\n${sound}`, [['marker-unclear', 1]]],
    ['a second up section', `${sound}-- migrate:up\nSELECT 1;`, [['marker-unclear', 6]]],
    ['a second down section', `${sound}-- migrate:down\nSELECT 1;`, [['marker-unclear', 6]]],
    ['an unknown option', sound.replace('up\n', 'up tx:false\n'), [['marker-unclear', 1]]],
    ['an unknown value', sound.replace('down\n', 'down transaction:False\n'), [['marker-unclear', 4]]],
    ['two options', sound.replace('up\n', 'up transaction:true transaction:false\n'), [['marker-unclear', 1]]],
    ['a word behind the marker', sound.replace('down\n', 'down the table\n'), [['marker-unclear', 4]]],
    ['a space behind the colon', sound.replace('-- migrate:up', '--migrate: up'), [['marker-unclear', 1]]],
    ['an indented marker', sound.replace('-- migrate:down', ' -- migrate:down'), [['marker-unclear', 4]]],
    ['capitals', sound.replace('migrate:up', 'Migrate:Up'), [['marker-unclear', 1]]],
    ['a third dash', sound.replace('-- migrate:down', '--- migrate:down'), [['marker-unclear', 4]]],
    ['more behind a dash', sound.replace('migrate:down', 'migrate:down-section'), [['marker-unclear', 4]]],
    ['a block comment as marker', sound.replace('-- migrate:down', '/* migrate:down */'), [['marker-unclear', 4]]],
    ['a marker behind a statement', sound.replace('\n\n-- mi', ' -- mi'), [['marker-unclear', 2]]],
    ['a no-break space', sound.replace('-- migrate:down', '--\u00A0migrate:down'), [['marker-unclear', 4]]],
    ['a marker behind a lone CR', sound.replace('\n-- migrate:down', '\r-- migrate:down'), [['marker-unclear', 3]]],
    [
      'a marker inside a quote',
      "-- migrate:up\nSELECT '\n-- migrate:down\n';",
      [
        ['source-unreadable', 2],
        ['source-unreadable', 4],
      ],
    ],
    [
      'a down script that touches dbmate’s table',
      `${sound}DELETE FROM schema_migrations;`,
      [['rollback-touches-history', 6]],
    ],
  ])('with %s is refused by line', (_, text, expected) => {
    const { findings } = read({ '1_a.sql': text }, 'dbmate')
    expect(findings.map(({ code, line }) => [code, line])).toEqual(expected)
    for (const { file, version, fix, message } of findings) {
      expect([file, version, fix.length > 4, message.includes('\n')]).toEqual(['1_a.sql', '1', true, false])
    }
  })

  test('with the down section first gives no migration', () =>
    expect(read({ '1_a.sql': '-- migrate:down\nSELECT 1;\n-- migrate:up\n' }).migrations).toEqual([]))

  test('tells what to write, and shows what the eye would miss', () => {
    const missing = read({ '3_x.sql': '-- migrate:up\nSELECT 1;' }).findings[0]?.fix
    expect(missing).toContain('add a section `-- migrate:down` to 3_x.sql')
    const { message } = read({ '1_a.sql': sound.replace('-- migrate:d', '--\u00A0migrate:d') }).findings[0] ?? {}
    expect(message).toContain('`--\\u{a0}migrate:down`')
  })
})

describe('a dbmate folder', () => {
  test.each<[string, string[], (string | undefined)[][]]>([
    ['padded numbers', ['09_a.sql', '10_b.sql'], []],
    ['two files of one version', ['1_a.sql', '01_b.sql'], [['version-duplicate', '01_b.sql', undefined]]],
    [
      'a number of 201 digits',
      ['1_a.sql', `${'1'.repeat(201)}_b.sql`],
      [['version-invalid', `${'1'.repeat(201)}_b.sql`, undefined]],
    ],
    ['a name without number', ['1_a.sql', 'b.sql'], [['version-invalid', 'b.sql', undefined]]],
    ['a suffix in capitals', ['1_a.sql', '2_b.SQL'], [['version-invalid', '2_b.SQL', undefined]]],
  ])('with %s', (_, names, expected) =>
    expect(places(Object.fromEntries(names.map((name) => [name, sound])))).toEqual(expected),
  )

  test.each([
    ['9_a.sql', '10_b.sql', 'rename 9_a.sql to 09_a.sql'],
    ['1_a.sql', '10_b.sql', 'rename 1_a.sql to 01_a.sql'],
    ['2_a.sql', '000003_b.sql', 'rename 2_a.sql to 000002_a.sql'],
  ])('where %s and %s have another order by name is refused, with the cure', (lower, higher, fix) => {
    const [finding, ...others] = read({ [lower]: sound, [higher]: sound }).findings
    expect(others).toEqual([])
    expect(finding).toMatchObject({ code: 'version-invalid', severity: 'error', file: higher, fix })
    expect(finding?.message).toMatch(new RegExp(`${lower} .*${higher}`))
  })

  test('read again is what was printed', () => {
    const line = fc.oneof(
      fc.constantFrom('', '-- a comment', 'SELECT 1;', '  AS $$ BEGIN x; END $$;'),
      fc.string({ unit: 'grapheme' }).filter((text) => !/--|\/\*|[\r\n\0\uFEFF]/.test(text)),
    )
    const printed = fc
      .record({
        number: fc.bigInt(0n, 10n ** 14n - 1n),
        name: fc.stringMatching(/^[a-z]{1,6}(_[a-z0-9]{1,4})?$/),
        up: fc.array(line),
        down: fc.option(fc.array(line)),
        eol: fc.constantFrom('\n', '\r\n'),
        bom: fc.constantFrom('', '\uFEFF'),
      })
      .map(({ number, name, up, down, eol, bom }) => {
        const file = `${String(number).padStart(14, '0')}_${name}.sql`
        const upText = ['-- migrate:up', ...up, ''].join(eol)
        const downText = down && ['-- migrate:down', ...down, ''].join(eol)
        const script = (line: number, text: string) => ({ file, line, text, checksum: checksumOf(text) })
        const scripts = [script(1, upText), downText ? script(upText.split('\n').length, downText) : undefined]
        return {
          number,
          file,
          bytes: Buffer.from(bom + upText + (downText ?? '')),
          is: [`${number} ${name}`, ...scripts],
        }
      })
    fc.assert(
      fc.property(fc.uniqueArray(printed, { selector: ({ number }) => number, minLength: 1 }), (folder) => {
        const set = read(Object.fromEntries(folder.map(({ file, bytes }) => [file, bytes])))
        expect(set.migrations.map(({ version, name, up, down }) => [`${version} ${name}`, up, down])).toEqual(
          folder.sort((a, b) => (a.file < b.file ? -1 : 1)).map(({ is }) => is),
        )
      }),
    )
  })

  test('is read from the example set and from what `new` writes', () => {
    const set = read(exampleSets.dbmate)
    expect([set.format, set.findings, set.migrations.length]).toEqual(['dbmate', [], 5])
    const files = dbmate.scaffold('41', 'Add email').map(({ name, content }) => [name, content])
    expect(places(Object.fromEntries(files))).toEqual([['rollback-empty', '000042_add_email.sql', 4]])
  })
})
