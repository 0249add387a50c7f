import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { FormatName } from '../../../src/contract.ts'
import type { EmbeddedPostgres } from '../../../src/prove/embedded-postgres.ts'
import { type TestDatabase, withDatabase } from '../../tools/postgres.ts'
import { lockkeeper, type ProgramResult, withFolder } from '../../tools/program.ts'
import { filesOf } from '../../tools/record-adoption.ts'

export type Files = Readonly<Record<string, string>>

/** A migration behind the recorded ones, as each tool wants it written. */
export const oneMore: Readonly<Record<FormatName, { readonly version: string; readonly files: Files }>> = {
  'golang-migrate': {
    version: '6',
    files: { '000006_more.up.sql': 'CREATE TABLE more ();\n', '000006_more.down.sql': 'DROP TABLE more;\n' },
  },
  flyway: {
    version: '5',
    files: { 'V05_0__add__more.sql': 'CREATE TABLE more ();\n', 'U05_0__add__more.sql': 'DROP TABLE more;\n' },
  },
  dbdeploy: { version: '6', files: { '6 more.sql': 'CREATE TABLE more ();\n--//@UNDO\nDROP TABLE more;\n' } },
  dbmate: {
    version: '20240106120000',
    files: { '20240106120000_more.sql': '-- migrate:up\nCREATE TABLE more ();\n-- migrate:down\nDROP TABLE more;\n' },
  },
  goose: {
    version: '6',
    files: { '00006_more.sql': '-- +goose Up\nCREATE TABLE more ();\n-- +goose Down\nDROP TABLE more;\n' },
  },
}

/** The versions of the recorded migrations. */
export const recordedVersions = (tool: FormatName): string[] =>
  [1, 2, 3, 4, 5].slice(0, tool === 'flyway' ? 4 : 5).map((n) => (tool === 'dbmate' ? `2024010${n}120000` : String(n)))

/** The recorded migrations without those whose files begin so. */
export const without = (tool: FormatName, ...gone: readonly string[]): Files =>
  Object.fromEntries(Object.entries(filesOf[tool]).filter(([name]) => !gone.some((each) => name.startsWith(each))))

export interface Recorded extends TestDatabase {
  /** Runs a command of the program on the files of the recorded migrations, or on others. */
  run(args: string, files?: Files): Promise<ProgramResult>
}

/** A database as the real tool left it: `name` is that of a fixture. */
export const inRecorded = (
  server: EmbeddedPostgres,
  name: string,
  use: (database: Recorded) => Promise<void>,
): Promise<void> =>
  withDatabase(server, async (database) => {
    const fixture = await readFile(join(import.meta.dirname, `fixtures/${name}.sql`), 'utf8')
    await database.sql(fixture)
    const tool = name.replace(/-failed$/, '') as FormatName
    const run = (args: string, files: Files = filesOf[tool]) =>
      withFolder(files, (folder) =>
        // These take no files.
        lockkeeper([...args.split(' '), ...(/^(down|resolve)/.test(args) ? [] : ['-m', folder])], {
          env: { DATABASE_URL: database.url },
        }),
      )
    await use({ ...database, run })
  })

/** Whether there is anything of ours in a database. */
export const hasHistory = async ({ sql }: TestDatabase): Promise<boolean> =>
  (await sql(`select from pg_namespace where nspname = 'lockkeeper'`)).length > 0
