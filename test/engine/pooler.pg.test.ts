import { mkdtempSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { EmbeddedPostgres } from '../../src/prove/embedded-postgres.ts'
import { findBouncer, withBouncer } from '../tools/pgbouncer.ts'
import { startServer, withDatabase } from '../tools/postgres.ts'
import { runRunner } from '../tools/runner.ts'

const folder = mkdtempSync(join(tmpdir(), 'lockkeeper-bouncer-'))
const bouncer = await findBouncer(folder)
if (bouncer === undefined) console.log('skipped: PgBouncer (neither on the PATH nor as a Debian package)')

const files = { '1_a.up.sql': 'CREATE TABLE a (id int);\n', '1_a.down.sql': 'DROP TABLE a;\n' }

describe('behind PgBouncer', () => {
  let server: EmbeddedPostgres
  let stop: () => Promise<void>
  beforeAll(async () => {
    ;({ server, stop } = await startServer({ major: 17 }))
  })
  afterAll(async () => {
    await stop()
    await rm(folder, { recursive: true, force: true })
  })

  test.skipIf(bouncer === undefined).each(['transaction', 'statement'] as const)(
    'that pools by %s, the run is refused before it locks or makes anything',
    (mode) =>
      withDatabase(server, async ({ name, sql }) => {
        if (bouncer === undefined) return
        await withBouncer(bouncer, server.port, mode, async (port) => {
          const url = `postgresql://postgres@127.0.0.1:${port}/${name}`
          const run = await runRunner({ url, target: '1', files })
          expect([run.code, run.termination]).toEqual([15, expect.objectContaining({ code: 'pooler' })])
          expect(String(run.termination?.fix)).toContain('pool_mode = session')
        })
        expect(await sql(`select from pg_namespace where nspname = 'lockkeeper'`)).toEqual([])
        expect(await sql(`select from pg_locks where locktype = 'advisory'`)).toEqual([])
      }),
  )

  test.skipIf(bouncer === undefined)('that pools by session, runs work, also several at once', () =>
    withDatabase(server, async ({ name, sql }) => {
      if (bouncer === undefined) return
      await withBouncer(bouncer, server.port, 'session', async (port) => {
        const url = `postgresql://postgres@127.0.0.1:${port}/${name}`
        const runs = await Promise.all(Array.from({ length: 4 }, () => runRunner({ url, target: '1', files })))
        for (const run of runs) expect(run.code, run.output).toBe(0)
      })
      expect(await sql('select version from lockkeeper.migration')).toEqual([{ version: '1' }])
    }),
  )
})
