import type { Catalogue } from '../../src/migration/migration.ts'
import { digestsBefore } from '../../src/proof/predecessors.ts'
import type { ProofEntry } from '../../src/proof/proof.ts'

/** What the prover writes of a catalogue where all is well. */
export const entriesOf = (of: Catalogue, more: Partial<ProofEntry> = {}): ProofEntry[] => {
  const before = digestsBefore(of)
  return of.entries.map(({ version, up, down = '' }) => ({
    version,
    up,
    down,
    before: before.get(version) ?? '',
    postgres: 18,
    start: 'empty',
    compared: [{ what: 'schema', edition: 1, result: 'restored' }],
    at: '2026-11-25T22:46:49Z',
    ...more,
  }))
}
