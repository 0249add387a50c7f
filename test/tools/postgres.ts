import { Client } from 'pg'
import { type EmbeddedOptions, type EmbeddedPostgres, withPostgres } from '../../src/prove/embedded-postgres.ts'

/** A database of its own on a test server. */
export interface TestDatabase {
  readonly server: EmbeddedPostgres
  readonly name: string
  /** URL for the superuser. */
  readonly url: string
  /** URL for another role. */
  urlFor(user: string, password?: string): string
  /** Rows of a query, on a connection of its own. */
  sql<Row extends Record<string, unknown> = Record<string, unknown>>(text: string): Promise<Row[]>
}

/** Starts a server for a whole test file. Call `stop` at its end. */
export async function startServer(
  options: EmbeddedOptions,
): Promise<{ server: EmbeddedPostgres; stop(): Promise<void> }> {
  let release: () => void = () => undefined
  const over = new Promise<void>((resolve) => {
    release = resolve
  })
  let finished: Promise<void> = Promise.resolve()
  const server = await new Promise<EmbeddedPostgres>((resolve, reject) => {
    finished = withPostgres(options, async (started) => {
      resolve(started)
      await over
    })
    finished.catch(reject)
  })
  return {
    server,
    stop: async () => {
      release()
      await finished
    },
  }
}

let databases = 0

/** Runs a test in a new, empty database. */
export async function withDatabase<T>(
  server: EmbeddedPostgres,
  use: (database: TestDatabase) => Promise<T>,
): Promise<T> {
  databases += 1
  const name = `test_${databases}`
  await query(`${server.url}/postgres`, `create database ${name}`)
  const url = `${server.url}/${name}`
  return use({
    server,
    name,
    url,
    urlFor: (user, password) =>
      `postgresql://${user}${password === undefined ? '' : `:${password}`}@127.0.0.1:${server.port}/${name}`,
    sql: (text) => query(url, text),
  })
}

export async function query<Row extends Record<string, unknown>>(url: string, text: string): Promise<Row[]> {
  const client = new Client({ connectionString: url })
  await client.connect()
  try {
    return (await client.query<Row>(text)).rows
  } finally {
    await client.end()
  }
}
