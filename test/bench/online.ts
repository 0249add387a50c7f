import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { withPostgres } from '../../src/prove/embedded-postgres.ts'
import {
  openReader,
  type Stall,
  startTraffic,
  trafficTable,
  untilAutovacuum,
  workForAutovacuum,
} from '../tools/online.ts'
import { type TestDatabase, withDatabase } from '../tools/postgres.ts'
import { digestFor } from '../tools/runner.ts'
import { measure } from './process.ts'

const runner = join(import.meta.dirname, '../../dist/runner.js')
const ROUNDS = 3
const READER_MS = 10_000
const LOCK_TIMEOUT_MS = 500
/** Longer than any statement of the traffic takes where nobody is in its way. */
const BLOCKED_MS = 20

/** Something that is in the way of a migration. */
interface Scene {
  readonly what: string
  readonly tables: readonly string[]
  /** Puts it there; it goes when what is returned is called, which ends then. Undefined: by itself. */
  begin(database: TestDatabase): Promise<(() => Promise<void>) | undefined>
}

const scenes: readonly Scene[] = [
  {
    what: `a reader of ${READER_MS / 1000} s`,
    tables: ['busy'],
    begin: async ({ url }) => {
      const reader = await openReader(url, 'busy')
      return () => reader.end()
    },
  },
  {
    what: 'autovacuum',
    tables: ['busy'],
    begin: async (database) => {
      await untilAutovacuum(database, 'busy', workForAutovacuum.inTable('busy'))
      return undefined
    },
  },
  {
    what: `three tables, short readers of two and one of ${READER_MS / 1000} s`,
    tables: ['a', 'b', 'c'],
    begin: async ({ url }) => {
      const reader = await openReader(url, 'c')
      const short = [shortReaders(url, 'a'), shortReaders(url, 'b')]
      return async () => {
        await reader.end()
        await Promise.all(short.map((end) => end()))
      }
    },
  },
]

/** What the traffic saw of one run, ms. */
interface Seen {
  readonly longest: number
  /** Of the time in which the migration waited and something was in its way. */
  readonly blockedPercent: number
  readonly appliedAfter: number
}

/** What a migration of a table in use does to its users: a client reads and writes it every 5 ms all the while. */
export async function benchOnline(): Promise<string[]> {
  return withPostgres({ major: 18 }, async (server) => {
    const lines: string[] = []
    for (const scene of scenes) {
      const rounds: Seen[] = []
      for (let round = 0; round < ROUNDS; round++)
        rounds.push(await withDatabase(server, (database) => roundOf(database, scene)))
      const worst = (figure: (seen: Seen) => number) => Math.round(Math.max(...rounds.map(figure)))
      lines.push(
        `online behind ${scene.what}, worst of ${ROUNDS}: longest stall ${worst(({ longest }) => longest)} ms ` +
          `(wanted: at most ${scene.tables.length * LOCK_TIMEOUT_MS + 50}), blocked ${worst(({ blockedPercent }) => blockedPercent)} % ` +
          `of the wait (wanted: at most 50), applied ${worst(({ appliedAfter }) => appliedAfter)} ms after the way was free`,
      )
    }
    return lines
  })
}

async function roundOf(database: TestDatabase, { tables, begin }: Scene): Promise<Seen> {
  for (const table of tables) await database.sql(trafficTable(table))
  const end = await begin(database)
  const traffic = await startTraffic(database.url, tables)
  await traffic.another()
  const running = migrate(database.url, tables)
  let free: number | undefined
  if (end !== undefined) {
    await sleep(READER_MS)
    free = performance.now()
    await end()
  }
  const run = await running
  return seenIn(await traffic.stop(), { ...run, free: free ?? run.applied })
}

/** Moments of a run, of `performance.now()`. */
interface Moments {
  readonly applying: number
  readonly free: number
  readonly applied: number
}

function seenIn(stalls: readonly Stall[], { applying, free, applied }: Moments): Seen {
  const during = stalls.filter(({ at, ms }) => at + ms > applying && at < applied)
  const blocked = during.filter(({ at, ms }) => ms > BLOCKED_MS && at < free)
  return {
    longest: Math.max(...during.map(({ ms }) => ms)),
    blockedPercent: (100 * blocked.reduce((sum, { ms }) => sum + ms, 0)) / (free - applying),
    appliedAfter: applied - free,
  }
}

/** Widens the tables in one migration. */
async function migrate(url: string, tables: readonly string[]): Promise<{ applying: number; applied: number }> {
  const folder = await mkdtemp(join(tmpdir(), 'lockkeeper-bench-'))
  const files = {
    '1_wider.up.sql': tables.map((table) => `ALTER TABLE ${table} ADD note text;\n`).join(''),
    '1_wider.down.sql': tables.map((table) => `ALTER TABLE ${table} DROP note;\n`).join(''),
  }
  try {
    for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text)
    const { output } = await measure(runner, {
      LOCKKEEPER_TARGET: '1',
      LOCKKEEPER_DIGEST: digestFor(files, '1'),
      LOCKKEEPER_TOKEN: '1',
      LOCKKEEPER_CLUSTER: 'bench',
      LOCKKEEPER_WORKLOAD: 'bench/Deployment/bench',
      LOCKKEEPER_MIGRATIONS: folder,
      LOCKKEEPER_DATABASE_URL: url,
      LOCKKEEPER_LOCK_TIMEOUT: `${LOCK_TIMEOUT_MS}ms`,
      LOCKKEEPER_ADOPT_AT: '0',
      LOCKKEEPER_TERMINATION_LOG: join(folder, '.termination-log'),
    })
    return { applying: momentOf(output, 'applying'), applied: momentOf(output, 'applied') }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** When an event line was written. */
function momentOf(output: string, event: string): number {
  const line = output.split('\n').find((each) => each.includes(`"event":"${event}"`))
  return Date.parse((JSON.parse(line ?? '{}') as { time?: string }).time ?? '') - performance.timeOrigin
}

/** Reports that read a table for 300 ms, one after the other. */
function shortReaders(url: string, table: string): () => Promise<void> {
  let over = false
  const going = (async () => {
    while (!over) {
      const reader = await openReader(url, table)
      await sleep(300)
      await reader.end()
      await sleep(20)
    }
  })()
  return async () => {
    over = true
    await going
  }
}
