import type { BelowFloor, Mode, OnRollback, RunCode } from '../contract.ts'
import type { Interval } from './hold.ts'
import { compareVersions, highestVersion, NOTHING, shownVersion } from './version.ts'

export interface DecisionInput {
  readonly mode: Mode
  readonly target: string
  readonly token: number
  readonly onRollback: OnRollback
  /** The workload's update strategy, as Kubernetes names it. */
  readonly strategy: string
  readonly outOfOrder: boolean
  /** Start below a floor that is known for no release that may serve already (`lockkeeper.dev/below-floor`: refuse). */
  readonly belowFloor: BelowFloor
  readonly recorded: Recorded
  readonly applied: readonly {
    readonly version: string
    readonly floor: string | null
    readonly reversible: boolean
    /** Begun statement by statement, and not finished: only versions above the target are given so. */
    readonly half?: true
  }[]
  /** Versions at or below the target that were begun statement by statement and are not finished, in number order. */
  readonly begun?: readonly {
    readonly version: string
    readonly direction: 'up' | 'down'
    /** Of a way up: its way back is kept. */
    readonly reversible: boolean
  }[]
  /** The mounted migrations; undefined when no files are mounted: then the target in the history counts as all. */
  readonly files: readonly { readonly version: string; readonly floor?: string }[] | undefined
  /** The other workloads of the set. Another cluster's warn upwards and hold downwards. */
  readonly others: readonly Other[]
}

/** The workload's row after this run recorded its intent: its newest intent, and what its runs reached. */
export interface Recorded {
  readonly target: string
  readonly token: number
  readonly reached: string | null
  /** A pod of this token was ready once: what starts from now on is a restart. */
  readonly stamped: boolean
  /** The releases whose code may serve. */
  readonly interval: Interval
}

export interface Other {
  readonly cluster: string
  readonly workload: string
  readonly target: string
  /** Code of this release may serve, and none below it (`lowestOf`). */
  readonly low: string
  /** The version below which the schema must not go (`holdOf`). */
  readonly holds: string
  readonly sameCluster: boolean
}

export type Decision =
  | { readonly kind: 'start'; readonly warnings: readonly string[] }
  | { readonly kind: 'up'; readonly steps: readonly string[]; readonly warnings: readonly string[] }
  | { readonly kind: 'down'; readonly steps: readonly string[] }
  | Obstacle
/** `wait`: poll until the deadline, then refuse with this; `refuse`: at once. */
export interface Obstacle {
  readonly kind: 'wait' | 'refuse'
  readonly code: RunCode
  readonly message: string
  readonly fix: string
}

/**
 * What a run does, from one snapshot of history and requirements. The first row that matches answers.
 *
 * | missing up to target | above target | lowering | and                                     | answer                         |
 * |----------------------|--------------|----------|-----------------------------------------|--------------------------------|
 * | mode gate: as below where a row says start                                                 | else wait schema-behind        |
 * | newest intent, and a version at or below the target was begun and is not finished         | finish it, or take it back     |
 * | some                 |              |          | own token older than the recorded       | refuse superseded              |
 * | some                 |              |          | one lies below an applied, not allowed  | refuse out-of-order            |
 * | some                 |              |          | one is known to break another workload  | wait breaks-workload           |
 * | some                 |              |          |                                         | up                             |
 * | none                 | none         | any      |                                         | start                          |
 * | none                 | some         | yes      | target >= floor and not always          | start                          |
 * | none                 | some         | yes      | auto, and not Recreate or newer serve   | wait schema-ahead-incompatible |
 * | none                 | some         | yes      | another workload holds a higher one     | wait held-by-workload          |
 * | none                 | some         | yes      | a step has no way down                  | refuse rollback-impossible     |
 * | none                 | some         | yes      |                                         | down                           |
 * | none                 | some         | no       | known to fail, and not as what serves   | late: refuse superseded; else  |
 * |                      |              |          |                                         | wait schema-ahead-incompatible |
 * | none                 | some         | no       |                                         | start, warn below the floor    |
 *
 * Lowering: this is the workload's newest intent, no pod of it was ready yet, what its runs reached is above its target,
 * and the policy is not `keep`. Only such a run ever takes the schema down: no restart, no late pod, no other workload.
 *
 * Another workload is broken by a version above its target whose floor is known and above its target, or above the
 * lowest of its releases that may still serve: it takes the versions up to its target itself.
 *
 * Known to fail, and not as what serves: the target is below a known floor of what is applied, and below the lowest own
 * release that may serve. Pods of a release that serves are replaced, with a warning, since refusing them would end what
 * works; a namespace may ask for the strict form, and `keep` never refuses.
 */
export function decide(input: DecisionInput): Decision {
  const answer = decideMigrate(input)
  if (input.mode !== 'gate' || answer.kind === 'start') return answer
  return {
    kind: 'wait',
    code: 'schema-behind',
    message: `the schema is not at ${input.target} yet, and mode gate runs nothing itself`,
    fix: 'run the migrations (Job, Helm hook or lockkeeper up); this pod starts as soon as they are through',
  }
}

function decideMigrate(input: DecisionInput): Decision {
  const [half] = input.begun ?? []
  if (half !== undefined && input.token >= input.recorded.token) return goOn(input, half)
  const missing = missingVersions(input)
  if (missing.length > 0) return goUp(input, missing)
  const above = input.applied.filter(({ version }) => compareVersions(version, input.target) > 0)
  if (above.length === 0) return { kind: 'start', warnings: [] }
  const live = highestVersion(above.map(({ version }) => version)) ?? input.target
  const floor = floorOf(input.applied)
  const compatible = compareVersions(input.target, floor) >= 0
  const ahead = `the schema is at ${live}; release ${input.target} is not known to work above ${floor === live ? input.target : floor}`
  const unfinished = above.filter((each) => each.half === true).map(({ version }) => version)
  const begun = unfinished.map(
    (version) => `version ${version} was begun and is not finished; a release that has it finishes it`,
  )
  const start: Decision = { kind: 'start', warnings: [...(compatible ? [] : [ahead]), ...begun] }
  if (input.onRollback === 'keep') return start
  if (isLowering(input)) return compatible && input.onRollback !== 'always' ? start : goDown(input, above, live)
  return knownToFail(input, above, live) ?? start
}

/**
 * What was begun is there, whoever stands in its way by now: it is finished before anything else is asked. What the files
 * do not have any more is taken back: it never was there as a whole, so no code counts on it.
 */
function goOn(
  { files }: DecisionInput,
  { version, direction, reversible }: NonNullable<DecisionInput['begun']>[number],
): Decision {
  if (direction === 'down' || files?.some((each) => each.version === version)) {
    return { kind: 'up', steps: [version], warnings: [] }
  }
  if (files !== undefined && reversible) return { kind: 'down', steps: [version] }
  const lack = files === undefined ? 'no mounted files say how it ends' : 'the files do not have it any more'
  return {
    kind: 'refuse',
    code: 'in-doubt',
    message: `version ${version} was begun statement by statement and is not finished, and ${lack}${reversible ? '' : '; it came without a down script'}`,
    fix: `deploy files that have version ${version}, which finishes it; or, when what it did is taken back by hand: lockkeeper resolve ${version} --retry`,
  }
}

/** Only the newest intent of a workload whose own runs went higher, before any pod of it was ready, lowers anything. */
function isLowering({ recorded, target, token }: DecisionInput): boolean {
  const { reached, stamped } = recorded
  return token === recorded.token && !stamped && reached !== null && compareVersions(reached, target) > 0
}

function knownToFail(input: DecisionInput, above: DecisionInput['applied'], live: string): Obstacle | undefined {
  const { target, token, recorded, belowFloor } = input
  const failing = above.find(({ floor }) => floor !== null && compareVersions(target, floor) < 0)
  if (failing === undefined) return undefined
  const { low } = recorded.interval
  const serves = low !== undefined && compareVersions(low, target) <= 0
  if (serves && belowFloor !== 'refuse') return undefined
  const message = `release ${target} is known to fail on the schema at ${live}: version ${failing.version} needs at least release ${failing.floor}`
  if (token < recorded.token) {
    return {
      kind: 'refuse',
      code: 'superseded',
      message: `${message}, and a newer rollout of this workload (token ${recorded.token}, version ${recorded.target}) took over from this one (token ${token})`,
      fix: 'scale the older ReplicaSet down again; to bring this release back for good: `kubectl rollout undo`, which gives it a new token',
    }
  }
  return {
    kind: 'wait',
    code: 'schema-ahead-incompatible',
    message,
    fix: `deploy release ${failing.floor} or a later one, or set lockkeeper.dev/on-rollback: keep on the namespace to start it all the same`,
  }
}

function goDown(input: DecisionInput, above: DecisionInput['applied'], live: string): Decision {
  const { target, recorded } = input
  if (input.onRollback === 'auto') {
    if (input.strategy !== 'Recreate') return incompatible(target, live)
    const { high } = recorded.interval
    if (compareVersions(high, target) > 0) return stillServes(target, live, high)
  }
  const holder = input.others.find(({ holds }) => compareVersions(holds, target) > 0)
  if (holder !== undefined) return held(target, holder)
  const stuck = above.find(({ reversible }) => !reversible)
  if (stuck !== undefined) {
    return {
      kind: 'refuse',
      code: 'rollback-impossible',
      message: `the schema is at ${live} and version ${stuck.version} has no down script in the database, so ${shownVersion(target)} is out of reach`,
      fix: 'deploy a release that works on this schema, or set lockkeeper.dev/on-rollback: keep on the namespace',
    }
  }
  const steps = above.map(({ version }) => version).sort((a, b) => compareVersions(b, a))
  return { kind: 'down', steps }
}

function goUp(input: DecisionInput, missing: readonly string[]): Decision {
  const { target, token, recorded, applied, outOfOrder, others } = input
  if (token < recorded.token) return superseded(input)
  const top = highestVersion(applied.map(({ version }) => version))
  const late = missing.filter((version) => top !== undefined && compareVersions(version, top) < 0)
  if (late.length > 0 && !outOfOrder) {
    return {
      kind: 'refuse',
      code: 'out-of-order',
      message: `version ${late.join(', ')} was never applied, but ${top} above it was`,
      fix: 'give it the next free number, or set config.lockkeeper.dev/out-of-order: "true"',
    }
  }
  const broken = blockerAmong(input, missing)
  if (broken !== undefined) return breaks(target, broken)
  const behind = others.filter((each) => compareVersions(each.target, target) < 0).map(nameOf)
  const warnings = behind.length === 0 ? [] : [`${target} is not known to suit ${behind.join(', ')}`]
  return { kind: 'up', steps: missing, warnings }
}

/**
 * Of the versions that are missing, the first that is known to break code of another workload that may serve. Going up,
 * only what is *known* to break counts: an unknown floor is no obstacle. Its step asks the same again in its own
 * transaction (`engine/step/checks.ts`).
 */
function blockerAmong({ files, others }: DecisionInput, missing: readonly string[]): Blocked | undefined {
  for (const { version, floor } of files ?? []) {
    if (floor === undefined || floor === '0' || !missing.includes(version)) continue
    const other = others.find(
      ({ target, low, sameCluster }) =>
        sameCluster && compareVersions(version, target) > 0 && compareVersions(floor, low) > 0,
    )
    if (other !== undefined) return { version, floor, other }
  }
  return undefined
}

interface Blocked {
  readonly version: string
  readonly floor: string
  readonly other: Other
}

function missingVersions({ files, applied, target }: DecisionInput): string[] {
  const done = new Set(applied.map(({ version }) => version))
  if (files === undefined) return target === '0' || target === NOTHING || done.has(target) ? [] : [target]
  return files
    .map(({ version }) => version)
    .filter((version) => compareVersions(version, target) <= 0 && !done.has(version))
    .sort(compareVersions)
}

/** The lowest target whose code is known to work on the schema: unknown counts as incompatible. */
export function floorOf(applied: readonly { readonly version: string; readonly floor: string | null }[]): string {
  return highestVersion(applied.map(({ version, floor }) => floor ?? version)) ?? '0'
}

const superseded = ({ token, recorded, target }: DecisionInput): Obstacle => ({
  kind: 'refuse',
  code: 'superseded',
  message: `a newer rollout of this workload (token ${recorded.token}, version ${recorded.target}) took over from this one (token ${token}, version ${target})`,
  fix: 'nothing, if that rollout is the wanted one; else `kubectl rollout restart`, which gives this one a new token',
})

const incompatible = (target: string, live: string): Obstacle => ({
  kind: 'wait',
  code: 'schema-ahead-incompatible',
  message: `the schema is at ${live} and release ${target} is not known to work on it; a down script now would break the pods that still serve`,
  fix: 'split the change so that both releases work, or use strategy Recreate, or set lockkeeper.dev/on-rollback: always on the namespace and run `kubectl rollout restart`',
})

const stillServes = (target: string, live: string, high: string): Obstacle => ({
  kind: 'wait',
  code: 'schema-ahead-incompatible',
  message: `the schema is at ${live}, release ${target} is not known to work on it, and a pod of release ${high} started after this rollout had begun; a down script now would break it`,
  fix: 'see that no pod of that release serves, and run `kubectl rollout restart`',
})

/** Where its pods stand, and where its newest rollout wants to be, are two things until its rollout is through. */
const breaks = (target: string, { version, floor, other }: Blocked): Obstacle => {
  const { workload, low } = other
  const stands =
    low === other.target
      ? `which stands at ${low} and needs at least ${floor}`
      : `which needs at least ${floor}: its rollout to ${other.target} is not through yet, so code of release ${low === '0' ? 'any' : low} may still serve`
  return {
    kind: 'wait',
    code: 'breaks-workload',
    message: `version ${version} on the way to ${target} is known to break ${workload}, ${stands}`,
    fix: `bring ${workload} to ${floor} or above, or wait until its rollout is through; if both are being deployed, each waits for the other; if its code works all the same, say so in the script (-- lockkeeper: compatible REASON); if it is gone: lockkeeper forget --workload ${workload}`,
  }
}

const held = (target: string, other: Other): Obstacle => ({
  kind: 'wait',
  code: 'held-by-workload',
  message: `${nameOf(other)} holds the schema at ${other.holds}, so it cannot go down to ${shownVersion(target)}`,
  fix: other.sameCluster
    ? `roll ${other.workload} back too; if it is gone: lockkeeper forget --workload ${other.workload}`
    : `roll it back there too; if that cluster does not use this database: lockkeeper forget --cluster ${other.cluster}`,
})

const nameOf = ({ workload, cluster, sameCluster }: Other) =>
  sameCluster ? workload : `${workload} of another cluster (${cluster})`
