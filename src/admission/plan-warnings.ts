import { kindOf, strategyOf } from '../injection/kinds.ts'
import { type Workload, workloadId } from '../injection/workload.ts'
import { floorOf } from '../migration/decide.ts'
import type { Catalogue } from '../migration/migration.ts'
import { compareVersions } from '../migration/version.ts'
import { usableCatalogue } from './build.ts'
import type { Facts } from './facts.ts'
import { between } from './judge-files.ts'
import { runsDown } from './judge-way-back.ts'
import type { ReviewRequest } from './review.ts'
import type { Build } from './situation.ts'
import { MAX_LENGTH, planLines } from './warning.ts'

/** What the rollout will do to the schema, as far as files can tell. */
export function planWarnings({ namespace }: ReviewRequest, build: Build, facts: Facts): string[] {
  const { settings, old, direction, workload } = build
  const { target } = settings
  const id = workloadId(namespace, workload)
  const from = old?.status.target
  if (direction === 'back') {
    if (!kindOf(workload).lowers) return [headed(id, `asks for ${target} again, and the schema stays at ${from}`)]
    const goes = stays(build)
      ? `asks for ${target} again, and the schema stays at ${from}`
      : `schema ${from} goes back to ${target}`
    const head = headed(id, `${goes} (on-rollback: ${settings.onRollback})`)
    return [head, ...pausedLine(workload), ...downLines(build, facts)]
  }
  const catalogue = usableCatalogue(facts, target)
  if (direction === 'same' || catalogue === undefined) return []
  const steps = between(catalogue, from, target)
  const count = `${steps.length} ${steps.length === 1 ? 'migration' : 'migrations'}`
  return [
    headed(
      id,
      `schema ${from ?? 'as it is'} to ${target}, ${count}${from === undefined ? ' unless applied already' : ''}`,
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

/** What an undo of this rollout will do: `on-rollback` and the floor decide it (DESIGN section 7). */
function undoLine({ settings, old, workload }: Build, { entries }: Catalogue): string[] {
  const from = old?.status.target
  const { target, onRollback } = settings
  if (from === undefined || !kindOf(workload).lowers) return []
  const undo = `  an undo to ${from}`
  if (onRollback === 'keep') return [`${undo} leaves the schema (on-rollback: keep)`]
  if (onRollback === 'always') return [`${undo} runs the down scripts (on-rollback: always)`]
  const covered = entries.filter(({ version }) => compareVersions(version, target) <= 0)
  const floor = floorOf(covered.map(({ version, floor }) => ({ version, floor: floor ?? null })))
  if (compareVersions(from, floor) >= 0) return [`${undo} leaves the schema: its code is known to work on it`]
  const why = `only code from ${floor} on is known to work on the schema`
  return strategyOf(workload) === 'Recreate'
    ? [`${undo} runs the down scripts: ${why}`]
    : [`${undo} will be refused: ${why} (lockkeeper plan says why)`]
}

/** Whether a way back leaves the schema: so it was asked for, or its code is known to work on it. */
function stays({ settings, old }: Build): boolean {
  const { onRollback, target } = settings
  if (onRollback === 'keep') return true
  return onRollback === 'auto' && old !== undefined && compareVersions(old.status.floor, target) <= 0
}

/** A workload's name may have 253 characters: its middle gives way to what is said about it. */
function headed(id: string, text: string): string {
  const room = Math.max(MAX_LENGTH - text.length - 2, 40)
  const half = (room - 1) / 2
  return `${id.length <= room ? id : `${id.slice(0, Math.ceil(half))}…${id.slice(-Math.floor(half))}`}: ${text}`
}

/** The down scripts that will run, as far as the files still hold those of the release that is left. */
function downLines(build: Build, { source }: Facts): string[] {
  const { settings, old } = build
  if (!runsDown(build) || old === undefined || source?.kind !== 'read') return []
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
