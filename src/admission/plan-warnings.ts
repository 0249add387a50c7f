import { kindOf } from '../injection/kinds.ts'
import { type Workload, workloadId } from '../injection/workload.ts'
import type { Catalogue } from '../migration/migration.ts'
import { compareVersions } from '../migration/version.ts'
import { between } from './between.ts'
import { usableCatalogue } from './build.ts'
import type { Facts } from './facts.ts'
import type { ReviewRequest } from './review.ts'
import type { Build } from './situation.ts'
import { floorAt } from './wanted-status.ts'
import { MAX_LENGTH, planLines } from './warning.ts'
import { type WayBack, wayBackOf } from './way-back.ts'

/** What the rollout will do to the schema, as far as files can tell. */
export function planWarnings({ namespace }: ReviewRequest, build: Build, facts: Facts): string[] {
  const { settings, old, direction, workload } = build
  const { target } = settings
  const id = workloadId(namespace, workload)
  const from = old?.status.target ?? lowerOne(build.last?.target, target)
  if (direction === 'back') {
    if (!kindOf(workload).lowers) return [headed(id, `asks for ${target} again, and the schema stays at ${from}`)]
    const head = headed(id, `${goesBack(build, from)} (on-rollback: ${settings.onRollback})`)
    return [head, ...pausedLine(workload), ...downLines(build, facts)]
  }
  const catalogue = usableCatalogue(facts, target)
  if (direction === 'same' || catalogue === undefined) return []
  const steps = between(catalogue, from, target)
  const left = old?.status.left
  const count = `${steps.length} ${steps.length === 1 ? 'migration' : 'migrations'}`
  return [
    headed(
      id,
      `schema ${from ?? 'as it is'}${left === undefined ? '' : ` (left at ${left})`} to ${target}, ${count}${from === undefined || left !== undefined ? ' unless applied already' : ''}`,
    ),
    ...pausedLine(workload),
    ...planLines(
      steps.map(
        ({ version, name, downFile }) =>
          `  up ${version} ${name}${downFile === undefined ? '' : `, back by ${downFile}`}`,
      ),
    ),
    ...(steps.length === 0 ? [] : [...undoLine(build, catalogue), ...afterFailureLine(workload)]),
  ]
}

/** Where a status that says nothing about an admission still tells where a plan begins. */
const lowerOne = (last: string | undefined, target: string) =>
  last !== undefined && compareVersions(last, target) < 0 ? last : undefined

function goesBack(build: Build, from: string | undefined): string {
  const { target } = build.settings
  switch (wayBack(build)) {
    case 'stays':
      return `asks for ${target} again, and the schema stays at ${from}`
    case 'waits':
      return `asks for ${target} again, and its pods wait where the schema is at ${from}`
    default:
      return `schema ${from} goes back to ${target}`
  }
}

/** What an undo of this rollout will do, and why. */
function undoLine(build: Build, catalogue: Catalogue): string[] {
  const { settings, old, workload } = build
  if (old === undefined || !kindOf(workload).lowers) return []
  const { target: from } = old.status
  const { target, onRollback } = settings
  const floor = floorAt(catalogue, target)
  const way = wayBackOf(build, from, floor)
  const known =
    way === 'stays' ? 'its code is known to work on it' : `only code from ${floor} on is known to work on the schema`
  const why = onRollback === 'auto' ? `: ${known}` : ` (on-rollback: ${onRollback})`
  return [`  an undo to ${from} ${undoes[way]}${why}${way === 'waits' ? ' (lockkeeper plan says why)' : ''}`]
}

const undoes = {
  stays: 'leaves the schema',
  down: 'runs the down scripts',
  waits: 'will be held',
} as const

/** A workload's name may have 253 characters: its middle gives way to what is said about it. */
function headed(id: string, text: string): string {
  const room = Math.max(MAX_LENGTH - text.length - 2, 40)
  const half = (room - 1) / 2
  return `${id.length <= room ? id : `${id.slice(0, Math.ceil(half))}…${id.slice(-Math.floor(half))}`}: ${text}`
}

const wayBack = (build: Build): WayBack | undefined =>
  build.old && wayBackOf(build, build.settings.target, build.old.status.floor)

/** The down scripts that will run, as far as the files still hold those of the release that is left. */
function downLines(build: Build, { source }: Facts): string[] {
  const { settings, old } = build
  if (wayBack(build) !== 'down' || old === undefined || source?.kind !== 'read') return []
  const left = between(source.catalogue, settings.target, old.status.target)
  return planLines(
    left.toReversed().map(({ version, name, downFile }) => `  down ${version} ${name}, by ${downFile ?? 'nothing'}`),
  )
}

function pausedLine(workload: Workload): string[] {
  const { paused } = kindOf(workload)
  const held = paused !== undefined && (workload.spec as unknown as Record<string, unknown>)[paused] === true
  return held ? [`  it is paused (spec.${paused}): this happens when it goes on`] : []
}

/** What a person has to know beside correcting the file and applying again. */
function afterFailureLine(workload: Workload): string[] {
  const { afterFailure } = kindOf(workload)
  return afterFailure === undefined ? [] : [`  if one fails: ${afterFailure}`]
}
