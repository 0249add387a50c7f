import type { Migration } from '../migration/migration.ts'
import { type Comparison, EDITIONS } from '../proof/proof.ts'
import { attempt } from './attempt.ts'
import { differences, isFault } from './differences.ts'
import { failing, unrestored } from './findings.ts'
import type { Outcome } from './outcome.ts'
import { type ShownDifference, shown } from './show-difference.ts'
import type { World } from './world.ts'

/** What a proof leaves behind. */
export interface Tried {
  readonly outcome: Outcome
  /** The schema with the migration applied, when the world stands there as if nothing but ups had run. */
  readonly schema: string | undefined
  /** Not even a first up gets past it. */
  readonly stuck: boolean
}

/** Up, compare, down, compare, up again, compare. `before`: the schema that the world has. */
export async function proveOne(world: World, migration: Migration, below: string, before: string): Promise<Tried> {
  const { version, up } = migration
  const base = { version, file: up.file, differences: [], losses: [], unfilled: [], findings: [] }
  const failed = (part: Partial<Outcome>, schema?: string, stuck = false): Tried => ({
    outcome: { ...base, result: 'failed', compared: compared('differs'), ...part },
    schema,
    stuck,
  })
  const first = await attempt(() => world.up(version))
  if (first !== undefined) {
    const { compared: _, ...outcome } = failed({ findings: [failing(migration, 'up', first)] }).outcome
    return { outcome, schema: undefined, stuck: true }
  }
  const applied = await world.schema()
  const way = await attempt(() => world.down(below))
  if (way !== undefined) return failed({ findings: [failing(migration, 'down', way)] })
  const back = compare(before, await world.schema())
  const restored = back.some(({ note }) => !note) ? [unrestored(migration, 'down', back.filter(isFaulty))] : []
  const second = await attempt(() => world.up(version))
  if (second !== undefined) {
    // What was left behind is in its way: the one follows from the other.
    return failed({
      differences: back,
      findings: restored.length > 0 ? restored : [failing(migration, 'up again', second)],
    })
  }
  const again = await world.schema()
  const twice = compare(applied, again)
  const other =
    restored.length === 0 && twice.some(isFaulty) ? [unrestored(migration, 'up again', twice.filter(isFaulty))] : []
  const schema = twice.length === 0 ? again : undefined
  const findings = [...restored, ...other]
  if (findings.length > 0) return failed({ differences: restored.length > 0 ? back : twice, findings }, schema)
  // Its columns stand in another order now: only a new world has what a database has that only went up.
  return {
    outcome: { ...base, result: 'proven', differences: back, compared: compared('restored') },
    schema,
    stuck: false,
  }
}

const compared = (result: Comparison['result']): Comparison[] => [{ what: 'schema', edition: EDITIONS.schema, result }]

const isFaulty = ({ note }: ShownDifference) => !note

function compare(before: string, after: string): ShownDifference[] {
  const all = differences(before, after)
  const sorted = [...all].sort((a, b) => Number(isFault(b)) - Number(isFault(a)))
  return sorted.map((each) => shown(each, all))
}
