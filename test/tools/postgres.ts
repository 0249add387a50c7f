import { randomUUID } from 'node:crypto'
import { existsSync } from 'node:fs'
import { rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { Client } from 'pg'
import {
  binariesOf,
  type EmbeddedOptions,
  type EmbeddedPostgres,
  makeData,
  withPostgres,
} from '../../src/prove/embedded-postgres.ts'
import { KEPT } from './postgres-setup.ts'

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

/** A data folder that is made once for each major and run, and copied: initdb takes longer than many a test file. */
async function keptData(major = 18): Promise<string | undefined> {
  const folder = process.env[KEPT]
  if (folder === undefined) return undefined
  const kept = join(folder, `data-${major}`)
  if (existsSync(kept)) return kept
  const own = `${kept}-${randomUUID()}`
  await makeData(await binariesOf(major), own)
  // Another server may have been faster; a folder that is not empty is not replaced.
  await rename(own, kept).catch(() => rm(own, { recursive: true }))
  return kept
}

/** Starts a server for a whole test file. Call `stop` at its end. */
export async function startServer(
  given: EmbeddedOptions,
): Promise<{ server: EmbeddedPostgres; stop(): Promise<void> }> {
  const template = given.template ?? (await keptData(given.major))
  const options = template === undefined ? given : { ...given, template }
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
