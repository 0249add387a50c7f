import { setTimeout as sleep } from 'node:timers/promises'
import { Client } from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { databaseTarget, parseDatabaseUrl } from '../../src/postgres/database-target.ts'
import { followProgress } from '../../src/postgres/progress.ts'
import type { EmbeddedPostgres } from '../../src/prove/embedded-postgres.ts'
import { startServer, withDatabase } from '../tools/postgres.ts'

let server: EmbeddedPostgres
let stop: () => Promise<void>
beforeAll(async () => {
  ;({ server, stop } = await startServer({ major: 18 }))
})
afterAll(() => stop())

async function client(url: string, name: string): Promise<Client> {
  const made = new Client({ connectionString: url, application_name: name })
  await made.connect()
  return made
}

test('a long step says how long it has run, what the server reports, and who is in its way', () =>
  withDatabase(server, async ({ url, sql }) => {
    await sql('create table t (id int); insert into t select generate_series(1, 1000)')
    const writer = await client(url, 'a slow report')
    await writer.query('begin; insert into t values (0)')
    const builder = await client(url, 'builder')
    const [row] = (await builder.query<{ pid: number }>('select pg_backend_pid() pid')).rows
    const said: string[] = []
    const end = followProgress({
      database: databaseTarget(parseDatabaseUrl(url), {}),
      who: 'test',
      pid: row?.pid ?? 0,
      everyMs: 100,
      say: (_, text) => said.push(text),
    })
    const built = builder.query('create index concurrently i on t (id)')
    await sleep(600)
    await writer.query('commit')
    await built
    end()
    const before = said.length
    await sleep(300)
    expect(said.length).toBe(before)
    expect(said.join('\n')).toMatch(
      /waiting for writers before build, waits for a slow report \(pid \d+, idle in transaction\)/,
    )
    await Promise.all([writer.end(), builder.end()])
  }))

test('a step that ends soon opens no second session', () =>
  withDatabase(server, async ({ url, sql }) => {
    const database = databaseTarget(parseDatabaseUrl(url), {})
    followProgress({ database, who: 'test', pid: 1, everyMs: 200, say: () => undefined })()
    await sleep(400)
    expect(await sql(`select from pg_stat_activity where application_name ~ '^lockkeeper progress'`)).toEqual([])
  }))
