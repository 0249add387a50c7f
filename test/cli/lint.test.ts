import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { lockkeeper, withFolder } from '../tools/program.ts'

const inMigrations = (files: Readonly<Record<string, string>>) =>
  Object.fromEntries(Object.entries(files).map(([name, text]) => [`migrations/${name}`, text]))

/** A release that nothing is to be said of. */
const sound = { '1_open.up.sql': 'CREATE VIEW a AS SELECT 1 AS id;\n', '1_open.down.sql': 'DROP VIEW a;\n' }
const broken = {
  ...sound,
  '2_x.up.sql': 'SELECT 1;\nCOMMIT;\nSELECT 2;\n',
  '3_y.up.sql': 'SELECT 1;',
  '3_y.down.sql': '',
}
const unsafe = {
  ...sound,
  '2_note.up.sql':
    "ALTER TABLE orders\n  ADD COLUMN a int,\n  ALTER COLUMN note SET NOT NULL;\nUPDATE orders SET note = '%';\n",
  '2_note.down.sql': 'ALTER TABLE orders DROP COLUMN a, ALTER note DROP NOT NULL;\n',
}

describe('lint', () => {
  test('of sound files says so', () =>
    withFolder(inMigrations(sound), async (cwd) => {
      expect(await lockkeeper(['lint'], { cwd })).toEqual({ code: 0, stdout: '1 migration, no finding\n', stderr: '' })
    }))

  test('names what is in the folder and is no migration', () =>
    withFolder(inMigrations({ ...sound, 'README.md': '', 'old/1_open.up.sql': '' }), async (cwd) => {
      const stderr = 'no migrations, passed over: README.md, old/1_open.up.sql\n'
      expect(await lockkeeper(['lint'], { cwd })).toEqual({ code: 0, stdout: '1 migration, no finding\n', stderr })
    }))

  test('names file, line, code and cure of each finding about the files, and ends with 1', () =>
    withFolder(inMigrations(broken), async (cwd) => {
      const { code, stdout } = await lockkeeper(['lint'], { cwd })
      expect(code).toBe(1)
      expect(stdout).toBe(
        [
          'error[rollback-missing]',
          '  --> 2_x.up.sql',
          '   = has no down script',
          '  fix: write 2_x.down.sql (lockkeeper lint shows what it must undo)',
          '',
          'error[transaction-control]',
          '  --> 2_x.up.sql:2',
          '   |',
          ' 2 | COMMIT;',
          '   | ^ has COMMIT inside the script',
          '  fix: remove it: Lockkeeper opens one transaction around each script and commits it with the history',
          '',
          'error[rollback-empty]',
          '  --> 3_y.down.sql:1',
          '   = holds no statement, so it would undo nothing',
          '  fix: write what undoes the up script into 3_y.down.sql, or declare the up script irreversible',
          '',
          '3 errors, 0 warnings in 2 files (3 migrations)',
          '',
        ].join('\n'),
      )
    }))

  test('names the SQL that locks clients out or loses data, with the statements to write instead; warnings end with 0', () =>
    withFolder(inMigrations(unsafe), async (cwd) => {
      const { code, stdout } = await lockkeeper(['lint'], { cwd })
      expect(code).toBe(0)
      expect(stdout.split('\n').filter((line) => /^\w+\[|^ +-->|^ +fix|^ \d+ \|/.test(line))).toEqual([
        'warning[not-null-scans-table]',
        '  --> 2_note.up.sql:3',
        ' 3 |   ALTER COLUMN note SET NOT NULL;',
        expect.stringContaining(
          'ALTER TABLE orders ADD CONSTRAINT orders_note_not_null CHECK (note IS NOT NULL) NOT VALID;',
        ),
        'warning[update-touches-all-rows]',
        '  --> 2_note.up.sql:4',
        " 4 | UPDATE orders SET note = '%';",
        expect.stringContaining("UPDATE orders SET note = '%' WHERE orders.ctid = ANY"),
        'warning[rollback-data-gone]',
        '  --> 2_note.up.sql:4',
        " 4 | UPDATE orders SET note = '%';",
        expect.stringContaining('irreversible REASON'),
        'warning[rollback-data-loss]',
        '  --> 2_note.down.sql:1',
        ' 1 | ALTER TABLE orders DROP COLUMN a, ALTER note DROP NOT NULL;',
        expect.stringContaining('CREATE TABLE orders_a_kept AS TABLE orders;'),
      ])
      expect(stdout.split('\n').at(-2)).toBe('0 errors, 4 warnings in 2 files (2 migrations)')
    }))

  test('prints JSON, GitHub’s workflow commands and SARIF, with the path of each file', () =>
    withFolder(inMigrations({ ...unsafe, ...broken, '2_x.up.sql': '' }), async (cwd) => {
      const json = JSON.parse((await lockkeeper(['lint', '-o', 'json'], { cwd })).stdout)
      expect(json).toContainEqual({
        code: 'rollback-empty',
        severity: 'error',
        version: '3',
        file: '3_y.down.sql',
        line: 1,
        message: '3_y.down.sql holds no statement, so it would undo nothing',
        fix: 'write what undoes the up script into 3_y.down.sql, or declare the up script irreversible',
      })
      const github = (await lockkeeper(['lint', '-o', 'github'], { cwd })).stdout
      expect(github).toContain('::error file=migrations/3_y.down.sql,line=1,title=rollback-empty::')
    }))

  test('carries the findings about the SQL into every output', () =>
    withFolder(inMigrations(unsafe), async (cwd) => {
      const json = JSON.parse((await lockkeeper(['lint', '-o', 'json'], { cwd })).stdout)
      expect(json[0]).toMatchObject({ code: 'not-null-scans-table', severity: 'warning', version: '2', line: 3 })
      const github = (await lockkeeper(['lint', '-o', 'github'], { cwd })).stdout
      expect(github).toContain('::warning file=migrations/2_note.up.sql,line=3,title=not-null-scans-table::')
      expect(github).toContain("SET note = '%25' WHERE")
      const sarif = JSON.parse((await lockkeeper(['lint', '-o', 'sarif'], { cwd })).stdout)
      expect(sarif.runs[0].results).toHaveLength(4)
      expect(sarif.runs[0].results[0]).toMatchObject({
        ruleId: 'not-null-scans-table',
        level: 'warning',
        locations: [
          { physicalLocation: { artifactLocation: { uri: 'migrations/2_note.up.sql' }, region: { startLine: 3 } } },
        ],
      })
      expect(sarif.runs[0].tool.driver.rules).toContainEqual({ id: 'not-null-scans-table' })
    }))

  test('--since leaves out what is older; a ConfigMap manifest is read like a folder', () =>
    withFolder(inMigrations({ ...broken, '3_y.down.sql': 'SELECT 1;' }), async (cwd) => {
      expect((await lockkeeper(['lint', '--since', '2'], { cwd })).stdout).toBe('3 migrations, no finding\n')
      const manifest = JSON.stringify({ kind: 'ConfigMap', data: sound })
      await withFolder({ 'map.yaml': manifest }, async (folder) => {
        expect((await lockkeeper(['lint', '-m', 'map.yaml'], { cwd: folder })).stdout).toBe('1 migration, no finding\n')
      })
    }))

  test('--since takes what is newer as one release, whose tables are empty until its end', () =>
    withFolder(
      inMigrations({
        '1_t.up.sql': 'CREATE TABLE t (a int);',
        '1_t.down.sql': 'DROP TABLE t;',
        '2_i.up.sql': 'CREATE INDEX i ON t (a);',
        '2_i.down.sql': 'DROP INDEX CONCURRENTLY i;',
      }),
      async (cwd) => {
        expect((await lockkeeper(['lint'], { cwd })).stdout).toContain('index-blocks-writes')
        expect((await lockkeeper(['lint', '--since', '0'], { cwd })).stdout).not.toContain('index-blocks-writes')
      },
    ))

  test('--server-version changes what is found and what is advised', () =>
    withFolder(
      inMigrations({
        '1_x.up.sql': 'ALTER TABLE t ALTER a SET NOT NULL, ALTER b SET EXPRESSION AS (a + 1);',
        '1_x.down.sql': 'ALTER TABLE t ALTER a DROP NOT NULL;',
      }),
      async (cwd) => {
        const old = (await lockkeeper(['lint', '--server-version', '16'], { cwd })).stdout
        const now = (await lockkeeper(['lint', '--server-version', '18.1'], { cwd })).stdout
        expect(old).toContain('CHECK (a IS NOT NULL) NOT VALID')
        expect(now).toContain('NOT NULL a NOT VALID')
      },
    ))

  test.each([
    ['a folder that is not there', ['-m', 'nowhere'], 'cannot be read'],
    ['a version that is none', ['--since', 'x'], '--since is "x"'],
    ['a server that is too old', ['--server-version', '9.6'], '--server-version is "9.6"'],
  ])('with %s ends with 2 and a cure', (_, args, message) =>
    withFolder(inMigrations(sound), async (cwd) => {
      const { code, stderr, stdout } = await lockkeeper(['lint', ...args], { cwd })
      expect([code, stdout]).toEqual([2, ''])
      expect(stderr).toContain(message)
      expect(stderr).toContain('fix: ')
    }),
  )

  test.each([
    ['no file', { 'migrations/.keep': '' }, 'there is no migration file'],
    ['no file of any format', { 'migrations/readme.txt': 'x' }, 'none of 1 files is named as a migration'],
    [
      'two files of one version',
      { 'migrations/1_a.up.sql': '', 'migrations/01_b.up.sql': '', 'migrations/1_a.down.sql': 'SELECT 1;' },
      'are both version 1',
    ],
    [
      'a down script alone',
      { 'migrations/1_a.up.sql': '', 'migrations/1_a.down.sql': 'SELECT 1;', 'migrations/2_a.down.sql': 'SELECT 1;' },
      'has no up script',
    ],
  ])('with %s ends with 1 and names it', (_, files, message) =>
    withFolder(files, async (cwd) => {
      const { code, stdout } = await lockkeeper(['lint'], { cwd })
      expect(code).toBe(1)
      expect(stdout).toContain(message)
    }),
  )
})

describe('lint --fix', () => {
  const index = '-- The list of open orders asks for it.\r\nCREATE INDEX i\r\n  ON t (a); -- all\r\n'
  const key = 'ALTER TABLE a ADD FOREIGN KEY (b)\n  REFERENCES b; -- each\n'

  test('writes the newest migration anew, and touches nothing else in the file', () =>
    withFolder(
      inMigrations({
        '1_i.up.sql': index,
        '1_i.down.sql': 'DROP INDEX i;',
        '2_i.up.sql': `\uFEFF${index}`,
        '2_i.down.sql': 'DROP INDEX i;',
      }),
      async (cwd) => {
        const { stderr, stdout } = await lockkeeper(['lint', '--fix'], { cwd })
        expect(stderr).toContain('2_i.up.sql written anew: index-blocks-writes')
        expect(stderr).toContain('1 in older migrations left as they are')
        expect(stdout).not.toContain('--> 2_i.up.sql:2\n')
        expect(await readFile(join(cwd, 'migrations/1_i.up.sql'), 'utf8')).toBe(index)
        expect(await readFile(join(cwd, 'migrations/2_i.up.sql'), 'utf8')).toBe(
          `\uFEFF${index.replace('INDEX', 'INDEX CONCURRENTLY')}`,
        )
      },
    ))

  test('adds a constraint NOT VALID and validates it in a transaction of its own, for all above --since', () =>
    withFolder(
      inMigrations({
        '1_k.up.sql': key,
        '1_k.down.sql': 'ALTER TABLE a DROP CONSTRAINT a_b_fkey;\n',
        '2_c.up.sql': 'ALTER TABLE a ADD CONSTRAINT c CHECK (b > 0)',
        '2_c.down.sql': 'ALTER TABLE a DROP CONSTRAINT c;\n',
      }),
      async (cwd) => {
        const { stdout } = await lockkeeper(['lint', '--fix', '--since', '0'], { cwd })
        expect(await readFile(join(cwd, 'migrations/1_k.up.sql'), 'utf8')).toBe(
          '-- lockkeeper: no-transaction\nALTER TABLE a ADD CONSTRAINT a_b_fkey FOREIGN KEY (b)\n  REFERENCES b NOT VALID;\nALTER TABLE a VALIDATE CONSTRAINT a_b_fkey; -- each\n',
        )
        expect(await readFile(join(cwd, 'migrations/2_c.up.sql'), 'utf8')).toBe(
          '-- lockkeeper: no-transaction\nALTER TABLE a ADD CONSTRAINT c CHECK (b > 0) NOT VALID;\nALTER TABLE a VALIDATE CONSTRAINT c',
        )
        expect(stdout).toBe('2 migrations, no finding\n')
      },
    ))

  test.each([
    ['several statements', 'golang-migrate', { '1_i.up.sql': `${index}SELECT 1;` }],
    ['a transaction of its own', 'golang-migrate', { '1_i.up.sql': `BEGIN;\n${index}COMMIT;` }],
    [
      'an allowance',
      'golang-migrate',
      { '1_i.up.sql': '-- lockkeeper: allow index-blocks-writes small\nCREATE INDEX i ON t (a);' },
    ],
    ['two actions', 'golang-migrate', { '1_i.up.sql': 'ALTER TABLE a ADD FOREIGN KEY (b) REFERENCES b, ADD c int;' }],
    [
      'both directions in one file',
      'dbmate',
      { '1_i.sql': '-- migrate:up\nCREATE INDEX i ON t (a);\n-- migrate:down\nDROP INDEX i;\n' },
    ],
    ['placeholders', 'flyway', { 'V1__i.sql': `CREATE INDEX i ON \${t} (a);` }],
  ])('leaves a file with %s as it is', (_, format, files: Readonly<Record<string, string>>) =>
    withFolder(inMigrations(files), async (cwd) => {
      await lockkeeper(['lint', '--fix', '--format', format, '--placeholder', 't=t'], { cwd })
      for (const [name, text] of Object.entries(files)) {
        expect(await readFile(join(cwd, 'migrations', name), 'utf8')).toBe(text)
      }
    }),
  )
})
