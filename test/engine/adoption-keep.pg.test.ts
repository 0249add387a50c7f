import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { FormatName } from '../../src/contract.ts'
import { tools } from '../../src/engine/adoption/tools.ts'
import { flywayChecksum } from '../../src/migration/formats/flyway/checksum.ts'
import type { EmbeddedPostgres } from '../../src/prove/embedded-postgres.ts'
import { majors } from '../tools/majors.ts'
import { startServer } from '../tools/postgres.ts'
import { filesOf } from '../tools/record-adoption.ts'
import { runRunner } from '../tools/runner.ts'
import { type Files, inRecorded, oneMore, type Recorded, recordedVersions } from './adoption/recorded.ts'

type Rows = readonly Record<string, unknown>[]
/** What each tool's table holds, and what it should after one version more and after that and the last are reverted. */
const tables: Readonly<Record<FormatName, { readonly rows: string; readonly after: Rows; readonly reverted: Rows }>> = {
  'golang-migrate': {
    rows: 'select version::int, dirty from schema_migrations',
    after: [{ version: 6, dirty: false }],
    reverted: [{ version: 4, dirty: false }],
  },
  flyway: {
    rows: `select installed_rank as rank, version, description, type, script, checksum, installed_by, success
      from flyway_schema_history where installed_rank > 5 order by installed_rank`,
    after: [flywayRow(6, 'SQL')],
    reverted: [
      flywayRow(6, 'SQL'),
      flywayRow(7, 'DELETE'),
      {
        ...flywayRow(8, 'DELETE'),
        ...{
          version: '4',
          description: 'index status',
          script: 'V4__index_status.sql',
          checksum: sumOf('V4__index_status.sql'),
        },
      },
    ],
  },
  dbdeploy: {
    rows: 'select change_number::int as n, applied_by, description from changelog where change_number >= 5 order by 1',
    after: [
      { n: 5, applied_by: 'dbdeploy', description: '5 first customers.sql' },
      { n: 6, applied_by: 'postgres', description: '6 more.sql' },
    ],
    reverted: [],
  },
  dbmate: {
    rows: 'select version from schema_migrations where version >= $$20240105$$ order by 1',
    after: [{ version: '20240105120000' }, { version: '20240106120000' }],
    reverted: [],
  },
  goose: {
    rows: 'select version_id::int as n, is_applied, tstamp is not null as dated from goose_db_version where version_id >= 5 order by 1',
    after: [5, 6].map((n) => ({ n, is_applied: true, dated: true })),
    reverted: [],
  },
}

function sumOf(file: string): number {
  return flywayChecksum({ ...filesOf.flyway, ...oneMore.flyway.files }[file] ?? '')
}

function flywayRow(rank: number, type: string) {
  const script = 'V05_0__add__more.sql'
  const names = { version: '05.0', description: 'add  more', type, script }
  return { rank, ...names, checksum: sumOf(script), installed_by: 'postgres', success: true }
}

const chosen = majors.filter((major) => major === 15 || major === 18)
describe.each(chosen.length === 0 ? majors : chosen)("keeping the tool's table on PostgreSQL %i", (major) => {
  let server: EmbeddedPostgres
  let stop: () => Promise<void>
  beforeAll(async () => {
    ;({ server, stop } = await startServer({ major }))
  })
  afterAll(() => stop())
  const adopted = (tool: FormatName, use: (database: Recorded, all: Files) => Promise<void>) =>
    inRecorded(server, tool, async (database) => {
      const { code, stdout, stderr } = await database.run('adopt --keep')
      expect(code, stderr).toBe(0)
      expect(stdout).toContain('is kept current from now on')
      await use(database, { ...filesOf[tool], ...oneMore[tool].files })
    })

  test.each(tools.map(({ name }) => name))('%s: every step up and down is written into it', (tool) =>
    adopted(tool, async ({ run, sql }, all) => {
      const { rows, after, reverted } = tables[tool]
      const up = await run('up', all)
      expect(up.stdout, up.stderr).toContain('(1 step)')
      expect(await sql(rows)).toEqual(after)
      const back = recordedVersions(tool).at(-2)
      const down = await run(`down --to ${back}`)
      expect(down.stdout, down.stderr).toContain('(2 steps)')
      expect(await sql(rows)).toEqual(reverted)
      const again = await run('up', all)
      // What is repeatable runs again behind a way down.
      expect(again.stdout, again.stderr).toContain(tool === 'flyway' ? '(3 steps)' : '(2 steps)')
    }),
  )

  test('a step that fails leaves it as it was', () =>
    adopted('goose', async ({ run, sql }, all) => {
      const wrong = { ...all, '00006_more.sql': '-- +goose Up\nSELECT 1 / 0;\n-- +goose Down\nSELECT 1;\n' }
      expect((await run('up', wrong)).code).toBe(1)
      expect(await sql('select max(version_id)::int as n from goose_db_version')).toEqual([{ n: 5 }])
    }))

  test('golang-migrate: dirty while a step without a transaction is under way, down to no row at all, and up again', () =>
    adopted('golang-migrate', async ({ run, sql }, all) => {
      const index = (column: string) => ({
        ...all,
        '000006_more.up.sql': `CREATE INDEX CONCURRENTLY more ON orders (${column});\n`,
        '000006_more.down.sql': 'DROP INDEX CONCURRENTLY more;\n',
      })
      expect((await run('up', index('nowhere'))).code).toBe(1)
      const row = () => sql('select version::int, dirty from schema_migrations')
      expect(await row()).toEqual([{ version: 6, dirty: true }])
      expect((await run('resolve 6 --retry')).code).toBe(0)
      const corrected = await run('up', index('note'))
      expect(corrected.stdout, corrected.stderr).toContain('the schema is at 6')
      expect(await row()).toEqual([{ version: 6, dirty: false }])
      const down = await run('down --to 0')
      expect(down.stdout, down.stderr).toContain('(6 steps)')
      expect(await row()).toEqual([])
      expect((await run('up', index('note'))).stdout).toContain('(6 steps)')
      expect(await row()).toEqual([{ version: 6, dirty: false }])
    }))

  test('golang-migrate: its row stays below a version that is left out, up and down', () =>
    adopted('golang-migrate', async ({ run, sql }, all) => {
      const row = async () => (await sql('select version::int, dirty from schema_migrations'))[0]
      // What a dump leaves set must not hide the table from the next step.
      const more = [7, 8, 9].map((n): Files => {
        const text = "SELECT pg_catalog.set_config('search_path', '', false);\n"
        return { [`00000${n}_x.up.sql`]: text, [`00000${n}_x.down.sql`]: text }
      })
      const [seven, ...above] = more
      const late = Object.assign({ ...filesOf['golang-migrate'] }, ...above)
      expect((await run('up', late)).stdout).toContain('the schema is at 9 (2 steps)')
      expect(await row()).toEqual({ version: 9, dirty: false })
      const gap = await run('up --out-of-order --to 6', { ...all, ...seven, ...late })
      expect(gap.stdout, gap.stderr).toContain('(1 step)')
      expect(await row()).toEqual({ version: 6, dirty: false })
      const down = await run('down --to 8')
      expect(down.stdout, down.stderr).toContain('(1 step)')
      expect(await row()).toEqual({ version: 6, dirty: false })
      const closed = await run('up --out-of-order --to 7', { ...all, ...seven, ...late })
      expect(closed.stdout, closed.stderr).toContain('(1 step)')
      expect(await row()).toEqual({ version: 8, dirty: false })
      expect((await run('down --to 5')).stdout).toContain('(3 steps)')
      expect(await row()).toEqual({ version: 5, dirty: false })
    }))

  test('a pod keeps it too, since the history says so', () =>
    adopted('golang-migrate', async ({ url, sql }, files) => {
      const pod = await runRunner({ url, target: '6', files })
      expect(pod.code, pod.output).toBe(0)
      expect(await sql(tables['golang-migrate'].rows)).toEqual(tables['golang-migrate'].after)
    }))

  const foreign: Readonly<Record<FormatName, readonly [sql: string, says: RegExp]>> = {
    'golang-migrate': ['update schema_migrations set version = 4', /says version 4, not version 5/],
    flyway: [
      `insert into flyway_schema_history values (6, '9', 'x', 'SQL', 'V9__x.sql', 1, 'x', now(), 1, true)`,
      /has 9, which the history does not have/,
    ],
    dbdeploy: ['delete from changelog where change_number = 4', /lacks 4, which the history has/],
    dbmate: [`insert into schema_migrations values ('7')`, /has 7, which the history does not have/],
    goose: ['drop table goose_db_version', /is gone/],
  }
  test.each(tools.map(({ name }) => name))(
    '%s: when somebody else moved it, nothing moves, but a pod still starts',
    (tool) =>
      adopted(tool, async ({ run, sql, url }, all) => {
        const [change, says] = foreign[tool]
        await sql(change)
        const refused = await run('up', all)
        expect(refused.code).toBe(1)
        expect(refused.stderr).toMatch(/adopted-tool-active/)
        expect(refused.stderr).toMatch(says)
        expect(refused.stderr).toMatch(/fix: stop what still runs/)
        expect((await run('down --to 0')).stderr).toMatch(/adopted-tool-active/)
        expect(await sql(`select from pg_tables where tablename = 'more'`)).toEqual([])
        if (tool === 'golang-migrate')
          expect((await runRunner({ url, target: '5', files: filesOf[tool] })).code).toBe(0)
        await sql('update lockkeeper.state set keeps = null')
        expect((await run('up', all)).stdout).toContain('(1 step)')
      }),
  )

  test('what may not be written, or would run code of others, is refused before anything is taken over', () =>
    inRecorded(server, 'goose', async ({ run, sql }) => {
      await sql(`create function f() returns trigger language plpgsql as 'begin return new; end';
        create trigger spy before insert on goose_db_version for each row execute function f()`)
      const { code, stderr } = await run('adopt --keep')
      expect(code).toBe(1)
      expect(stderr).toMatch(/history-untrusted.*\n.*DROP TRIGGER spy ON "public"."goose_db_version"/)
      await sql(`drop trigger spy on goose_db_version; create function g() returns timestamp language sql as 'select now()::timestamp';
        alter table goose_db_version alter tstamp set default g()`)
      const planted = await run('adopt --keep')
      expect(planted.code).toBe(1)
      expect(planted.stderr).toContain('ALTER TABLE "public"."goose_db_version" ALTER COLUMN tstamp DROP DEFAULT')
      expect(await sql(`select from pg_namespace where nspname = 'lockkeeper'`)).toEqual([])
    }))
})
