import type { Migration } from '../migration/migration.ts'
import { compareVersions, NOTHING } from '../migration/version.ts'
import type { RunFailure } from '../postgres/failure.ts'
import { attempt } from './attempt.ts'
import { type Base, type BeginningOptions, clearWorld, prepareBase } from './beginning.ts'
import { versionBelow } from './files-for-proof.ts'
import { failing } from './findings.ts'
import { type Outcome, plainOutcome } from './outcome.ts'
import { proveOne } from './prove-one.ts'
import { proveRows } from './rows/prove-rows.ts'
import type { ScratchServer } from './server.ts'
import type { Task } from './tasks.ts'
import type { World } from './world.ts'

export type ProveTask = Extract<Task, { kind: 'prove' }>

export interface CourseOptions extends BeginningOptions {
  readonly rows: boolean
}

/** A world at a version. */
interface Place {
  readonly world: World
  readonly version: string
  readonly schema: string | undefined
  /** Whether anything went down in it. */
  readonly used: boolean
}

interface Proved {
  readonly outcome: Outcome
  /** None above it can be reached. */
  readonly stuck: boolean
}

/** One server's way through the versions: it only goes up, and begins anew where a down script left something behind. */
export class Course {
  readonly #server: ScratchServer
  readonly #options: CourseOptions
  readonly #base: Base
  #place: Place | undefined

  private constructor(server: ScratchServer, options: CourseOptions, base: Base) {
    this.#server = server
    this.#options = options
    this.#base = base
  }

  static async begin(server: ScratchServer, options: CourseOptions): Promise<Course> {
    return new Course(server, options, await prepareBase(server, options))
  }

  /**
   * Proves one migration above those that were proven before. Rows that an earlier way down left may be in its way: where
   * it fails, it is tried again in a world that only went up.
   */
  async prove({ migration }: ProveTask): Promise<Proved> {
    const started = performance.now()
    const used = this.#place?.used === true
    let proved = await this.#try(migration)
    if (used && proved.outcome.result === 'failed') {
      await this.#restart()
      proved = await this.#try(migration)
    }
    const outcome = proved.stuck ? this.#explained(proved.outcome) : proved.outcome
    return { ...proved, outcome: { ...outcome, durationMs: Math.round(performance.now() - started) } }
  }

  async #try(migration: Migration): Promise<Proved> {
    const { files, rows } = this.#options
    const { version } = migration
    const below = versionBelow(files, version)
    const place = this.#place ?? { world: await this.#base.open(), version: NOTHING, schema: undefined, used: false }
    const { world } = place
    this.#place = place
    const there = place.version === below
    const failure = there ? undefined : await attempt(() => world.up(below))
    if (failure !== undefined) return { outcome: this.#stuckAt(failure, version), stuck: true }
    const schema = (there ? place.schema : undefined) ?? (await world.schema())
    const filled = rows ? await world.copy() : undefined
    const tried = await proveOne(world, migration, below, schema)
    const more = filled && tried.outcome.result === 'proven' ? await proveRows(filled, migration, below) : undefined
    await filled?.drop()
    this.#place = { world, version, schema: tried.schema, used: true }
    if (tried.schema === undefined && !tried.stuck) await this.#restart()
    return { outcome: together(tried.outcome, more), stuck: tried.stuck }
  }

  /** A dump of a database that has the migration already is the usual reason why it cannot be applied. */
  #explained(outcome: Outcome): Outcome {
    const { dump, since } = this.#options
    if (dump === undefined || since !== undefined) return outcome
    const fix = `if ${dump.path} has it already, say which version it stands at: --since VERSION`
    return { ...outcome, findings: outcome.findings.map((finding) => ({ ...finding, fix })) }
  }

  async #restart(): Promise<void> {
    if (this.#place !== undefined) await clearWorld(this.#server, this.#place.world, this.#base)
    this.#place = undefined
  }

  /** A migration on the way that was not to be proven cannot even be applied. */
  #stuckAt(failure: RunFailure, wanted: string): Outcome {
    const { migrations } = this.#options.files
    const failed = migrations.find(({ version }) => version === failure.place.version)
    const migration = failed ?? migrations.find(({ version }) => compareVersions(version, wanted) >= 0)
    if (migration === undefined) throw failure
    return plainOutcome(migration.version, migration.up.file, 'failed', [failing(migration, 'up', failure)])
  }
}

function together(outcome: Outcome, rows: Awaited<ReturnType<typeof proveRows>> | undefined): Outcome {
  if (rows === undefined) return outcome
  const findings = [...outcome.findings, ...rows.findings]
  return {
    ...outcome,
    result: findings.some(({ severity }) => severity === 'error') ? 'failed' : outcome.result,
    losses: rows.losses,
    unfilled: rows.unfilled,
    findings,
    compared: [...(outcome.compared ?? []), ...(rows.compared ?? [])],
  }
}
