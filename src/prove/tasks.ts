import { catalogueOf } from '../migration/catalogue.ts'
import type { Finding } from '../migration/finding.ts'
import type { Migration, MigrationSet } from '../migration/migration.ts'
import { compareVersions } from '../migration/version.ts'
import { coveringEntry, type Wanted } from '../proof/covers.ts'
import { digestsBefore } from '../proof/predecessors.ts'
import type { ProofEntry, Proven } from '../proof/proof.ts'

/** What is to be done with a migration. */
export type Task = { readonly migration: Migration } & (
  | { readonly kind: 'prove'; readonly key: Proven }
  /** An earlier proof holds. */
  | { readonly kind: 'cached'; readonly entry: ProofEntry }
  /** At or below `--since`: it is run, and not looked at. */
  | { readonly kind: 'before' }
  | { readonly kind: 'irreversible'; readonly reason: string }
  /** There is no down script that could be tried, or the files cannot be run this far. */
  | { readonly kind: 'refused'; readonly findings: readonly Finding[] }
)

export interface Ask {
  /** What an earlier proof says. */
  readonly known: readonly ProofEntry[]
  readonly wanted: Wanted
  readonly since: string | undefined
}

/** A task for each versioned migration, in version order. Errors in the files are in them; those of no version are not. */
export function tasksOf(set: MigrationSet, { known, wanted, since }: Ask): Task[] {
  const catalogue = catalogueOf(set)
  const before = digestsBefore(catalogue)
  const entries = new Map(catalogue.entries.map((entry) => [entry.version, entry]))
  return set.migrations
    .filter(({ kind }) => kind === 'versioned')
    .map((migration): Task => {
      const { version, up, down, irreversible } = migration
      if (since !== undefined && compareVersions(version, since) <= 0) return { migration, kind: 'before' }
      const findings = (entries.get(version)?.findings ?? []).filter(({ severity }) => severity === 'error')
      const needless = irreversible !== undefined && findings.every(({ code }) => code.startsWith('rollback-'))
      if (needless) return { migration, kind: 'irreversible', reason: irreversible.reason }
      if (findings.length > 0 || down === undefined) return { migration, kind: 'refused', findings }
      const key = { version, up: up.checksum, down: down.checksum, before: before.get(version) ?? '' }
      const entry = coveringEntry(known, key, wanted)
      return entry === undefined ? { migration, kind: 'prove', key } : { migration, kind: 'cached', entry }
    })
}

/** Every migration as a proof knows it, to tell which entries of an earlier proof still speak of something. */
export function keysOf(set: MigrationSet): Proven[] {
  const catalogue = catalogueOf(set)
  const before = digestsBefore(catalogue)
  return catalogue.entries.flatMap(({ version, up, down }) =>
    down === undefined ? [] : [{ version, up, down, before: before.get(version) ?? '' }],
  )
}
