import { type Comparison, EDITIONS, type ProofEntry, type Proven } from './proof.ts'

/** What a run of the prover is to see. */
export interface Wanted {
  readonly postgres: number
  readonly start: ProofEntry['start']
  readonly compare: readonly Comparison['what'][]
}

export const sameMigration = (a: Proven, b: Proven): boolean =>
  a.version === b.version && a.up === b.up && a.down === b.down && a.before === b.before

/** The entry that already says what a run would say, if all of it was restored. What was not is looked at again. */
export const coveringEntry = (
  entries: readonly ProofEntry[],
  migration: Proven,
  wanted: Wanted,
): ProofEntry | undefined =>
  entries.find(
    (entry) =>
      sameMigration(entry, migration) &&
      entry.postgres === wanted.postgres &&
      entry.start === wanted.start &&
      wanted.compare.every((what) =>
        entry.compared.some(
          (each) => each.what === what && each.edition === EDITIONS[what] && each.result === 'restored',
        ),
      ),
  )
