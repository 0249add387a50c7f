import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { FormatName } from '../../src/contract.ts'
import { tools } from '../../src/engine/adoption/tools.ts'
import { flywayChecksum } from '../../src/migration/formats/flyway/checksum.ts'
import { readMigrations } from '../../src/migration/read.ts'
import type { EmbeddedPostgres } from '../../src/prove/embedded-postgres.ts'
import { majors } from '../tools/majors.ts'
import { startServer } from '../tools/postgres.ts'
import { filesOf } from '../tools/record-adoption.ts'
import { hasHistory, inRecorded, oneMore, recordedVersions, without } from './adoption/recorded.ts'

const names = tools.map(({ name }) => name)
/** When each version was applied, as the tool's own table says. */
const times: Partial<Record<FormatName, string>> = {
  flyway:
    'select installed_on::timestamptz as at from flyway_schema_history where version is not null order by installed_rank',
  dbdeploy: 'select complete_dt::timestamptz as at from changelog order by change_number',
  goose: 'select tstamp::timestamptz as at from goose_db_version where version_id > 0 order by id',
}

const chosen = majors.filter((major) => major === 15 || major === 18)

describe.each(chosen.length === 0 ? majors : chosen)('taking over on PostgreSQL %i', (major) => {
  let server: EmbeddedPostgres
  let stop: () => Promise<void>
  beforeAll(async () => {
    ;({ server, stop } = await startServer({ major }))
  })
  afterAll(() => stop())

  test.each(names)('%s: a dry run says what is applied and changes nothing', (tool) =>
    inRecorded(server, tool, async (database) => {
      const planned = await database.run('adopt --dry-run -o json')
      expect(planned.code, planned.stderr).toBe(0)
      const { from, adopted } = JSON.parse(planned.stdout)
      expect(from).toBe(tool)
      expect(adopted.map(({ version }: { version: string }) => version).slice(0, 5)).toEqual([
        ...recordedVersions(tool),
        ...(tool === 'flyway' ? ['R:customer total'] : []),
      ])
      expect(await hasHistory(database)).toBe(false)
    }),
  )

  test.each(names)(
    '%s: versions, times and scripts are imported, then only the rest runs, and the way down works',
    (tool) =>
      inRecorded(server, tool, async ({ run, sql }) => {
        const { version, files } = oneMore[tool]
        const versions = recordedVersions(tool)
        const adopted = await run('adopt')
        expect(adopted.code, adopted.stderr).toBe(0)
        const rows =
          await sql(`select version, origin, applied_at as at, up_checksum, down_checksum from lockkeeper.migration
        where version not like 'R:%' order by version`)
        expect(rows.map((row) => [row.version, row.origin])).toEqual(versions.map((each) => [each, tool]))
        const query = times[tool]
        if (query !== undefined) expect(rows.map(({ at }) => ({ at }))).toEqual(await sql(query))
        const set = readMigrations(Object.entries(filesOf[tool]).map(([name, content]) => ({ name, content })))
        const scripts = set.migrations.filter(({ kind }) => kind === 'versioned')
        expect(rows.map((row) => [row.up_checksum, row.down_checksum])).toEqual(
          scripts.map(({ up, down }) => [up.checksum, down?.checksum]),
        )
        expect(await sql(`select distinct event from lockkeeper.journal`)).toEqual([{ event: 'adopted' }])
        const up = await run('up', { ...filesOf[tool], ...files })
        expect(up.stdout, up.stderr).toBe(`the schema is at ${version} (1 step)\n`)
        const down = await run(`down --to ${versions[0]}`)
        expect(down.stdout, down.stderr).toBe(`the schema is at ${versions[0]} (${versions.length} steps)\n`)
        expect((await run('down --to 0')).code).toBe(0)
        const left = await sql(`select table_name from information_schema.tables where table_schema = 'public'`)
        expect(left).toHaveLength(1)
      }),
  )

  test('what was taken back is not imported: a tombstone of goose, a DELETE row of Flyway', async () => {
    await inRecorded(server, 'goose', async ({ run, sql }) => {
      await sql('insert into goose_db_version (version_id, is_applied) values (4, false), (4, true), (5, false)')
      expect((await run('adopt')).stdout).toContain('the schema is at 4')
    })
    await inRecorded(server, 'flyway', async ({ run, sql }) => {
      await sql(`insert into flyway_schema_history select 9, version, description, 'DELETE', script, checksum, installed_by, installed_on, 1, true
        from flyway_schema_history where version = '4'`)
      expect((await run('adopt')).stdout).toContain('the schema is at 3')
    })
  })

  test('a version without a file never runs again: it is imported without scripts, with a warning', () =>
    inRecorded(server, 'flyway', async ({ run, sql }) => {
      const { stderr } = await run('adopt', without('flyway', 'V4', 'U4'))
      expect(stderr).toContain('Flyway applied version 4 (index status), which the files do not have')
      expect(
        await sql(`select name, up_file, down_file, origin from lockkeeper.migration where version = '4'`),
      ).toEqual([{ name: 'index status', up_file: 'V4__index_status.sql', down_file: null, origin: 'flyway' }])
      const all = { ...filesOf.flyway, ...oneMore.flyway.files }
      // Its file may come back: there is no text to compare it with, and its down script is stored then.
      const next = await run('up', all)
      expect(next.code, next.stderr).toBe(0)
      expect((await run('down --to 3')).stdout).toContain('(2 steps)')
    }))

  test('a baseline of Flyway stands for the files up to it', () =>
    inRecorded(server, 'flyway', async ({ run, sql }) => {
      await sql(`delete from flyway_schema_history where installed_rank < 3;
        update flyway_schema_history set type = 'BASELINE', description = '<< Flyway Baseline >>', checksum = null where version = '3'`)
      expect((await run('adopt --dry-run')).stdout).toContain('5 migrations would be taken over')
      const base = 'CREATE TABLE everything ();\n'
      await sql(
        `update flyway_schema_history set type = 'SQL_BASELINE', checksum = ${flywayChecksum(base)} where version = '3'`,
      )
      const refused = await run('adopt --keep', { ...filesOf.flyway, 'B3__all.sql': `${base}SELECT 1;\n` })
      expect(refused.stderr).toMatch(/migration-changed.*B3__all/)
      const all = { ...filesOf.flyway, 'B3__all.sql': base }
      expect((await run('adopt --keep', all)).stdout).toContain('5 migrations were taken over')
      const down = await run('down --to 2')
      expect(down.stdout, down.stderr).toContain('(2 steps)')
      const up = await run('up', all)
      expect(up.code, up.stderr).toBe(0)
    }))

  test('a table is known by its columns: of any name, and the new name of Flyway before its old one', () =>
    inRecorded(server, 'flyway', async ({ run, sql, name }) => {
      await sql(`create schema app; create table schema_version (like flyway_schema_history);
        alter database ${name} set search_path = app, public`)
      expect((await run('adopt --dry-run')).stdout).toContain('public.flyway_schema_history of Flyway')
      await sql('drop table schema_version; alter table flyway_schema_history rename to "Our ""history"" "')
      expect((await run('adopt --dry-run')).stdout).toContain('public.Our "history"  of Flyway')
      await sql('create table app.flyway_schema_history (like public."Our ""history"" ")')
      expect((await run('adopt --dry-run')).stderr).toMatch(/bad-config.*app\.flyway_schema_history.*Our "history"/)
    }))

  test('a second adoption does nothing', () =>
    inRecorded(server, 'goose', async ({ run }) => {
      expect((await run('adopt')).code).toBe(0)
      expect(await run('adopt')).toMatchObject({
        code: 0,
        stdout: 'nothing to do: this database has a history already\n',
      })
    }))
})
