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

/** What admission finds (DESIGN section 6), in the order in which a message lists them. */
const ADMISSION_CODES = [
  'annotation-invalid',
  'intent-split',
  'name-taken',
  'linux-only',
  'source-missing',
  'source-unreadable',
  'source-too-large',
  'source-changed',
  'too-many-files',
  'too-many-versions',
  'too-many-unversioned',
  'too-many-findings',
  'version-invalid',
  'version-duplicate',
  'version-out-of-order',
  'marker-unclear',
  'transaction-control',
  'target-unknown',
  'rollback-missing',
  'rollback-empty',
  'rollback-irreversible',
  'rollback-touches-history',
  'rollback-unproven',
  'rollback-unversioned',
  'not-injected',
  // Warnings only
  'annotation-unknown',
  'break-glass',
  'container-restored',
  'database-missing',
  'deadline-long',
  'intent-dropped',
  'migration-changed',
  'owned-by-controller',
  'policy-off',
  'rollback-data-loss',
  'rollback-impossible',
  'schema-ahead-incompatible',
  'sql-unjudged',
  'target-lowered',
] as const

/**
 * What `src/safety` finds, which reads the SQL itself; docs/rules.md has a paragraph on each. A list, since
 * `-- lockkeeper: allow CODE REASON` is checked against it where that folder's parser is not loaded.
 */
export const SAFETY_CODES = [
  // What the parser cannot read
  'sql-rejected',
  'sql-too-long',
  'too-many-statements',
  // Locks
  'attach-scans-table',
  'check-scans-table',
  'cluster-blocks-reads',
  'constraint-validated-under-lock',
  'default-rewrites-table',
  'detach-blocks-reads',
  'domain-check-scans-tables',
  'exclusion-builds-under-lock',
  'foreign-key-scans-table',
  'generated-column-rewrites-table',
  'index-blocks-writes',
  'index-drop-blocks-reads',
  'lock-table-blocks-clients',
  'lock-timeout-replaced',
  'not-null-scans-table',
  'partition-of-blocks-reads',
  'refresh-blocks-reads',
  'reindex-blocks-writes',
  'several-exclusive-locks',
  'storage-change-rewrites-table',
  'tablespace-change-copies-table',
  'type-change-rewrites-table',
  'unique-builds-under-lock',
  'vacuum-full-blocks-reads',
  // Data, and the code that still runs
  'adds-and-drops',
  'cascade-drops-unnamed',
  'column-needs-default',
  'delete-empties-table',
  'drop-breaks-clients',
  'drop-loses-data',
  'enum-value-used-early',
  'rename-breaks-clients',
  'truncate-loses-data',
  'type-change-narrows',
  'update-touches-all-rows',
  // A down script, matched against its up
  'rollback-data-gone',
  'rollback-data-loss',
  'rollback-drops-others',
  'rollback-hides-nothing',
  'rollback-leaves-behind',
  'rollback-not-restored',
  'rollback-only-records',
  'rollback-order',
] as const
export type SafetyCode = (typeof SAFETY_CODES)[number]

/** A list, since `deny-findings` is checked against it. */
export const FINDING_CODES = [...new Set([...ADMISSION_CODES, ...SAFETY_CODES])]
export type FindingCode = (typeof FINDING_CODES)[number]

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
