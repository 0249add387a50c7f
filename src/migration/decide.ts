import type { Mode, OnRollback, RunCode } from '../contract.ts'
import { compareVersions, highestVersion } from './version.ts'

export interface DecisionInput {
  readonly mode: Mode
  readonly target: string
  readonly token: number
  readonly onRollback: OnRollback
  /** The workload's update strategy, as Kubernetes names it. */
  readonly strategy: string
  readonly outOfOrder: boolean
  /** The workload's row after this run recorded its intent: its newest intent, and what its runs reached. */
  readonly recorded: { readonly target: string; readonly token: number; readonly reached: string | null }
  readonly applied: readonly { readonly version: string; readonly floor: string | null; readonly reversible: boolean }[]
  /** The mounted migrations; undefined when no files are mounted: then the target in the history counts as all. */
  readonly files: readonly { readonly version: string; readonly floor?: string }[] | undefined
  /** The other workloads of the set, each with what it holds (`holdOf`). Another cluster's warn upwards and hold downwards. */
  readonly others: readonly Other[]
}

export interface Other {
  readonly cluster: string
  readonly workload: string
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
 * | missing up to target | above target | lowering | and                                    | answer                          |
 * |----------------------|--------------|----------|----------------------------------------|---------------------------------|
 * | mode gate: as below where a row says start                                                | else wait schema-behind         |
 * | none                 | none         | any      |                                        | start                           |
 * | none                 | some         | no       |                                        | start, warn below the floor     |
 * | none                 | some         | yes      | keep, or target >= floor and not always| start, warn below the floor     |
 * | none                 | some         | yes      | auto and not Recreate                  | wait schema-ahead-incompatible  |
 * | none                 | some         | yes      | another workload holds a higher one    | wait held-by-workload           |
 * | none                 | some         | yes      | a step has no way down                 | refuse rollback-impossible      |
 * | none                 | some         | yes      |                                        | down                            |
 * | some                 |              |          | own token older than the recorded      | refuse superseded               |
 * | some                 |              |          | one lies below an applied, not allowed | refuse out-of-order             |
 * | some                 |              |          | known to break another workload's hold | wait breaks-workload            |
 * | some                 |              |          |                                        | up                              |
 *
 * Lowering: this is the workload's newest intent, and what its runs reached is above its target. Only such a run ever
 * takes the schema down.
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
  const missing = missingVersions(input)
  if (missing.length > 0) return goUp(input, missing)
  const above = input.applied.filter(({ version }) => compareVersions(version, input.target) > 0)
  if (above.length === 0) return { kind: 'start', warnings: [] }
  const live = highestVersion(above.map(({ version }) => version)) ?? input.target
  const floor = floorOf(input.applied)
  const compatible = compareVersions(input.target, floor) >= 0
  const ahead = `the schema is at ${live}; release ${input.target} is not known to work above ${floor === live ? input.target : floor}`
  const start: Decision = { kind: 'start', warnings: compatible ? [] : [ahead] }
  if (!isLowering(input) || input.onRollback === 'keep') return start
  if (compatible && input.onRollback !== 'always') return start
  return goDown(input, above, live)
}

/** Only the newest intent of a workload whose own runs went higher lowers anything. */
function isLowering({ recorded, target, token }: DecisionInput): boolean {
  return token === recorded.token && recorded.reached !== null && compareVersions(recorded.reached, target) > 0
}

function goDown(input: DecisionInput, above: DecisionInput['applied'], live: string): Decision {
  const { target } = input
  if (input.onRollback === 'auto' && input.strategy !== 'Recreate') return incompatible(target, live)
  const holder = input.others.find(({ holds }) => compareVersions(holds, target) > 0)
  if (holder !== undefined) return held(target, holder)
  const stuck = above.find(({ reversible }) => !reversible)
  if (stuck !== undefined) {
    return {
      kind: 'refuse',
      code: 'rollback-impossible',
      message: `the schema is at ${live} and version ${stuck.version} has no down script in the database, so ${target} is out of reach`,
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
  const floor = floorOf((input.files ?? []).filter(({ version }) => missing.includes(version)).map(known))
  const broken = others.find(
    ({ holds, sameCluster }) => sameCluster && floor !== '0' && compareVersions(floor, holds) > 0,
  )
  if (broken !== undefined) {
    return {
      kind: 'wait',
      code: 'breaks-workload',
      message: `version ${target} is known to break ${broken.workload}, which stands at ${broken.holds} and needs at least ${floor}`,
      fix: `bring ${broken.workload} to ${floor} too: each waits for the other; if its code works all the same, say so in the script (-- lockkeeper: compatible REASON); if it is gone: lockkeeper forget --workload ${broken.workload}`,
    }
  }
  const behind = others.filter(({ holds }) => compareVersions(holds, target) < 0).map(nameOf)
  const warnings = behind.length === 0 ? [] : [`${target} is not known to suit ${behind.join(', ')}`]
  return { kind: 'up', steps: missing, warnings }
}

/** Going up, only what is *known* to break counts: an unknown floor is no obstacle. */
const known = ({ version, floor }: { version: string; floor?: string }) => ({ version, floor: floor ?? '0' })

function missingVersions({ files, applied, target }: DecisionInput): string[] {
  const done = new Set(applied.map(({ version }) => version))
  if (files === undefined) return target === '0' || done.has(target) ? [] : [target]
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

const held = (target: string, other: Other): Obstacle => ({
  kind: 'wait',
  code: 'held-by-workload',
  message: `${nameOf(other)} holds the schema at ${other.holds}, so it cannot go down to ${target}`,
  fix: other.sameCluster
    ? `roll ${other.workload} back too; if it is gone: lockkeeper forget --workload ${other.workload}`
    : `roll it back there too; if that cluster does not use this database: lockkeeper forget --cluster ${other.cluster}`,
})

const nameOf = ({ workload, cluster, sameCluster }: Other) =>
  sameCluster ? workload : `${workload} of another cluster (${cluster})`
