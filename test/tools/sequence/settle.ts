import { standingOf } from '../in-step.ts'
import type { TestDatabase } from '../postgres.ts'
import type { Intent, WorkloadName } from './draw.ts'
import { judgeQuiet } from './judge.ts'
import type { Play } from './play.ts'
import { floorOf } from './scripts.ts'

/** What is in the way of an intent at the end. */
interface Rest {
  /** Applied, or begun on its way up. */
  readonly there: readonly number[]
  readonly applied: readonly number[]
  /** The workload whose run applied or began a version. */
  readonly owners: ReadonlyMap<number, string>
}

/** Codes that may be the last word on an intent, where what they name is so. */
const justified: Readonly<Record<string, (play: Play, intent: Intent, rest: Rest) => boolean>> = {
  'schema-ahead-incompatible': ({ sequence }, { workload, target, strategy, onRollback }, { there, owners }) =>
    there.some((version) => {
      const floor = floorOf(sequence, version)
      if (version <= target || (floor ?? version) <= target || onRollback === 'keep') return false
      // Nothing goes down under pods that serve; else what its own runs made goes down, and only what others made is in the way.
      return (
        (onRollback === 'auto' && strategy !== 'Recreate') || (floor !== undefined && owners.get(version) !== workload)
      )
    }),
  'breaks-workload': (play, { workload, target }, { applied }) =>
    missing(target, applied).some(
      (version) =>
        (floorOf(play.sequence, version) ?? 0) > Math.min(...others(play, workload).map((each) => each.target)),
    ),
  // Pods of a higher release may serve for a while, where its policy does not say that they lose what they need.
  'held-by-workload': (play, { workload, target }) =>
    others(play, workload).some((each) => {
      const last = each.onRollback === 'always' || each.strategy === 'Recreate'
      return (last ? [each] : play.intents[each.workload]).some((one) => one.target > target)
    }),
}

const missing = (target: number, applied: readonly number[]) =>
  Array.from({ length: target }, (_, i) => i + 1).filter((version) => !applied.includes(version))

const others = ({ intents }: Play, workload: WorkloadName): Intent[] =>
  Object.entries(intents)
    .filter(([name]) => name !== workload)
    .flatMap(([, all]) => all.slice(-1))

/**
 * Deploys each workload's newest intent, without mistakes in its files, until nothing changes any more, and says what is
 * wrong then: a refusal that nothing justifies, or a schema that stays above what everyone wants.
 */
export async function settle(play: Play, database: TestDatabase): Promise<string[]> {
  const workloads = (['a', 'b'] as const).filter((name) => play.newest(name) !== undefined)
  let token = 1000
  for (const name of workloads) {
    const newest = play.newest(name)
    token += 1
    if (newest?.corrected === false) play.intents[name].push({ ...newest, token, corrected: true })
  }
  let last = ''
  for (let round = 0; round < 8; round++) {
    const pods = workloads.flatMap((name) => play.newest(name) ?? []).map((intent) => play.start(intent, '1s'))
    await play.quiet()
    const codes = pods.map(({ result }) => String(result?.termination?.code))
    const state = JSON.stringify([codes, await standingOf(database)])
    if (state === last) return judgeSettled(play, database, codes, workloads)
    last = state
  }
  return [`the runs never come to rest: ${last}`]
}

async function judgeSettled(
  play: Play,
  database: TestDatabase,
  codes: readonly string[],
  workloads: readonly WorkloadName[],
): Promise<string[]> {
  const { applied, unfinished } = await standingOf(database)
  const wrong = await judgeQuiet(play, database)
  const owners = await ownersOf(database)
  const there = [...new Set([...applied, ...unfinished])]
  // Whoever wants a half version finishes it, before anything else may be in the way.
  const half = unfinished.filter((version) => workloads.some((name) => (play.newest(name)?.target ?? 0) >= version))
  if (half.length > 0) wrong.push(`versions ${half} are left half done`)
  workloads.forEach((name, i) => {
    const intent = play.newest(name)
    const code = codes[i] ?? ''
    if (intent === undefined) return
    if (code !== 'done') {
      if (justified[code]?.(play, intent, { there, applied, owners }) !== true)
        wrong.push(`${name} ends with ${code}, which nothing justifies`)
      return
    }
    if (missing(intent.target, applied).length > 0) wrong.push(`${name} is ready for ${intent.target} on ${applied}`)
    // What others made, or began, stays, with a warning: only who went higher comes down again.
    const own = there.filter((version) => version > intent.target && owners.get(version) === name)
    if (intent.onRollback === 'always' && own.length > 0) {
      wrong.push(`${name} wants ${intent.target} under always, and its versions ${own} stay, applied or half done`)
    }
  })
  return wrong
}

/** Which workload's run applied a version, or began it and did not end it. */
async function ownersOf({ sql }: TestDatabase): Promise<Map<number, string>> {
  const rows = await sql<{ version: string; workload: string }>(
    `select j.version, j.workload from lockkeeper.journal j where event = 'begun' and not exists (select from lockkeeper.journal f
       where f.attempt = j.attempt and f.event in ('applied', 'reverted', 'resolved'))
     union all select m.version, j.workload from lockkeeper.migration m join lockkeeper.journal j
       on j.run = m.run and j.version = m.version and j.event = 'applied'`,
  )
  return new Map(rows.map(({ version, workload }) => [Number(version), workload.split('/').at(-1) ?? '']))
}
