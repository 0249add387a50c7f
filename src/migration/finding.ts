/** What Lockkeeper says about a migration or a workload. Codes are stable; sentences are not. */
export interface Finding {
  readonly code: FindingCode
  readonly severity: 'error' | 'warning'
  /** Canonical version of the migration, where there is one. */
  readonly version?: string
  /** File name, as its owner wrote it. */
  readonly file?: string
  /** 1-based. */
  readonly line?: number
  /** What is wrong and why, one line, no final stop needed. */
  readonly message: string
  /** The command or the file that cures it, one line. */
  readonly fix: string
}

/** DESIGN section 6, in the order in which a message lists them. */
export type FindingCode =
  | 'annotation-invalid'
  | 'intent-split'
  | 'source-missing'
  | 'source-unreadable'
  | 'source-too-large'
  | 'source-changed'
  | 'version-invalid'
  | 'version-duplicate'
  | 'version-out-of-order'
  | 'marker-unclear'
  | 'transaction-control'
  | 'target-unknown'
  | 'rollback-missing'
  | 'rollback-empty'
  | 'rollback-irreversible'
  | 'rollback-touches-history'
  | 'rollback-unproven'
  | 'not-injected'
  // Warnings only
  | 'annotation-unknown'
  | 'break-glass'
  | 'container-restored'
  | 'database-missing'
  | 'deadline-long'
  | 'intent-dropped'
  | 'migration-changed'
  | 'owned-by-controller'
  | 'policy-off'
  | 'rollback-data-loss'
  | 'rollback-impossible'
  | 'schema-ahead-incompatible'
  | 'target-lowered'

const finding =
  (severity: Finding['severity']) =>
  (code: FindingCode, message: string, fix: string, version?: string): Finding => ({
    code,
    severity,
    ...(version !== undefined && { version }),
    message,
    fix,
  })

/** A finding that refuses. */
export const refusal = finding('error')
/** A finding that is only said. */
export const remark = finding('warning')
