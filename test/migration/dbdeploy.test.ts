import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { checksumOf } from '../../src/migration/checksum.ts'
import { dbdeploy } from '../../src/migration/formats/dbdeploy.ts'
import { dbmate } from '../../src/migration/formats/dbmate.ts'
import { goose } from '../../src/migration/formats/goose.ts'
import { readMigrations } from '../../src/migration/read.ts'
import { exampleSets } from '../tools/example-sets.ts'

type Files = Readonly<Record<string, string | Uint8Array>>
const read = (files: Files, format?: 'dbdeploy') =>
  readMigrations(
    Object.entries(files).map(([name, content]) => ({ name, content })),
    format && { format },
  )
const codes = (files: Files) => read(files).findings.map(({ code, file, line }) => [code, file, line])
const sound = 'CREATE TABLE t (a int);\n\n--//@UNDO\n\nDROP TABLE t;\n'

describe('a DBDeploy file', () => {
  test('gives both scripts as slices of it, each with its first line', () => {
    const file = '3 add email.sql'
    const up = '--// add email\n--//\nCREATE TABLE t (a int);\n\n'
    const down = '--//@UNDO\n\nDROP TABLE t;\n'
    const { format, migrations, findings } = read({ [file]: up + down })
    expect([format, findings]).toEqual(['dbdeploy', []])
    expect(migrations).toEqual([
      {
        kind: 'versioned',
        version: '3',
        name: 'add email',
        up: { file, line: 1, text: up, checksum: checksumOf(up) },
        down: { file, line: 5, text: down, checksum: checksumOf(down) },
        transaction: { up: 'required', down: 'required' },
      },
    ])
  })

  test('may have a BOM and CRLF, which change no checksum', () => {
    const bytes = Buffer.from(`\uFEFF${sound.replaceAll('\n', '\r\n')}`)
    const [plain, windows] = [sound, bytes].map((text) => read({ '1_a.sql': text }))
    expect([windows?.format, windows?.findings]).toEqual(['dbdeploy', []])
    expect(windows?.migrations[0]?.up.checksum).toBe(plain?.migrations[0]?.up.checksum)
    expect(windows?.migrations[0]?.down).toMatchObject({ line: 3, checksum: plain?.migrations[0]?.down?.checksum })
  })

  test.each([
    ['3 add email.sql', '3', 'add email'],
    ['003_add_email.sql', '3', 'add_email'],
    ['3add.email.ddl', '3', 'add.email'],
    ['3', '3', ''],
    ['3 no suffix', '3', 'no suffix'],
    ['1_x.up.sql', '1', 'x.up'],
  ])('named %s is version %s, name "%s"', (file, version, name) =>
    expect(read({ [file]: sound }, 'dbdeploy').migrations).toMatchObject([{ version, name }]),
  )

  test.each([
    ['spaces around the marker', sound.replace('--//@UNDO', '\t --//@UNDO  ')],
    ['a terminator of comments', sound.replace('\n\n--', '\n--//\n--')],
    ['prose about undoing', sound.replace('\n\n--', '\n-- undo is below, see @UNDO\n--')],
    ['lines that end in CR', sound.replaceAll('\n', '\r')],
  ])('with %s is accepted whole', (_, text) => {
    const set = read({ '1_a.sql': text })
    expect([set.format, set.findings]).toEqual(['dbdeploy', []])
    expect(set.migrations.map(({ up, down }) => up.text + down?.text)).toEqual([text])
  })

  const marked = (marker: string) => sound.replace('--//@UNDO', marker)
  test.each<[string, string, [string, number | undefined][]]>([
    ['no marker', 'SELECT 1;', [['rollback-missing', undefined]]],
    ['a marker and nothing behind it', 'SELECT 1;\n--//@UNDO\n', [['rollback-empty', 2]]],
    ['a second marker', `${sound}--//@UNDO\nSELECT 1;`, [['marker-unclear', 6]]],
    ['a space behind the dashes', marked('-- //@UNDO'), [['marker-unclear', 3]]],
    ['small letters', marked('--//@undo'), [['marker-unclear', 3]]],
    ['a space before @', marked('--// @UNDO'), [['marker-unclear', 3]]],
    ['a space behind @', marked('--//@ UNDO'), [['marker-unclear', 3]]],
    ['no slashes', marked('--@UNDO'), [['marker-unclear', 3]]],
    ['no @', marked('--//UNDO'), [['marker-unclear', 3]]],
    ['more on the line', marked('--//@UNDO the table'), [['marker-unclear', 3]]],
    ['a block comment as marker', marked('/* //@UNDO */'), [['marker-unclear', 3]]],
    ['a no-break space', marked('--//@UNDO\u00A0'), [['marker-unclear', 3]]],
    ['a marker behind a statement', sound.replace('\n\n--', ' --'), [['marker-unclear', 1]]],
    [
      'a near miss and a marker',
      marked('-- //@UNDO\n--//@UNDO'),
      [
        ['marker-unclear', 3],
        ['marker-unclear', 4],
      ],
    ],
    ['an open quote', `${sound}SELECT 'x;`, [['source-unreadable', 6]]],
    ['an undo that touches DBDeploy’s table', `${sound}DELETE FROM changelog;`, [['rollback-touches-history', 6]]],
  ])('with %s is refused by line', (_, text, expected) => {
    const { findings } = read({ '1_a.sql': text }, 'dbdeploy')
    expect(findings.map(({ code, line }) => [code, line])).toEqual(expected)
    for (const { file, version, fix, message } of findings) {
      expect([file, version, fix.length > 4, message.includes('\n')]).toEqual(['1_a.sql', '1', true, false])
    }
  })

  test('tells what to write, and ends its up script at the first of two markers', () => {
    const missing = read({ '3 x.sql': 'SELECT 1;' }).findings[0]?.fix
    expect(missing).toContain('add a line `--//@UNDO` and what undoes it to 3 x.sql')
    expect(read({ '1_a.sql': `${sound}--//@UNDO\n` }).migrations[0]?.down?.line).toBe(3)
  })
})

describe('a DBDeploy folder', () => {
  test.each<[string, string[], (string | undefined)[][]]>([
    ['numbers of any width', ['9_a.sql', '10 b.sql', '0.sql'], []],
    ['two files of one version', ['1_a.sql', '01 b.sql'], [['version-duplicate', '01 b.sql', undefined]]],
    [
      'a number above a long',
      ['1_a.sql', '9223372036854775808.sql'],
      [['version-invalid', '9223372036854775808.sql', undefined]],
    ],
    ['a name without number', ['1_a.sql', 'b.sql'], [['version-invalid', 'b.sql', undefined]]],
  ])('with %s', (_, names, expected) =>
    expect(codes(Object.fromEntries(names.map((name) => [name, sound])))).toEqual(expected),
  )

  test('read again is what was printed', () => {
    const line = fc.oneof(
      fc.constantFrom('', '--//', 'SELECT 1;', '  AS $$ BEGIN x; END $$;'),
      fc.string({ unit: 'grapheme' }).filter((text) => !/--|\/\*|[\r\n\0\uFEFF]/.test(text)),
    )
    const printed = fc
      .record({
        number: fc.bigInt(0n, 2n ** 63n - 1n),
        name: fc.stringMatching(/^[a-z]{1,6}( [a-z0-9]{1,4})?$/),
        up: fc.array(line),
        down: fc.option(fc.array(line)),
        eol: fc.constantFrom('\n', '\r\n'),
        bom: fc.constantFrom('', '\uFEFF'),
      })
      .map(({ number, name, up, down, eol, bom }) => {
        const file = `${number} ${name}.sql`
        const upText = ['-- change', ...up, ''].join(eol)
        const downText = down && ['--//@UNDO', ...down, ''].join(eol)
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
          folder.sort((a, b) => (a.number < b.number ? -1 : 1)).map(({ is }) => is),
        )
      }),
    )
  })

  test('is read from the example set and from what `new` writes', () => {
    const set = read(exampleSets.dbdeploy)
    expect([set.format, set.findings, set.migrations.length]).toEqual(['dbdeploy', [], 5])
    const files = dbdeploy.scaffold('41', 'Add email').map(({ name, content }) => [name, content])
    expect(codes(Object.fromEntries(files))).toEqual([['rollback-empty', '000042_add_email.sql', 3]])
  })
})

describe('whose a file is', () => {
  const markers = { dbdeploy: '--//@UNDO', dbmate: '-- migrate:up', goose: '-- +goose Up' }
  const near = { dbdeploy: '-- //@UNDO', dbmate: '--migrate: up', goose: ' -- +goose Up' }
  const three = [dbdeploy, dbmate, goose]
  const takers = (name: string, text: string) =>
    three.filter((each) => each.recognises({ name, text })).map((each) => each.name)

  test.each(three.map((format) => [format.name as keyof typeof markers, format] as const))('%s', (name, format) => {
    expect(takers('1_a.sql', `SELECT 1;\n${markers[name]}\n`)).toEqual([name])
    expect(takers('1_a.sql', near[name])).toEqual([name])
    expect(takers('3 add email.sql', '')).toEqual(['dbdeploy'])
    for (const other of ['V1__a.sql', 'a.sql', 'sub/1_a.sql', 'README.md']) {
      expect([takers(other, markers[name]), format.owns(other)]).toEqual([[], false])
    }
    // golang-migrate takes such a name: only what the tool itself reads makes it ambiguous, and then it is said.
    expect([takers('1_a.up.sql', 'SELECT 1;'), takers('1_a.up.sql', near[name])]).toEqual([[], []])
    expect(read({ '1_a.up.sql': markers[name] }).findings).toMatchObject([
      { code: 'source-unreadable', message: `1_a.up.sql is written for golang-migrate and 1_a.up.sql for ${name}` },
    ])
  })

  const sets = Object.entries(exampleSets)
  test.each(
    sets.flatMap(([one, its], i) =>
      sets.slice(i + 1).map(([other, others]) => [one, other, { ...its, ...others }] as const),
    ),
  )('is not told in a folder of %s and %s', (one, other, files) => {
    const [finding, ...more] = read(files).findings
    expect([finding?.code, more]).toEqual(['source-unreadable', []])
    expect(finding?.message).toMatch(new RegExp(`written for ${one} and .* for ${other}$`))
  })
})
