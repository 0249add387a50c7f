import type { ServerFacts } from '../history/facts.ts'
import type { Seen } from '../history/read.ts'
import type { Journal } from '../history/write.ts'
import type { Decision } from '../migration/decide.ts'
import type { Migration, MigrationSet } from '../migration/migration.ts'
import type { RunRequest } from '../migration/run-request.ts'
import type { DatabaseTarget } from '../postgres/database-target.ts'
import type { RunFailure } from '../postgres/failure.ts'
import type { Session } from '../postgres/session.ts'
import type { Adoption, Keeper } from './adoption/tool.ts'
import type { Patience } from './deadline.ts'
import type { Emit } from './event.ts'
import type { filesFor } from './files-for-target.ts'

/** What a run needs of the world. */
export interface RunContext {
  readonly request: RunRequest
  readonly database: DatabaseTarget
  /** Who runs, for application_name: a workload, or a person's program. */
  readonly who: string
  /** Reads the migration files, when something may have to move; undefined: none are mounted. */
  readonly files: () => Promise<MigrationSet | undefined>
  readonly emit: Emit
  /** Told what is applied at each look, before anything is decided. */
  readonly seen?: (applied: readonly string[]) => void
  readonly signal?: AbortSignal
  /** How often a step that runs says how it is getting on, ms; default 30 s. */
  readonly progressEveryMs?: number
}

export interface StepReport {
  readonly version: string
  readonly direction: 'up' | 'down'
  readonly durationMs: number
  readonly retries: number
}

/** What a run did until the schema was ready. Versions are null when nothing is applied. */
export interface RunReport {
  readonly from: string | null
  readonly to: string | null
  readonly steps: readonly StepReport[]
  readonly warnings: readonly string[]
}

/** What outlives a lost connection. */
export interface RunState {
  readonly patience: Patience
  readonly journal: Journal
  readonly steps: StepReport[]
  /** So many of them came before the connection was lost last: a server that crashed may have forgotten them. */
  stepsBeforeLoss: number
  from: string | null | undefined
  /** How often the connection was lost while a version's step ran. */
  readonly broken: Map<string, number>
  /** What of the step that is on its way is there to stay; undefined: nothing. */
  halfway?: string | undefined
  /** The server process of the session that is open. */
  pid: number | undefined
}

/** The own floor of a version, see `Migration.floor`; undefined: not known. */
export type KnownFloors = (version: string) => string | undefined

/** A session's part of a run. */
export interface Attempt {
  readonly session: Session
  readonly context: RunContext
  readonly state: RunState
  facts: ServerFacts
  /** Settings of ours that this server accepts, as statements; undefined until they are made. */
  ownSettings: readonly string[] | undefined
  /** Whether the history's tables are there. */
  history: boolean
  recorded: boolean
  /** The epoch at which a start did not count; it does at the next look, unless something else is wrong. */
  missedAt: number | undefined
  /** How often a step was taken back because of what others wrote meanwhile. */
  overtaken: number
  locked: boolean
  /** Why the stored scripts are not trusted; matters before a move. */
  untrusted: RunFailure | undefined
  /** Roles that are to read the history and may not yet. */
  lacking: readonly string[]
  /** No table but ours was seen before the history. */
  empty: boolean
  /** What the set's history is to begin with. */
  adoption: Adoption | undefined
  /** Keeps the table of an adopted tool current with each step. */
  keeper: Keeper | undefined
}

/** What one look at the database says. */
export interface Look {
  readonly target: string
  readonly seen: Seen
  readonly mounted: MigrationSet | undefined
  readonly files: ReturnType<typeof filesFor>
  /** What stands for the versions up to its own, since nothing is applied yet. */
  readonly baseline: Migration | undefined
  /** What the pending ones do to the code before them; undefined where nothing is pending. */
  readonly floors: KnownFloors | undefined
  readonly decision: Decision
}
