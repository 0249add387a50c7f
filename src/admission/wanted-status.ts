import type { Status } from '../injection/status.ts'
import { floorOf } from '../migration/decide.ts'
import type { Catalogue } from '../migration/migration.ts'
import { compareVersions, isAbove } from '../migration/version.ts'
import { digestToHand } from './digest-to-hand.ts'
import type { Facts } from './facts.ts'
import { pairsOf, pairsUpTo } from './pairs.ts'
import type { Build } from './situation.ts'
import { wayBackOf } from './way-back.ts'

/**
 * The status that is to be written, but for its token. `catalogue`: undefined where it cannot be had. Then what was
 * admitted before is all that counts as admitted: the status that comes with an object may be anybody's. Its digest goes
 * on to the runner, which checks what it is to apply, but not where the policy leaves that to admission alone.
 */
export function wantedStatus(build: Build, catalogue: Catalogue | undefined, facts: Facts): Omit<Status, 'token'> {
  const { settings, hash: intent, incoming, old, admitted } = build
  const { target, policy } = settings
  const left = leftByWayBack(build)
  const ahead = left === undefined ? {} : { left }
  if (catalogue !== undefined) {
    const digest = digestToHand(build, catalogue, facts)
    return { target, digest, floor: floorAt(catalogue, target), intent, ...pairsOf(catalogue, target), ...ahead }
  }
  const known = [incoming, old?.status].find((status) => status?.target === target)
  const strict = policy.rollbackPolicy === 'proven' || policy.denyFindings.length > 0
  const pairs = admitted === undefined ? { entries: {} } : pairsUpTo(admitted, target)
  return {
    target,
    digest: strict ? '-' : (known?.digest ?? '-'),
    floor: known?.floor ?? target,
    intent,
    ...pairs,
    ...ahead,
  }
}

/** The floor of the schema at a target. */
export const floorAt = (catalogue: Catalogue, target: string): string =>
  floorOf(
    catalogue.entries
      .filter(({ version }) => compareVersions(version, target) <= 0)
      .map(({ version, floor }) => ({ version, floor: floor ?? null })),
  )

/** What the schema may still be at above the target: whether it ever was, only the database knows. */
function leftByWayBack(build: Build): string | undefined {
  const { old, settings, direction } = build
  if (old === undefined) return undefined
  const { target, left, floor } = old.status
  if (direction === 'back' && wayBackOf(build, settings.target, floor) === 'down') return undefined
  const highest = left !== undefined && isAbove(left, target) ? left : target
  return isAbove(highest, settings.target) ? highest : undefined
}
