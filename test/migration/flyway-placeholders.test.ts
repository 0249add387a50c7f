import { describe, expect, test } from 'vitest'
import { checksumOf } from '../../src/migration/checksum.ts'
import { readMigrations } from '../../src/migration/read.ts'

const read = (files: Record<string, string>, placeholders: Record<string, string> = {}) =>
  readMigrations(
    Object.entries(files).map(([name, content]) => ({ name, content })),
    { placeholders },
  )
/** The V script that is sent for a text, and what was found. */
function sent(text: string, placeholders: Record<string, string> = {}) {
  const { migrations, findings } = read({ 'V1__a.sql': text, 'U1__a.sql': 'SELECT 1;' }, placeholders)
  return { text: migrations[0]?.up.text, findings }
}

describe('a placeholder', () => {
  const values = { schema: 'shop', Owner: 'app', empty: '', nested: `\${schema}` }
  test.each([
    [`CREATE TABLE \${schema}.a ();`, 'CREATE TABLE shop.a ();'],
    [`SELECT \${SCHEMA}, \${owner};`, 'SELECT shop, app;'],
    [`SELECT '\${schema}'; -- \${schema} /* \${schema} */`, `SELECT 'shop'; -- shop /* shop */`],
    [`DO $x$ BEGIN RAISE '\${schema}'; END $x$;`, `DO $x$ BEGIN RAISE 'shop'; END $x$;`],
    [`SELECT 1\${empty};`, 'SELECT 1;'],
    [`SELECT '\${nested}';`, `SELECT '\${schema}';`],
    [`SELECT '\${flyway:filename} \${FLYWAY:fileName}';`, `SELECT 'V1__a.sql V1__a.sql';`],
    [`SELECT $$\${schema}$$;`, 'SELECT $$shop$$;'],
    ["SELECT '$schema', '{schema}', '$ {schema}';", "SELECT '$schema', '{schema}', '$ {schema}';"],
  ])('in %s is replaced', (text, expected) => expect(sent(text, values)).toEqual({ text: expected, findings: [] }))

  test('behind one more $ is text, as Flyway has it', () => {
    const text = `INSERT INTO a VALUES ($\${"b": "\${schema}"}$$::jsonb);`
    expect(sent(text, values)).toEqual({ text: text.replace(`"\${schema}"`, '"shop"'), findings: [] })
  })

  test.each<[string, string, Record<string, string>, number, string, string]>([
    [
      'is unknown',
      `SELECT 1;\nSELECT \${schema};`,
      {},
      2,
      `\${schema}, a placeholder without`,
      '--placeholder schema=VALUE',
    ],
    [
      'has no name',
      `SELECT \${};`,
      {},
      1,
      `\${}, a placeholder without`,
      'placeholderReplacement=false in V1__a.sql.conf',
    ],
    ['is given twice', `SELECT \${a};`, { a: '1', A: '2' }, 1, 'given as a and as A', 'give it once'],
    ['has a value of two lines', `\nSELECT \${a};`, { a: '1\n2' }, 2, 'has a line break', 'a value of one line'],
    ['has a value with a CR', `SELECT \${a};`, { a: '1\r2' }, 1, 'has a line break', 'a value of one line'],
    ['has another inside', `SELECT \${a\${b};`, { b: '1' }, 1, `\${a\${b}, a placeholder without`, 'give it a value'],
    ['is never closed', `SELECT 1;\nSELECT \${a;`, { a: '1' }, 2, 'without a }', 'close it'],
    ['is known but hidden', `SELECT $\${a}$$;`, { a: '1' }, 1, 'hides it from Flyway', `write $ \${a} for the value`],
  ])('that %s is refused', (_, text, placeholders, line, what, fix) => {
    const { findings, text: kept } = sent(text, placeholders)
    expect(findings).toMatchObject([{ code: 'source-unreadable', version: '1', file: 'V1__a.sql', line }])
    expect(findings[0]?.message).toContain(what)
    expect(findings[0]?.fix).toContain(fix)
    expect(kept).toBe(text)
  })

  test.each(['defaultSchema', 'schemas', 'user', 'database', 'timestamp', 'workingDirectory', 'table', 'environment'])(
    'flyway:%s is refused unless it is given a value',
    (name) => {
      const text = `SELECT '\${flyway:${name}}';`
      const { findings } = sent(text)
      expect(findings).toMatchObject([{ code: 'source-unreadable', file: 'V1__a.sql', line: 1 }])
      expect(findings[0]?.message).toMatch(/what runs would not be what was admitted$/)
      expect(findings[0]?.fix).toContain(`--placeholder flyway:${name}=VALUE`)
      expect(findings[0]?.fix).toContain('config.lockkeeper.dev/placeholders')
      expect(sent(text, { [`flyway:${name}`]: 'x' })).toEqual({ text: `SELECT 'x';`, findings: [] })
    },
  )

  test('that is missing in many places is one finding, at the first', () => {
    const { findings } = sent(`\n\${a} \${b}\n\${a}\n\${A}`)
    expect(findings.map(({ line, message }) => [line, message.includes(`\${a}`)])).toEqual([
      [2, true],
      [2, false],
      [4, false],
    ])
  })

  test('never shows its value', () => {
    const { findings } = sent(`\${a} $\${b}$$ \${c}`, { a: 'geheim\n', b: 'geheim', c: 'geheim', C: 'geheim' })
    expect(findings).toHaveLength(3)
    expect(JSON.stringify(findings)).not.toContain('geheim')
  })

  test('is not replaced where the conf says so', () => {
    const text = `SELECT '\${a} \${b';`
    const conf = { 'V1__a.sql.conf': 'placeholderReplacement=false' }
    const { migrations, findings } = read(
      { 'V1__a.sql': text, 'U1__a.sql': `SELECT '\${b}';`, ...conf },
      { a: '1', b: '2' },
    )
    expect([migrations[0]?.up.text, migrations[0]?.down?.text, findings]).toEqual([text, `SELECT '2';`, []])
  })
})

describe('a checksum', () => {
  const text = `SELECT '\${a}';`
  const files = { 'V1__a.sql': text, 'U1__a.sql': text, 'B1__a.sql': text, 'R__a.sql': text, 'afterMigrate.sql': text }
  test('is of the text as it stands in the file, but of what is sent for a repeatable', () => {
    const { migrations, baselines, callbacks, findings } = read(files, { a: 'x' })
    const [versioned, repeatable] = migrations
    const scripts = [versioned?.up, versioned?.down, baselines?.[0]?.up, callbacks?.[0]?.script, repeatable?.up]
    expect(findings).toEqual([])
    expect(scripts.map((script) => script?.text)).toEqual(Array(5).fill(`SELECT 'x';`))
    expect(scripts.map((script) => script?.checksum)).toEqual([
      ...Array(4).fill(checksumOf(text)),
      checksumOf(`SELECT 'x';`),
    ])
  })
})
