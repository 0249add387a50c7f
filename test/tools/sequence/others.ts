import { setTimeout as sleep } from 'node:timers/promises'
import { Client } from 'pg'
import type { TestDatabase } from '../postgres.ts'

/** What others do in the database meanwhile. */
export class Others {
  readonly #database: TestDatabase
  /** When each reader lets go. */
  readonly #readers: Promise<void>[] = []
  #writer: Client | undefined

  constructor(database: TestDatabase) {
    this.#database = database
  }

  /** An old snapshot, for so long. */
  read(ms: number): void {
    this.#readers.push(this.#read(ms))
  }

  async #read(ms: number): Promise<void> {
    const client = new Client({ connectionString: this.#database.url })
    await client.connect()
    try {
      await client.query('begin isolation level repeatable read; select 1 from pg_class limit 1')
      await sleep(ms)
    } finally {
      await client.end()
    }
  }

  /** A transaction that has written to the table that scripts lock, until it is let go. */
  async hold(): Promise<void> {
    if (this.#writer !== undefined) return
    const writer = new Client({ connectionString: this.#database.url })
    await writer.connect()
    try {
      await writer.query(`begin; set local lock_timeout = '300ms'; lock table public.base in row exclusive mode`)
      this.#writer = writer
    } catch {
      // There is no table yet, or a script has it.
      await writer.end()
    }
  }

  async free(): Promise<void> {
    await this.#writer?.end()
    this.#writer = undefined
  }

  /** A trigger that swallows what comes into the history. It does nothing where there is no history yet. */
  async plant(there: boolean): Promise<void> {
    const [row] = await this.#database.sql<{ yes: boolean }>(
      `select to_regclass('lockkeeper.migration') is not null as yes`,
    )
    if (row?.yes !== true) return
    const swallow = `create or replace function public.swallow() returns trigger language plpgsql as 'begin return null; end';
      create trigger swallow before insert on lockkeeper.migration for each row execute function public.swallow()`
    const pull = 'drop trigger if exists swallow on lockkeeper.migration'
    // A step that is just writing its row holds it up for a moment.
    await this.#database.sql(there ? `${pull}; ${swallow}` : pull)
  }

  /** All of it is over. */
  async gone(): Promise<void> {
    await Promise.all(this.#readers)
    await this.free()
    await this.plant(false)
  }
}
