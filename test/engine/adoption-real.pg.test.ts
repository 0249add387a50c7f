import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { EmbeddedPostgres } from '../../src/prove/embedded-postgres.ts'
import { newest } from '../tools/majors.ts'
import { startServer, type TestDatabase, withDatabase } from '../tools/postgres.ts'
import { lockkeeper, withFolder } from '../tools/program.ts'
import { filesOf, programOf, type RealTool, runTool } from '../tools/record-adoption.ts'
import { type Files, oneMore } from './adoption/recorded.ts'

const installed = (['golang-migrate', 'flyway', 'dbmate', 'goose'] as const).filter(
  (tool) => programOf(tool) !== undefined,
)
const absent = ['golang-migrate', 'flyway', 'dbmate', 'goose'].filter(
  (tool) => !installed.some((each) => each === tool),
)
if (absent.length > 0) {
  console.log(
    `skipped: going back to ${absent.join(', ')} (put the programs on the PATH, or into LOCKKEEPER_TEST_TOOLS)`,
  )
}

/** A third migration, for the tool to go on with. */
const last: Readonly<Record<RealTool, Files>> = {
  'golang-migrate': { '000007_last.up.sql': 'CREATE TABLE last ();\n', '000007_last.down.sql': 'DROP TABLE last;\n' },
  flyway: { 'V6__last.sql': 'CREATE TABLE last ();\n' },
  dbmate: { '20240107120000_last.sql': '-- migrate:up\nCREATE TABLE last ();\n-- migrate:down\nDROP TABLE last;\n' },
  goose: { '00007_last.sql': '-- +goose Up\nCREATE TABLE last ();\n-- +goose Down\nDROP TABLE last;\n' },
}
const upOf = (tool: RealTool) => (tool === 'flyway' ? 'migrate' : 'up')

describe.skipIf(installed.length === 0)('with the real tools', { timeout: 180_000 }, () => {
  let server: EmbeddedPostgres
  let stop: () => Promise<void>
  beforeAll(async () => {
    ;({ server, stop } = await startServer({ major: newest }))
  })
  afterAll(() => stop())

  const tables = async ({ sql }: TestDatabase) =>
    (await sql(`select tablename from pg_tables where schemaname = 'public'`)).map(({ tablename }) => tablename)

  test.each(installed)('%s migrates, is taken over and kept current, and goes on as if nothing had been', (tool) =>
    withDatabase(server, async (database) => {
      const real = async (files: Files, command: string) => {
        const { code, output } = await withFolder(files, (folder) => runTool(tool, database, folder, command))
        expect(code, output).toBe(0)
        return output
      }
      const ours = async (files: Files, args: string) => {
        const named = (folder: string) => (args.startsWith('down') ? [] : ['-m', folder])
        const { code, stderr } = await withFolder(files, (folder) =>
          lockkeeper([...args.split(' '), ...named(folder)], { env: { DATABASE_URL: database.url } }),
        )
        expect(code, stderr).toBe(0)
      }
      const all = filesOf[tool]
      const more = { ...all, ...oneMore[tool].files }
      await real(all, upOf(tool))
      await ours(all, `adopt --from ${tool} --keep`)
      await ours(more, 'up')
      if (tool === 'flyway') await real(more, 'validate')
      // There is nothing to do for it: else the table `more` would be made again, which fails.
      await real(more, upOf(tool))
      await ours(more, `down --to ${tool === 'dbmate' ? '20240105120000' : tool === 'flyway' ? '4' : '5'}`)
      expect(await tables(database)).not.toContain('more')
      if (tool === 'flyway') {
        // Up again, with what is repeatable, and down.
        await ours(more, 'up')
        await real(more, 'validate')
        await ours(more, 'down --to 4')
      }
      // And what we took back, it takes up again.
      await real({ ...more, ...last[tool] }, upOf(tool))
      expect(await tables(database)).toEqual(expect.arrayContaining(['more', 'last']))
      if (tool === 'flyway') await real({ ...more, ...last[tool] }, 'validate')
    }),
  )

  const slow: Files = {
    '000006_slow.up.sql': 'SELECT pg_sleep(3);\n',
    '000006_slow.down.sql': 'SELECT 1;\n',
    'V5__slow.sql': 'SELECT pg_sleep(3);\n',
  }
  const locking = installed.filter((tool) => tool === 'golang-migrate' || tool === 'flyway')
  test.each(locking)('%s is at work: taking over waits until it is through, and knows what it did', (tool) =>
    withDatabase(server, async (database) => {
      const own = Object.entries(slow).filter(([name]) => name.startsWith('V') === (tool === 'flyway'))
      await withFolder({ ...filesOf[tool], ...Object.fromEntries(own) }, async (folder) => {
        const working = runTool(tool, database, folder, upOf(tool))
        while (
          (await database.sql(`select from pg_stat_activity where query like 'SELECT pg_sleep(3)%'`)).length === 0
        ) {
          await sleep(20)
        }
        const adopted = await lockkeeper(['adopt', '-m', folder], { env: { DATABASE_URL: database.url } })
        expect(adopted.stderr).toMatch(/waiting: .* holds the lock of (golang-migrate|Flyway)/)
        expect(adopted.stdout).toContain(`the schema is at ${oneMore[tool].version}`)
        expect((await working).code).toBe(0)
      })
    }),
  )

  test.each(installed)('%s moves a table that is kept: our next step is refused', (tool) =>
    withDatabase(server, (database) =>
      withFolder({ ...filesOf[tool], ...oneMore[tool].files }, async (folder) => {
        const ours = (...args: string[]) => lockkeeper([...args, '-m', folder], { env: { DATABASE_URL: database.url } })
        await withFolder(filesOf[tool], (older) => runTool(tool, database, older, upOf(tool)))
        expect((await ours('adopt', '--keep')).code).toBe(0)
        expect((await runTool(tool, database, folder, upOf(tool))).code).toBe(0)
        const refused = await ours('up')
        expect(refused.code).toBe(1)
        expect(refused.stderr).toContain('adopted-tool-active')
      }),
    ),
  )
})
