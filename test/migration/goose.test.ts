import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { checksumOf } from '../../src/migration/checksum.ts'
import { goose } from '../../src/migration/formats/goose.ts'
import { readMigrations } from '../../src/migration/read.ts'
import { exampleSets } from '../tools/example-sets.ts'

type Files = Readonly<Record<string, string | Uint8Array>>
const read = (files: Files, format?: 'goose') =>
  readMigrations(
    Object.entries(files).map(([name, content]) => ({ name, content })),
    format && { format },
  )
const sound = '-- +goose Up\nCREATE TABLE t (a int);\n\n-- +goose Down\nDROP TABLE t;\n'
const [begin, end] = ['-- +goose StatementBegin', '-- +goose StatementEnd']
const both = (up: string) => `-- +goose Up\n${up}\n-- +goose Down\nSELECT 1;\n`

describe('a goose file', () => {
  test('gives both scripts as slices of it, each with its first line', () => {
    const file = '00003_add_email.sql'
    const up = '-- about it\n-- +goose Up\nCREATE TABLE t (a int);\n\n'
    const down = '-- +goose Down\nDROP TABLE t;\n'
    const { format, migrations, findings } = read({ [file]: `-- about it\n${sound}` })
    expect([format, findings]).toEqual(['goose', []])
    expect(migrations).toEqual([
      {
        kind: 'versioned',
        version: '3',
        name: 'add_email',
        up: { file, line: 1, text: up, checksum: checksumOf(up) },
        down: { file, line: 5, text: down, checksum: checksumOf(down) },
        transaction: { up: 'required', down: 'required' },
      },
    ])
  })

  test('may have a BOM and CRLF, which change no checksum', () => {
    const bytes = Buffer.from(`\uFEFF${sound.replaceAll('\n', '\r\n')}`)
    const [plain, windows] = [sound, bytes].map((text) => read({ '1_a.sql': text }))
    expect(windows?.findings).toEqual([])
    expect(windows?.migrations[0]?.up.checksum).toBe(plain?.migrations[0]?.up.checksum)
    expect(windows?.migrations[0]?.down).toMatchObject({ line: 4, checksum: plain?.migrations[0]?.down?.checksum })
  })

  test.each<[string, string]>([
    ['annotations in any case', sound.replace('Up', 'UP').replace('Down', 'down')],
    ['annotations without spaces', sound.replaceAll('-- +goose ', '--+goose')],
    [
      'blocks',
      both(`${begin}\nDO $$\nBEGIN\nNULL;\nEND\n$$;\n${end}\n${begin}\nSELECT 1; SELECT 2;\n${end}\nSELECT 3;`),
    ],
    ['a block without `;` at the end of its section', both(`SELECT 1;\n${begin}\nSELECT 2\n${end}\n-- done`)],
    ['the `;` behind the block', both(`${begin}\nSELECT 2\n${end}\n;`)],
    ['`$$` without a block', both('DO $$\nBEGIN\nNULL;\nEND\n$$;')],
    ['a last statement without `;`', '-- +goose Up\nSELECT 1\n-- +goose Down\nSELECT 1'],
    ['ENVSUB OFF', both('-- +goose ENVSUB OFF\nSELECT 1;')],
    ['prose about goose', both('-- goose flies up\nSELECT 1;')],
  ])('with %s is accepted whole', (_, text) => {
    const set = read({ '1_a.sql': text })
    expect([set.format, set.findings]).toEqual(['goose', []])
    expect(set.migrations.map(({ up, down }) => up.text + down?.text)).toEqual([text])
  })

  test.each([
    ['in front', `-- +goose NO TRANSACTION\n${sound}`],
    ['in the up section', sound.replace('Up\n', 'Up\n-- +goose no transaction\n')],
    ['in the down section', `${sound}-- +goose NO TRANSACTION\n`],
  ])('with NO TRANSACTION %s runs both directions without one', (_, text) => {
    const set = read({ '1_a.sql': text })
    expect([set.findings, set.migrations[0]?.transaction]).toEqual([[], { up: 'none', down: 'none' }])
  })

  const unclear = (...lines: number[]): [string, number][] => lines.map((line) => ['marker-unclear', line])
  test.each<[string, string, [string, number | undefined][]]>([
    ['no annotation at all', 'SELECT 1;', unclear(1)],
    ['no Down', '-- +goose Up\nSELECT 1;', [['rollback-missing', undefined]]],
    ['an empty Down', '-- +goose Up\nSELECT 1;\n-- +goose Down\n-- nothing\n', [['rollback-empty', 3]]],
    ['Down in front of Up', '-- +goose Down\nSELECT 1;\n-- +goose Up\nSELECT 1;', unclear(1)],
    ['a second Up', `${sound}-- +goose Up\nSELECT 1;`, unclear(6)],
    ['a second Down', `${sound}-- +goose Down\nSELECT 1;`, unclear(6)],
    ['a statement in front of Up', `-- x\nSELECT 1;\n${sound}`, unclear(2)],
    ['a block comment in front of Up', `/* x */\n${sound}`, unclear(1)],
    ['a block in front of Up', `${begin}\n${end}\n${sound}`, unclear(1)],
    ['a block that never ends', both(`SELECT 1;\n${begin}\nSELECT 1;`), unclear(5)],
    ['a block that never ends, in Down', `${sound}${begin}\nSELECT 1;`, unclear(6)],
    ['a block in a block', both(`${begin}\n${begin}\nSELECT 1;\n${end}`), unclear(3)],
    ['an end without a block', both(`SELECT 1;\n${end}`), unclear(3)],
    ['a block whose statement runs on', both(`${begin}\nSELECT 1 -- ;\n${end}\nSELECT 2;`), unclear(4)],
    ['an unknown annotation', both('-- +goose Sideways\nSELECT 1;'), unclear(2)],
    ['an annotation of old releases', both('-- +goose ENVSUBST ON\nSELECT 1;'), unclear(2)],
    ['an empty annotation', both('-- +goose\nSELECT 1;'), unclear(2)],
    ['prose about +goose', both('-- see the manual of +goose\nSELECT 1;'), unclear(2)],
    ['two spaces in NO TRANSACTION', both('-- +goose NO  TRANSACTION\nSELECT 1;'), unclear(2)],
    ['ENVSUB ON', both('-- +goose ENVSUB ON\nSELECT 1;'), unclear(2)],
    ['an indented annotation', sound.replace('-- +goose Down', ' -- +goose Down'), unclear(4)],
    ['a capital G', sound.replace('-- +goose Down', '-- +Goose Down'), unclear(4)],
    ['no plus', sound.replace('-- +goose Down', '-- goose Down'), unclear(4)],
    ['a colon', sound.replace('-- +goose Down', '-- +goose: Down'), unclear(4)],
    ['a block comment as annotation', sound.replace('-- +goose Down', '/* +goose Down */'), unclear(4)],
    ['an annotation behind a statement', sound.replace('\n\n-- +goose', ' -- +goose'), unclear(2)],
    ['an annotation behind a lone CR', sound.replace('\n-- +goose Down', '\r-- +goose Down'), unclear(3)],
    ['an open quote', `${sound}SELECT 'x;`, [['source-unreadable', 6]]],
    [
      'a down script that touches goose’s table',
      `${sound}DELETE FROM goose_db_version;`,
      [['rollback-touches-history', 6]],
    ],
  ])('with %s is refused by line', (_, text, expected) => {
    const { findings } = read({ '1_a.sql': text }, 'goose')
    expect(findings.map(({ code, line }) => [code, line])).toEqual(expected)
    for (const { file, version, fix, message } of findings) {
      expect([file, version, fix.length > 4, message.includes('\n')]).toEqual(['1_a.sql', '1', true, false])
    }
  })

  test('tells what to write, and gives no migration with Down in front of Up', () => {
    const missing = read({ '3_x.sql': '-- +goose Up\nSELECT 1;' }).findings[0]?.fix
    expect(missing).toContain('add a section `-- +goose Down` to 3_x.sql')
    expect(read({ '1_a.sql': '-- +goose Down\nSELECT 1;\n-- +goose Up\n' }).migrations).toEqual([])
  })

  test.each([
    ['1_a.go', sound],
    ['1_a.sql', '-- see the manual of +goose'],
  ])('is not told by %s with %s', (name, text) => expect(goose.recognises({ name, text })).toBe(false))
})

describe('a goose folder', () => {
  test.each<[string, string[], (string | undefined)[][]]>([
    ['numbers of any width', ['9_a.sql', '10_b.sql', '20240101120000_c.sql'], []],
    ['two files of one version', ['1_a.sql', '01_b.sql'], [['version-duplicate', '01_b.sql']]],
    ['version 0', ['1_a.sql', '000_b.sql'], [['version-invalid', '000_b.sql']]],
    ['the highest version', ['9223372036854775807_a.sql'], []],
    [
      'a version above it',
      ['1_a.sql', '9223372036854775808_b.sql'],
      [['version-invalid', '9223372036854775808_b.sql']],
    ],
    ['a name without `_`', ['1_a.sql', '2.sql'], [['version-invalid', '2.sql']]],
    ['a migration in Go', ['1_a.sql', '2_b.go'], [['source-unreadable', '2_b.go']]],
    ['other files in Go', ['1_a.sql', '2_b_test.go', 'embed.go'], []],
  ])('with %s', (_, names, expected) =>
    expect(
      read(Object.fromEntries(names.map((name) => [name, sound]))).findings.map(({ code, file }) => [code, file]),
    ).toEqual(expected),
  )

  test('read again is what was printed', () => {
    const statement = fc
      .oneof(
        fc.constantFrom('SELECT 1;', '-- a comment', '', `${begin}\nDO $$\nBEGIN\n;\nEND $$;\n${end}`),
        fc.string({ unit: 'grapheme' }).map((text) => `SELECT '${text.replaceAll("'", "''")}';`),
      )
      .filter((text) => !/[\r\0\uFEFF]/.test(text))
    const printed = fc
      .record({
        number: fc.bigInt(1n, 2n ** 63n - 1n),
        name: fc.stringMatching(/^[a-z]{1,6}(_[a-z0-9]{1,4})?$/),
        up: fc.array(statement),
        down: fc.option(fc.array(statement)),
        eol: fc.constantFrom('\n', '\r\n'),
        bom: fc.constantFrom('', '\uFEFF'),
      })
      .map(({ number, name, up, down, eol, bom }) => {
        const file = `${number}_${name}.sql`
        const lines = (...parts: string[]) => `${parts.join('\n')}\n`.replaceAll('\n', eol)
        const upText = lines('-- +goose Up', ...up)
        const downText = down && lines('-- +goose Down', ...down)
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
        expect(set.findings.filter(({ code }) => !code.startsWith('rollback-'))).toEqual([])
        expect(set.migrations.map(({ version, name, up, down }) => [`${version} ${name}`, up, down])).toEqual(
          folder.sort((a, b) => (a.number < b.number ? -1 : 1)).map(({ is }) => is),
        )
      }),
    )
  })

  test('is read from the example set and from what `new` writes', () => {
    const set = read(exampleSets.goose)
    expect([set.format, set.findings, set.migrations.length]).toEqual(['goose', [], 5])
    const files = goose.scaffold('41', 'Add email').map(({ name, content }) => [name, content])
    const { findings } = read(Object.fromEntries(files))
    expect(findings.map(({ code, file, line }) => [code, file, line])).toEqual([
      ['rollback-empty', '000042_add_email.sql', 4],
    ])
  })
})
