import { startDatabase, stopDatabase } from './orders.ts'

/** One PostgreSQL for the whole run: volume claims are scarce, and its start takes longer than most tests. */
export async function setup(): Promise<void> {
  await startDatabase()
}

export async function teardown(): Promise<void> {
  await stopDatabase()
}
