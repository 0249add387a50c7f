import type { Finding } from './finding.ts'
import type { MigrationSet } from './migration.ts'

/** What the SQL of a set says, as `src/safety` reads it; a plain value, since another thread may have read it. */
export interface SqlFacts {
  /** By version, the floor that it brings by itself, where that is known: see `Migration.floor`. */
  readonly floors: Readonly<Record<string, string>>
  /** Only said, unless a namespace lists their codes in `deny-findings`; a down script that is not valid SQL is an error. */
  readonly findings: readonly Finding[]
}

/** A set that knows what its SQL says. */
export function withSqlFacts(set: MigrationSet, { floors, findings }: SqlFacts): MigrationSet {
  return {
    ...set,
    migrations: set.migrations.map((migration) => {
      const floor = migration.kind === 'versioned' ? floors[migration.version] : undefined
      return floor === undefined ? migration : { ...migration, floor }
    }),
    findings: [...set.findings, ...findings],
  }
}
