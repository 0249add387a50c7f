import { describe, expect, test } from 'vitest'
import { readMigrations } from '../../src/migration/read.ts'

const one = 'SELECT 1;'
const read = (files: Record<string, string>) =>
  readMigrations(
    Object.entries({ 'V1__a.sql': one, 'U1__a.sql': one, ...files }).map(([name, content]) => ({ name, content })),
  )
const withConf = (conf: string) => read({ 'V1__a.sql.conf': conf })

describe('a .sql.conf', () => {
  test.each([
    ['executeInTransaction=false', 'none'],
    ['executeInTransaction=true', 'required'],
    ['\uFEFF# why\r\n! and why\r\n\r\n  executeInTransaction = false  \r\n', 'none'],
    ['executeInTransaction: false', 'none'],
    ['executeInTransaction false', 'none'],
    ['shouldExecute=true\nencoding=UTF-8\nplaceholderReplacement=true', 'required'],
    ['encoding=utf8', 'required'],
    ['', 'required'],
  ])('%j makes the mode %s', (conf, mode) => {
    const { migrations, findings } = withConf(conf)
    expect([migrations[0]?.transaction, findings]).toEqual([{ up: mode, down: 'required' }, []])
  })

  test('is for its own script only: of a V, a U, an R, a B or a callback', () => {
    const conf = 'executeInTransaction=false'
    const of = (name: string) =>
      read({ 'R__r.sql': one, 'B1__b.sql': one, 'afterMigrate.sql': one, [`${name}.conf`]: conf })
    const modes = (name: string) => {
      const { migrations, baselines, callbacks } = of(name)
      const [versioned, repeatable] = migrations
      return [
        versioned?.transaction.up,
        versioned?.transaction.down,
        repeatable?.transaction.up,
        baselines?.[0]?.transaction.up,
        callbacks?.[0]?.transaction,
      ].map((mode) => mode === 'none')
    }
    const names = ['V1__a.sql', 'U1__a.sql', 'R__r.sql', 'B1__b.sql', 'afterMigrate.sql']
    expect(names.map(modes)).toEqual(names.map((_, i) => names.map((_, j) => i === j)))
  })

  test('in a subfolder is for the script beside it', () => {
    const files = { 'sub/V2__b.sql': one, 'sub/U2__b.sql': one, 'sub/V2__b.sql.conf': 'executeInTransaction=false' }
    const { migrations, findings } = read(files)
    expect([migrations[1]?.transaction.up, findings]).toEqual(['none', []])
  })

  test.each([
    ['executeInTransaction=no', 1, 'sets executeInTransaction to "no"', 'executeInTransaction=true or'],
    ['executeInTransaction=True', 1, 'to "True"', 'executeInTransaction=true or'],
    ['executeInTransaction', 1, 'to ""', 'executeInTransaction=true or'],
    ['placeholderReplacement=off', 1, 'to "off"', 'placeholderReplacement=true or'],
    ['# a\nencoding=ISO-8859-1', 2, 'the encoding ISO-8859-1', 'save the script as UTF-8'],
    ['shouldExecute=false', 1, 'depend on "false"', 'remove the line'],
    ['shouldExecute=a==b', 1, 'depend on "a==b"', 'remove the line'],
    [`shouldExecute=\${env}==prod`, 1, `\${…}`, 'write the value'],
    [`executeInTransaction=\${TX}`, 1, `\${…}`, 'write the value'],
    ['executeInTransaction=\\\nfalse', 1, 'continued lines', 'write one line'],
    [
      '\n\nexecuteInTransactions=false',
      3,
      'sets executeInTransactions, which is no setting',
      'keep executeInTransaction,',
    ],
    ['flyway.executeInTransaction=false', 1, 'which is no setting', 'keep executeInTransaction,'],
    ['=false', 1, 'sets nothing', 'keep executeInTransaction,'],
    ['encoding=UTF-8\nencoding=UTF-8', 2, 'a second time', 'keep one'],
  ])('%j is refused in line %i', (conf, line, what, fix) => {
    const [finding] = withConf(conf).findings
    expect(finding).toMatchObject({
      code: 'marker-unclear',
      severity: 'error',
      version: '1',
      file: 'V1__a.sql.conf',
      line,
    })
    expect(finding?.message).toContain(what)
    expect(finding?.fix).toContain(fix)
  })

  test.each(['V2__b.sql.conf', 'V1__a.SQL.conf', 'V1__a.sql.CONF', 'sub/V1__a.sql.conf'])(
    'without its script is a finding: %s',
    (file) =>
      expect(read({ [file]: '' }).findings).toMatchObject([
        { code: 'marker-unclear', severity: 'error', file, line: 1 },
      ]),
  )

  test('that two ConfigMaps hold is a finding', () => {
    const names = ['V1__a.sql', 'U1__a.sql', 'V1__a.sql.conf', 'V1__a.sql.conf']
    const { findings } = readMigrations(names.map((name, i) => ({ name, content: name.endsWith('f') ? `#${i}` : one })))
    expect(findings).toMatchObject([{ code: 'marker-unclear', file: 'V1__a.sql.conf' }])
  })
})
