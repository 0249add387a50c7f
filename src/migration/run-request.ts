import type { BelowFloor, FormatName, Mode, OnRollback } from '../contract.ts'
import type { RollbackRules } from './rollback.ts'

/** On whose behalf a run moves the schema. */
export interface Owner {
  /** UID of the namespace kube-system. */
  readonly cluster: string
  /** `namespace/kind/name`. */
  readonly workload: string
  readonly token: number
  /** Digest of what was admitted, or `-`: no files were. */
  readonly digest: string
}

/** What a run is to do. All times in milliseconds. */
export interface RunRequest {
  /** Version to reach; undefined: the highest that the files hold. */
  readonly target: string | undefined
  /** Undefined when a person runs the program: then no requirement is recorded, and none is stamped. */
  readonly owner: Owner | undefined
  readonly set: string
  readonly historySchema: string
  readonly mode: Mode
  readonly onRollback: OnRollback
  readonly strategy: string
  /** Whether code that is known to fail on the schema may start beside pods of it that serve. */
  readonly belowFloor: BelowFloor
  readonly outOfOrder: boolean
  /** What the webhook read of the migrations that it admitted: own floors by version. */
  readonly admittedFloors?: (version: string) => string | undefined
  readonly rules: RollbackRules & {
    readonly denyFindings: readonly string[]
    readonly breakGlass?: string
    /** The namespace refuses scripts without a version. */
    readonly refuseUnversioned?: true
    /** The webhook judged by a catalogue, which may leave out what is wrong with the files. */
    readonly filesUnseen?: true
  }
  /** A person asked for a way down: to the target, unless another workload holds more (`force` ignores that). */
  readonly lower?: { readonly force: boolean }
  readonly lockTimeoutMs: number
  readonly statementTimeoutMs?: number
  readonly deadlineMs: number
  readonly holdGraceMs: number
  /** Take the versions up to this one as applied, where there is no history yet. */
  readonly adoptAt?: string
  /** Take over from another tool, where there is no history yet and a table of one. */
  readonly adopt?: {
    /** Only from this one. */
    readonly from?: FormatName
    /** Only this table; without a schema it is looked for in the search_path. */
    readonly table?: { readonly schema?: string; readonly name: string }
    /** Keep its table current from then on. */
    readonly keep: boolean
    /** A person asked for it; else it is done where it is clear what is meant. */
    readonly asked: boolean
  }
  /** Applied versions whose changed script a person looked at: the file takes the place of the stored one. */
  readonly acceptChanged?: readonly string[]
  /** Role that runs the scripts. */
  readonly role?: string
  /** Roles that may read the history. */
  readonly readers: readonly string[]
  /** A person waits: what they can settle, or a database that cannot be reached, is an error at once. The lock is waited for. */
  readonly failFast?: boolean
}
