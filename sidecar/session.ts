import { type Client, type DatabaseError, Query } from 'pg'
import { Interruption, RunFailure, stateOf } from './failure.ts'

export type Row = Readonly<Record<string, unknown>>

/** What became of one query of several that were sent back to back. */
export interface Outcome {
  readonly error: Error | undefined
  /** Statements of it that the server completed. */
  readonly completed: number
  /** The transaction status that followed it: `I` idle, `T` in a transaction, `E` in a failed one. */
  readonly status: string | undefined
}

/** The protocol events that pg's Connection emits beside its public interface. */
interface Wire {
  on(event: 'readyForQuery', listener: (message: { status: string }) => void): void
  on(event: 'commandComplete' | 'end', listener: () => void): void
  off(event: string, listener: (...args: never[]) => void): void
  readonly stream: { cork(): void; uncork(): void; destroy(): void }
}

/** One PostgreSQL session. Text goes by the simple protocol, so that it means what psql means by it. */
export class Session {
  readonly #client: Client
  #lost: Error | undefined

  constructor(client: Client) {
    this.#client = client
    // An error between two queries would end the process if nobody listened; the next query reports it.
    client.on('error', (error) => {
      this.#lost ??= error
    })
  }

  /** The rows of a single statement. Throws pg's DatabaseError, or Interruption when the connection is lost. */
  async rows(text: string): Promise<Row[]> {
    return this.#guard(async () => (await this.#client.query<Row>(text)).rows)
  }

  /** The server's process that serves this session. */
  async pid(): Promise<number> {
    const [row] = await this.rows('select pg_backend_pid() as pid')
    return Number(row?.pid)
  }

  /** Statements whose rows nobody reads; several are one implicit transaction. */
  async execute(text: string): Promise<void> {
    const [outcome] = await this.send([text])
    if (outcome?.error !== undefined) throw outcome.error
  }

  /** Sends queries without waiting between them; rows are dropped as they come. Throws Interruption when the connection is lost. */
  async send(texts: readonly string[]): Promise<Outcome[]> {
    const wire = (this.#client as unknown as { connection: Wire }).connection
    const statuses: string[] = []
    const completed = texts.map(() => 0)
    const onReady = ({ status }: { status: string }) => statuses.push(status)
    const onComplete = () => {
      completed[statuses.length] = (completed[statuses.length] ?? 0) + 1
    }
    wire.on('readyForQuery', onReady)
    wire.on('commandComplete', onComplete)
    try {
      // One write for all of them: each write wakes the server.
      wire.stream.cork()
      const sent = texts.map((text) => this.#drop(text))
      wire.stream.uncork()
      const errors = await Promise.all(sent)
      const gone = errors.find((error) => error !== undefined && isLoss(error))
      if (gone !== undefined) throw lost(gone)
      return texts.map((_, i) => ({ error: errors[i], completed: completed[i] ?? 0, status: statuses[i] }))
    } finally {
      wire.off('readyForQuery', onReady)
      wire.off('commandComplete', onComplete)
    }
  }

  #drop(text: string): Promise<Error | undefined> {
    if (this.#lost !== undefined) return Promise.resolve(this.#lost)
    return new Promise((resolve) => {
      const query = new Query(text)
      let error: Error | undefined
      query.on('row', () => undefined)
      query.on('error', (problem: Error) => {
        error = problem
        if (isLoss(problem)) resolve(problem)
        else waitForEnd()
      })
      query.on('end', () => resolve(error))
      // After an error pg emits no `end`: the query is over at the next ReadyForQuery, or when the connection is.
      const waitForEnd = () => {
        const wire = (this.#client as unknown as { connection: Wire }).connection
        const over = () => {
          wire.off('readyForQuery', over)
          wire.off('end', over)
          resolve(error)
        }
        wire.on('readyForQuery', over)
        wire.on('end', over)
      }
      this.#client.query(query)
    })
  }

  async #guard<T>(work: () => Promise<T>): Promise<T> {
    if (this.#lost !== undefined) throw lost(this.#lost)
    try {
      return await work()
    } catch (error) {
      if (error instanceof Error && isLoss(error)) throw lost(error)
      throw error
    }
  }

  /** Ends the session; a server that does not answer is left after a second. */
  async end(): Promise<void> {
    const timer = setTimeout(() => this.destroy(), 1000)
    try {
      await this.#client.end()
    } catch (error) {
      this.#lost ??= error instanceof Error ? error : new Error(String(error))
    } finally {
      clearTimeout(timer)
    }
  }

  /** Cuts the connection at once. */
  destroy(): void {
    ;(this.#client as unknown as { connection: Wire }).connection.stream.destroy()
  }
}

/** An error of the server about one statement, which leaves the session usable. */
export const isDatabaseError = (error: unknown): error is DatabaseError =>
  error instanceof Error && 'severity' in error && 'code' in error

/** Classes of SQLSTATE after which the session is gone: 08, shutdown, crash, terminated by an administrator. */
function isLoss(error: Error): boolean {
  const state = stateOf(error)
  if (isDatabaseError(error)) return state !== undefined && /^(08...|57P0[1235]|25P03)$/.test(state)
  return true
}

const lost = (error: Error): Interruption =>
  error instanceof Interruption
    ? error
    : new Interruption(
        new RunFailure(
          'cannot-connect',
          `the connection to the database was lost (${stateOf(error) ?? error.message})`,
          'see whether the database runs',
        ),
      )
