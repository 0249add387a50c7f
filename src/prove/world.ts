import { person, requestOf } from '../cli/database.ts'
import { DEFAULTS } from '../contract.ts'
import { run } from '../engine/run.ts'
import type { MigrationSet } from '../migration/migration.ts'
import { NOTHING } from '../migration/version.ts'
import { connect } from '../postgres/connect.ts'
import type { Session } from '../postgres/session.ts'
import { catalogQuery } from './catalog/query.ts'
import type { ScratchServer } from './server.ts'

/** What a world begins with. */
export interface Beginning {
  readonly server: ScratchServer
  readonly database: string
  readonly files: MigrationSet
  /** Versions up to it count as applied when the first run begins; NOTHING: none do. */
  readonly adoptAt: string
  readonly signal: AbortSignal
}

/** A database on its way through the versions, moved by the runner as it moves any. */
export class World {
  readonly #given: Beginning
  #inspector: Session | undefined
  #mover: Session | undefined

  constructor(given: Beginning) {
    this.#given = given
  }

  /** Throws RunFailure. */
  async up(version: string): Promise<void> {
    if (version !== NOTHING) await this.#run(version, false)
  }

  /** By the stored scripts. Throws RunFailure. */
  async down(version: string): Promise<void> {
    await this.#run(version, true)
  }

  async #run(version: string, lower: boolean): Promise<void> {
    const { server, database, files, adoptAt, signal } = this.#given
    const request = { ...requestOf({}, version), adoptAt, ...(lower && { lower: { force: true } }) }
    const where = { database: server.target(database), who: person() }
    try {
      await run(
        { request, ...where, files: async () => files, emit: () => undefined, signal },
        await this.#cleanSession(),
      )
    } catch (error) {
      this.#mover?.destroy()
      this.#mover = undefined
      throw error
    }
  }

  /** As new as one that was just opened, at a third of the price: the server knows its catalogs already. */
  async #cleanSession(): Promise<Session> {
    if (this.#mover !== undefined) {
      await this.#mover.renew()
      return this.#mover
    }
    const { server, database } = this.#given
    this.#mover = await connect(server.target(database), 'prove')
    return this.#mover
  }

  /** The answer of `catalogQuery`. */
  async schema(): Promise<string> {
    const session = await this.inspector()
    const [row] = await session.rows('execute lockkeeper_catalog')
    return String(row?.schema ?? '')
  }

  /** A session that looks; between looks it is idle, and outside any transaction. */
  async inspector(): Promise<Session> {
    this.#inspector ??= await this.#openInspector()
    return this.#inspector
  }

  async #openInspector(): Promise<Session> {
    const { server, database } = this.#given
    const session = await connect(server.target(database), 'prove')
    const query = catalogQuery({ major: server.major, historySchema: DEFAULTS.historySchema })
    // Names are qualified where their schema is not on the path, which is pg_catalog's; the plan is made once.
    await session.own()
    await session.execute(`set jit = off; prepare lockkeeper_catalog as ${query}`)
    return session
  }

  /** Lets go of the database, so that it can be copied or dropped. */
  async leave(): Promise<void> {
    this.#mover?.destroy()
    this.#mover = undefined
    const inspector = this.#inspector
    this.#inspector = undefined
    await inspector?.end()
  }

  async drop(): Promise<void> {
    await this.leave()
    await this.#given.server.drop(this.#given.database)
  }

  /** A copy of it as it is now. */
  async copy(): Promise<World> {
    await this.leave()
    return new World({ ...this.#given, database: await this.#given.server.create(this.#given.database) })
  }
}
