import { strategyOf } from '../injection/kinds.ts'
import { type Finding, remark } from '../migration/finding.ts'
import { between } from './between.ts'
import type { Facts } from './facts.ts'
import type { Build } from './situation.ts'
import { wayBackOf } from './way-back.ts'

/** The way back is judged by what the files still hold, and never denied: only the database knows what was applied. */
export function judgeWayBack(build: Build, { source }: Facts): Finding[] {
  const { settings, old, workload, direction } = build
  if (old === undefined || direction !== 'back') return []
  const { target } = settings
  const way = wayBackOf(build, target, old.status.floor)
  if (way === 'stays') return []
  if (way === 'waits') return [aheadIncompatible(old.status.target, target)]
  const entries = source?.kind === 'read' ? between(source.catalogue, target, old.status.target) : []
  const stuck = entries.find(({ down }) => down === undefined)
  const impossible = stuck && [
    remark(
      'rollback-impossible',
      `version ${stuck.version} has no down script here`,
      'see lockkeeper status for the stored ones',
      stuck.version,
    ),
  ]
  const lost = entries.flatMap(({ findings }) => findings.filter(({ code }) => code === 'rollback-data-loss'))
  return (
    impossible ?? [
      ...(strategyOf(workload) === 'Recreate' ? [] : [dataLoss(old.status.target, target)]),
      ...lost.toReversed(),
    ]
  )
}

const aheadIncompatible = (live: string, target: string) =>
  remark(
    'schema-ahead-incompatible',
    `where ${live} was applied, pods of ${target} wait: they are not known to work on it`,
    'strategy Recreate, or lockkeeper.dev/on-rollback: always on the namespace, then kubectl rollout restart',
  )

const dataLoss = (live: string, target: string) =>
  remark(
    'rollback-data-loss',
    `down scripts from ${live} to ${target} run while pods of ${live} may still serve; what they wrote may go`,
    'set lockkeeper.dev/on-rollback: keep to leave the schema',
  )
