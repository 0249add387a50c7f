import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { FormatName } from '../../src/contract.ts'
import { tools } from '../../src/engine/adoption/tools.ts'
import type { EmbeddedPostgres } from '../../src/prove/embedded-postgres.ts'
import { type Files, inRecorded, oneMore, type Recorded } from '../engine/adoption/recorded.ts'
import { startServer, withDatabase } from '../tools/postgres.ts'
import { lockkeeper, withFolder } from '../tools/program.ts'
import { filesOf } from '../tools/record-adoption.ts'

let server: EmbeddedPostgres
let stop: () => Promise<void>
beforeAll(async () => {
  ;({ server, stop } = await startServer({ major: 18 }))
})
afterAll(() => stop())

/** One migration more than the recorded ones, whose way down runs statement by statement. */
const withIndex = (tool: FormatName): Files => {
  const replaced = Object.entries(oneMore[tool].files).map(([name, text]) => [
    name,
    text
      .replace('CREATE TABLE more ();', 'CREATE INDEX CONCURRENTLY more ON orders (id);')
      .replace('DROP TABLE more;', 'DROP INDEX CONCURRENTLY more;\nDROP TABLE gone_by_hand;'),
  ])
  return { ...filesOf[tool], ...Object.fromEntries(replaced) }
}

/** Its way down is begun and cannot be finished, since somebody did the rest of it by hand. */
async function halfReverted(tool: FormatName, { run }: Recorded): Promise<Files> {
  const files = withIndex(tool)
  expect((await run('adopt --keep')).code).toBe(0)
  const up = await run('up', files)
  expect(up.code, up.stderr).toBe(0)
  expect((await run('down --steps 1')).stderr).toContain('migration-failed')
  return files
}

describe('a way down that counts as done', () => {
  test.each(tools.map(({ name }) => name))(
    'is written into the table that is kept for %s, so that the next run goes on',
    (tool) =>
      inRecorded(server, tool, async (database) => {
        const { run, sql } = database
        const files = await halfReverted(tool, database)
        const { version } = oneMore[tool]
        const resolved = await run(`resolve ${version} --done`)
        expect([resolved.code, resolved.stdout]).toEqual([0, `${version}: counts as reverted\n`])
        if (tool === 'golang-migrate') expect(await sql(`select * from schema_migrations where dirty`)).toEqual([])
        const up = await run('up', files)
        expect(up.code, up.stderr).toBe(0)
        expect(await sql(`select from pg_indexes where indexname = 'more'`)).toHaveLength(1)
      }),
  )

  test('settles nothing when somebody else changed the table that is kept', () =>
    inRecorded(server, 'goose', async (database) => {
      await halfReverted('goose', database)
      await database.sql('delete from goose_db_version where version_id = 3')
      const refused = await database.run('resolve 6 --done')
      expect([refused.code === 0, refused.stderr]).toEqual([false, expect.stringContaining('adopted-tool-active')])
      expect(await database.sql(`select version from lockkeeper.migration where version = '6'`)).toHaveLength(1)
    }))

  test('lets what is repeatable run again, as every way down does', () =>
    withDatabase(server, async ({ url, sql }) => {
      const files = {
        'V1__t.sql': 'CREATE TABLE t (id int);\n',
        'U1__t.sql': 'DROP TABLE t CASCADE;\n',
        'V2__i.sql': 'CREATE INDEX CONCURRENTLY i ON t (id);\n',
        'U2__i.sql': 'DROP INDEX CONCURRENTLY i;\nDROP TABLE gone_by_hand;\n',
        'R__v.sql': 'CREATE OR REPLACE VIEW v AS SELECT id FROM t;\n',
      }
      const program = (...args: string[]) => lockkeeper([...args, '--database', url])
      await withFolder(files, async (folder) => {
        expect((await program('up', '-m', folder)).code).toBe(0)
        await sql('drop view v')
        expect((await program('down', '--to', '1')).code).toBe(1)
        expect((await program('resolve', '2', '--done')).code).toBe(0)
        expect((await program('up', '-m', folder)).stdout).toContain('(2 steps)')
        expect(await sql(`select from pg_views where viewname = 'v'`)).toHaveLength(1)
      })
    }))
})
