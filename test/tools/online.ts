import type { ChildProcess } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { Client } from 'pg'
import type { TestDatabase } from './postgres.ts'

/** One statement of the traffic. */
export interface Stall {
  /** When it was sent, milliseconds of `performance.now()`. */
  readonly at: number
  readonly ms: number
}

/** A client of the application. */
export interface Traffic {
  /** Ends when each table was read and written once more. Throws what went wrong. */
  another(): Promise<void>
  /** Ends it, and says how long each of its statements took. Throws what went wrong. */
  stop(): Promise<readonly Stall[]>
}

const every = 5

/** Reads and writes each table (`id`, `n`) every 5 ms, a statement a transaction, until it is stopped. */
export async function startTraffic(url: string, tables: readonly string[]): Promise<Traffic> {
  const client = await open(url, 'traffic')
  const stalls: Stall[] = []
  const state = { over: false, round: Promise.withResolvers<void>() }
  const timed = async (text: string) => {
    const at = performance.now()
    await client.query(text)
    stalls.push({ at, ms: performance.now() - at })
  }
  const going = (async () => {
    for (; !state.over; await sleep(every)) {
      for (const table of tables) {
        await timed(`update ${table} set n = n + 1 where id = 1`)
        await timed(`select n from ${table} where id = 1`)
      }
      state.round.resolve()
      state.round = Promise.withResolvers()
    }
  })()
  // Whoever waits hears of it; nobody may.
  going.catch(() => undefined)
  return {
    another: async () => {
      // What is on its way now may have been sent before the caller's moment.
      await Promise.race([state.round.promise, going])
      await Promise.race([state.round.promise, going])
    },
    stop: async () => {
      state.over = true
      await going
      await client.end()
      return stalls
    },
  }
}

/** A table for the traffic. */
export const trafficTable = (table: string): string =>
  `create table ${table} (id int primary key, n int not null, filler text); insert into ${table} values (1, 0)`

/** A transaction that has read a table, and stays. It ends with its connection. */
export async function openReader(url: string, table: string): Promise<Client> {
  const client = await open(url, `reader of ${table}`)
  await client.query('begin')
  await client.query(`select from ${table}`)
  return client
}

/** As slow as autovacuum may be: a page a tenth of a second. */
const slowest = 'autovacuum_vacuum_cost_delay = 100, autovacuum_vacuum_cost_limit = 1'

/** Statements that give autovacuum minutes of work: dead rows in a table of the traffic, or a new materialized view. */
export const workForAutovacuum = {
  inTable: (table: string): readonly string[] => [
    `alter table ${table} set (${slowest})`,
    `insert into ${table} select i, 0, repeat('x', 1000) from generate_series(2, 20000) i`,
    `delete from ${table} where id > 1 and id % 2 = 0`,
  ],
  inView: (view: string): readonly string[] => [
    `create materialized view ${view} with (${slowest}) as select i, repeat('x', 1000) from generate_series(1, 20000) i`,
  ],
}

/** Makes work for autovacuum, and waits until it is at it. Returns its process. */
export async function untilAutovacuum({ sql }: TestDatabase, of: string, work: readonly string[]): Promise<number> {
  for (const statement of [...work, `alter system set autovacuum_naptime = '1s'`, 'select pg_reload_conf()'])
    await sql(statement)
  for (;;) {
    const [worker] = await sql<{ pid: number }>(`select a.pid from pg_stat_activity a join pg_locks l on l.pid = a.pid
      where a.backend_type = 'autovacuum worker' and l.granted and l.relation = '${of}'::regclass`)
    await sleep(50)
    if (worker === undefined) continue
    await sql('alter system reset autovacuum_naptime')
    await sql('select pg_reload_conf()')
    return worker.pid
  }
}

/** Calls back for each line of a kind that a runner writes. */
export function onEvent({ stdout }: ChildProcess, event: string, heard: (message: string) => void): void {
  let rest = ''
  stdout?.on('data', (chunk: Buffer) => {
    const lines = (rest + chunk.toString()).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) {
      const said = JSON.parse(line) as { event: string; message?: string }
      if (said.event === event) heard(said.message ?? '')
    }
  })
}

async function open(url: string, name: string): Promise<Client> {
  const client = new Client({ connectionString: url, application_name: name })
  // A server that stops under it is not its matter.
  client.on('error', () => undefined)
  await client.connect()
  return client
}
