import { leavingName } from '../history/leaving.ts'
import { holds, type Requirement, type Seen } from '../history/read.ts'
import { isTouched } from '../history/unfinished.ts'
import type { DecisionInput } from '../migration/decide.ts'
import { lowestOf } from '../migration/hold.ts'
import type { Migration } from '../migration/migration.ts'
import { repeatableName } from '../migration/repeatable.ts'
import type { RunRequest } from '../migration/run-request.ts'
import { compareVersions, highestVersion } from '../migration/version.ts'
import type { KnownFloors } from './attempt.ts'

/** The workload's own row among the requirements; of a pod whose workload has changed its set, the one left behind. */
export const ownRequirement = ({ owner, set }: RunRequest, seen: Seen): Requirement | undefined => {
  if (owner === undefined) return undefined
  const named = (name: string) =>
    seen.requirements.find(({ cluster, workload }) => cluster === owner.cluster && workload === name)
  return named(owner.workload) ?? named(leavingName(owner.workload, set))
}

/** One snapshot as the decision table wants it. A person's `down` counts as a lowering of everything that is live. */
export function decisionInput(
  request: RunRequest,
  seen: Seen,
  files: readonly Migration[] | undefined,
  target: string,
  floors?: KnownFloors,
): DecisionInput {
  const own = ownRequirement(request, seen)
  const token = request.owner?.token ?? 0
  const half = halfApplied(seen, target)
  const live = highestVersion([...seen.applied, ...half].map(({ version }) => version)) ?? null
  const others = request.lower?.force
    ? []
    : seen.requirements
        .filter((row) => row !== own && !row.left && !isJob(row))
        .map((row) => ({
          cluster: row.cluster,
          workload: row.workload,
          target: row.target,
          low: lowestOf(row),
          holds: holds(row),
          sameCluster: request.owner === undefined || row.cluster === request.owner.cluster,
        }))
  // Where nobody else holds anything, no floor of the files decides, and none has to be worked out yet.
  const floored = ({ version, floor }: Migration) => {
    const known = others.length === 0 ? floor : (floors?.(version) ?? floor)
    return known === undefined ? { version } : { version, floor: known }
  }
  return {
    mode: request.mode,
    target,
    token,
    onRollback: request.lower === undefined ? request.onRollback : 'always',
    strategy: request.strategy,
    outOfOrder: request.outOfOrder,
    recorded: {
      target: own?.target ?? target,
      token: own?.token ?? token,
      reached: request.lower === undefined ? (own?.reached ?? null) : live,
      stamped: own?.stamp != null,
      // Of a workload without one nothing is known, so any release may serve; a rollout under Recreate ends them all.
      interval: own?.interval ?? { low: '0', high: '0' },
    },
    belowFloor: request.belowFloor,
    applied: [
      ...lasting(seen, target).map(({ version, floor, downChecksum }) => ({
        version,
        floor,
        reversible: downChecksum !== null,
      })),
      ...half.map(({ version, floor, reversible }) => ({ version, floor, reversible, half: true as const })),
    ],
    begun: begunBelow(request, seen, target),
    files: request.lower === undefined ? files?.map(floored) : seen.applied.map(({ version }) => ({ version })),
    others,
  }
}

/** A Job's row carries its token, and holds nothing. */
const isJob = ({ workload }: Requirement) => workload.split('/')[1] === 'Job'

/** Who needs a version whose way down was begun, statement by statement, must not start on what is left of it. */
const lasting = ({ applied, unfinished }: Seen, target: string) =>
  applied.filter(
    ({ version }) =>
      compareVersions(version, target) > 0 ||
      !unfinished.some((each) => each.direction === 'down' && each.version === version && isTouched(each)),
  )

/** A person who goes down asks for no way up, so none is finished or taken back for it. */
const begunBelow = ({ lower }: RunRequest, { applied, unfinished }: Seen, target: string) =>
  unfinished
    .filter(
      (each) =>
        isTouched(each) &&
        repeatableName(each.version) === undefined &&
        compareVersions(each.version, target) <= 0 &&
        (each.direction === 'down' || lower === undefined) &&
        applied.some(({ version }) => version === each.version) === (each.direction === 'down'),
    )
    .sort((a, b) => compareVersions(a.version, b.version))

/** A version above the target that was begun and not finished binds the schema as if it were applied. */
const halfApplied = ({ applied, unfinished }: Seen, target: string) =>
  unfinished.filter(
    (each) =>
      each.direction === 'up' &&
      isTouched(each) &&
      repeatableName(each.version) === undefined &&
      compareVersions(each.version, target) > 0 &&
      !applied.some(({ version }) => version === each.version),
  )
