import { setTimeout as sleep } from 'node:timers/promises'
import { Client } from 'pg'
import type { TestDatabase } from './postgres.ts'

/** Holds its statement open until the test lets it go on: it waits for the lock of this key. An expression of type void. */
export const gated = 'pg_advisory_xact_lock_shared(7, 7)'
export const gate = `select ${gated};`
const waiting = `select from pg_locks where locktype = 'advisory' and classid = 7 and objid = 7 and not granted`

/** Starts a run, waits until its step stands at the gate, does something else meanwhile, and lets the step go on. */
export async function meanwhile<T>(
  database: TestDatabase,
  run: () => Promise<T>,
  act: () => Promise<unknown>,
): Promise<T> {
  const keeper = new Client({ connectionString: database.url })
  await keeper.connect()
  try {
    await keeper.query('select pg_advisory_lock(7, 7)')
    const running = run()
    while ((await keeper.query(waiting)).rows.length === 0) await sleep(20)
    await act()
    await keeper.query('select pg_advisory_unlock(7, 7)')
    return await running
  } finally {
    await keeper.end()
  }
}
