import { type Client, type DatabaseError, Query } from 'pg'
import { Interruption, RunFailure, stateOf } from './failure.ts'
import { giveRows, goesAlone, isLong, type LongQuery, sendInPieces } from './long-query.ts'
import { OWN_SESSION, opening } from './own-settings.ts'
import { identifier } from './sql.ts'

export type Row = Readonly<Record<string, unknown>>

/** What became of one query of several that were sent back to back. */
export interface Outcome {
  readonly error: Error | undefined
  /** Statements of it that the server completed. */
  readonly completed: number
  /** The transaction status that followed it: `I` idle, `T` in a transaction, `E` in a failed one. */
  readonly status: string | undefined
  /** A COMMIT or PREPARE TRANSACTION was among what it completed: something of it may be there to stay. */
  readonly committed?: true
}

/** The protocol events that pg's Connection emits beside its public interface. */
interface Wire {
  on(event: 'readyForQuery', listener: (message: { status: string }) => void): void
  on(event: 'commandComplete', listener: (message: { text: string }) => void): void
  on(event: 'end', listener: () => void): void
  readonly stream: {
    cork(): void
    uncork(): void
    destroy(): void
    unref(): void
    once(event: 'finish', listener: () => void): void
  }
}

/** A query on its way: the server answers in the order in which they were sent. */
interface Flying {
  error: Error | undefined
  completed: number
  committed: boolean
  readonly land: (status: string | undefined) => void
}

/**
 * One PostgreSQL session. Text goes by the simple protocol, so that it means what psql means by it. The session is ours
 * from its first question on (see `own-settings.ts`): what makes it so travels with that question.
 */
export class Session {
  readonly #client: Client
  readonly #wire: Wire
  readonly #flying: Flying[] = []
  #lost: Error | undefined
  /** The role that options or the login's own settings began the session with; undefined: the login itself. */
  startRole: string | undefined
  /** Whether our settings hold until the end of the session, and not only for one message. */
  #ours = false

  constructor(client: Client) {
    this.#client = client
    this.#wire = (client as unknown as { connection: Wire }).connection
    // An error between two queries would end the process if nobody listened; the next query reports it.
    client.on('error', (error) => {
      this.#lost ??= error
    })
    this.#wire.on('commandComplete', ({ text }) => {
      const [first] = this.#flying
      if (first === undefined) return
      first.completed += 1
      if (text === 'COMMIT' || text === 'PREPARE TRANSACTION') first.committed = true
    })
    this.#wire.on('readyForQuery', ({ status }) => this.#flying.shift()?.land(status))
    this.#wire.on('end', () => {
      this.#lost ??= new Error('Connection terminated')
      for (const query of this.#flying.splice(0)) {
        query.error ??= this.#lost
        query.land(undefined)
      }
    })
  }

  /** The rows of a single statement. Throws pg's DatabaseError, or Interruption when the connection is lost. */
  async rows(text: string): Promise<Row[]> {
    if (this.#lost !== undefined) throw lost(this.#lost)
    this.#flying.push({ error: undefined, completed: 0, committed: false, land: () => undefined })
    try {
      if (this.#ours) return (await this.#client.query<Row>(text)).rows
      // pg answers a message of several statements with the result of each.
      const asked = await this.#client.query<Row>(`${opening(this.announcedPid)};\n${text}`)
      const results = asked as unknown as { readonly rows: Row[] }[]
      const began = results.map(({ rows: [row] }) => row).find((row) => row?.began_as !== undefined)
      if (!this.#ours && began?.began_as !== 'none') this.startRole = began?.began_as as string | undefined
      this.#ours ||= began !== undefined && began.process === this.announcedPid
      return results.at(-1)?.rows ?? []
    } catch (error) {
      if (error instanceof Error && isLoss(error)) throw lost(error)
      throw error
    }
  }

  /**
   * Answers a question about what names mean to the scripts, which run with the role's own settings: every name in its
   * text has to be qualified, operators and types too. `role`: who runs them, where it is not the one that logs in.
   */
  async askAsScript(text: string, role?: string): Promise<Row[]> {
    const asScript = [
      'BEGIN',
      'RESET ROLE',
      'RESET search_path',
      ...(role === undefined ? [] : [`SET ROLE ${identifier(role)}`]),
    ]
    const opened = this.send([asScript.join(';\n')])
    this.#flying.push({ error: undefined, completed: 0, committed: false, land: () => undefined })
    const asked = this.#client.query<Row>(text).then(
      ({ rows }) => ({ rows }),
      (error: Error) => ({ error }),
    )
    const [[given], answer] = await Promise.all([opened, asked, this.send(['ROLLBACK'])])
    // A role that cannot be set, before what follows from it.
    if (given?.error !== undefined) throw given.error
    if ('error' in answer) throw isLoss(answer.error) ? lost(answer.error) : answer.error
    return answer.rows
  }

  /** The server's process that serves this session. */
  async pid(): Promise<number> {
    const [row] = await this.rows('SELECT pg_catalog.pg_backend_pid() AS pid')
    return Number(row?.pid)
  }

  /** Makes the session ours for good: only for one that no pooler lends to others. */
  async own(): Promise<void> {
    if (!this.#ours) await this.#sendOwn('ROLLBACK')
  }

  /** Ends whatever transaction is open, and makes the session ours again, whatever a script did to it. */
  async takeBack(): Promise<void> {
    await this.#sendOwn('ROLLBACK')
  }

  /** Makes the session as new as one that was just opened. */
  async renew(): Promise<void> {
    await this.#sendOwn('DISCARD ALL')
  }

  async #sendOwn(first: string): Promise<void> {
    const failed = (await this.send([first, OWN_SESSION])).find(({ error }) => error !== undefined)
    if (failed?.error !== undefined) throw failed.error
    this.#ours = true
  }

  /** The process that was named when the connection opened: the server's own, or a pooler's invention. */
  get announcedPid(): number | undefined {
    return (this.#client as unknown as { readonly processID: number | null }).processID ?? undefined
  }

  /** Statements whose rows nobody reads; several are one implicit transaction. */
  async execute(text: string): Promise<void> {
    const [outcome] = await this.send([this.#ours ? text : `${opening(this.announcedPid)};\n${text}`])
    if (outcome?.error !== undefined) throw outcome.error
  }

  /**
   * Sends queries without waiting between them, nor for those that were sent before; rows are dropped as they come.
   * Throws Interruption when the connection is lost.
   */
  async send(texts: readonly (string | LongQuery)[]): Promise<Outcome[]> {
    // One write for all of them, since each write wakes the server; but not of megabytes, which would be copied for it.
    const queries = texts.map((each) => (typeof each === 'string' ? { parts: [each], rows: [], whole: true } : each))
    const small = !queries.some(goesAlone)
    if (small) this.#wire.stream.cork()
    const sent = queries.map((query) => this.#drop(query))
    if (small) this.#wire.stream.uncork()
    const outcomes = await Promise.all(sent)
    const gone = outcomes.find(({ error }) => error !== undefined && isLoss(error))?.error
    if (gone !== undefined) throw lost(gone)
    return outcomes
  }

  #drop(sent: LongQuery): Promise<Outcome> {
    const { parts, rows } = sent
    if (this.#lost !== undefined) return Promise.resolve({ error: this.#lost, completed: 0, status: undefined })
    return new Promise((resolve) => {
      const flying: Flying = {
        error: undefined,
        completed: 0,
        committed: false,
        land: (status) => {
          const { error, completed, committed } = flying
          resolve({ error, completed, status, ...(committed && { committed }) })
        },
      }
      this.#flying.push(flying)
      const long = isLong(sent)
      const query = new Query(long ? '' : parts.join(''))
      if (rows.length > 0) giveRows(query, rows)
      if (long) sendInPieces(query, sent)
      query.on('row', () => undefined)
      query.on('error', (problem: Error) => {
        flying.error ??= problem
        // A client that is already gone sends nothing, so nothing answers.
        if (isLoss(problem)) flying.land(undefined)
      })
      this.#client.query(query)
    })
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

  /** Says goodbye, and lets the process end before the server has heard it: for a session that holds no lock. */
  leave(): void {
    this.#wire.stream.once('finish', () => this.#wire.stream.unref())
    this.#client.end().catch((error: Error) => {
      this.#lost ??= error
    })
  }

  /** Cuts the connection at once. */
  destroy(): void {
    this.#wire.stream.destroy()
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
