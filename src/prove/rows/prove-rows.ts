import { DEFAULTS } from '../../contract.ts'
import type { Migration } from '../../migration/migration.ts'
import { EDITIONS } from '../../proof/proof.ts'
import { attempt } from '../attempt.ts'
import { failing, lossy, untried } from '../findings.ts'
import type { Outcome } from '../outcome.ts'
import type { World } from '../world.ts'
import { losses } from './compare.ts'
import { fillTables } from './fill.ts'
import { takeSnapshot } from './snapshot.ts'

/**
 * Fills the tables of a world that stands below a migration, goes up and down, and says which rows and values are not
 * what they were. A table that could not be filled, and an up that such rows are in the way of, block nothing.
 */
export async function proveRows(
  world: World,
  migration: Migration,
  below: string,
): Promise<Pick<Outcome, 'losses' | 'unfilled' | 'findings' | 'compared'>> {
  const { historySchema } = DEFAULTS
  const unfilled = await fillTables(await world.inspector(), historySchema)
  const before = await takeSnapshot(await world.inspector(), historySchema)
  const up = await attempt(() => world.up(migration.version))
  if (up !== undefined) return { losses: [], unfilled, findings: [untried(migration, up)] }
  const down = await attempt(() => world.down(below))
  if (down !== undefined) {
    const finding = failing(migration, 'down', down)
    const message = `${finding.message}, with rows in the tables`
    return { losses: [], unfilled, findings: [{ ...finding, message }], compared: compared('differs') }
  }
  const lost = losses(before, await takeSnapshot(await world.inspector(), historySchema))
  return lost.length === 0
    ? { losses: [], unfilled, findings: [], compared: compared('restored') }
    : { losses: lost, unfilled, findings: [lossy(migration, lost)], compared: compared('differs') }
}

const compared = (result: 'restored' | 'differs') => [{ what: 'rows' as const, edition: EDITIONS.rows, result }]
