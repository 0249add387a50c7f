import { leftovers } from '../crash.ts'
import { standingOf } from '../in-step.ts'
import type { TestDatabase } from '../postgres.ts'
import { floorOf, type Intent, type WorkloadName } from './draw.ts'
import type { Play } from './play.ts'

/** What must hold when nothing runs, whatever came before: a sentence for each thing that does not. */
export async function judgeQuiet(play: Play, database: TestDatabase): Promise<string[]> {
  const wrong: string[] = []
  const left = await leftovers(database)
  if (left.length > 0) wrong.push(`sessions or locks are left: ${JSON.stringify(left)}`)
  const { applied, unfinished, whole } = await standingOf(database)
  const log = await logOf(database)
  for (let version = 2; version <= play.sequence.versions.length; version++) {
    // What was begun and not finished may be half there.
    if (unfinished.includes(version)) continue
    const there = whole.includes(version)
    if (there !== applied.includes(version)) {
      wrong.push(`version ${version} is ${there ? '' : 'not '}in the schema and ${there ? 'not ' : ''}in the history`)
    }
    const ran = log.filter(({ step }) => step.endsWith(` ${version}`)).map(({ step }) => step.split(' ')[0])
    // Outside a transaction half an up may be taken back, which never came to its line in the log.
    const halves = ['index', 'alone', 'wrong-index'].includes(play.sequence.versions[version - 1]?.kind ?? '')
    const turns = ran.every((way, i) =>
      halves ? way !== 'up' || ran[i - 1] !== 'up' : way === (i % 2 === 0 ? 'up' : 'down'),
    )
    if (!turns || (ran.at(-1) === 'up') !== there)
      wrong.push(`version ${version} is ${there ? 'there' : 'gone'} after ${ran.join(', ')}`)
  }
  return [...wrong, ...brokenByStep(play, log)]
}

/** A step that is known to break a release must not be committed while another workload of that release is ready. */
function brokenByStep({ sequence, pods, intents }: Play, log: readonly Logged[]): string[] {
  return log.flatMap(({ step, committed }) => {
    const [way, of] = step.split(' ')
    const version = Number(of)
    const floor = floorOf(sequence, version)
    if (way !== 'up' || floor === undefined) return []
    return pods
      .filter(({ intent, ended, result }) => {
        const all = intents[intent.workload]
        // Its own newest intent takes this step too, now or soon.
        const wanted = all.some(({ target }) => target >= version)
        return result?.code === 0 && ended !== undefined && ended < committed && intent.target < floor && !wanted
      })
      .map(({ intent }) => `version ${version} was applied while ${intent.workload} ran release ${intent.target}`)
  })
}

interface Logged {
  readonly step: string
  /** Milliseconds since 1970. */
  readonly committed: number
}

async function logOf({ sql }: TestDatabase): Promise<Logged[]> {
  const [there] = await sql<{ yes: boolean }>(`select to_regclass('public.log') is not null as yes`)
  if (there?.yes !== true) return []
  return sql<{ step: string; committed: number }>(
    `select step, extract(epoch from pg_xact_commit_timestamp(xmin))::float8 * 1000 as committed from public.log order by id`,
  )
}

/** Codes that may be the last word on an intent, where what they name is so. */
const justified: Readonly<Record<string, (play: Play, intent: Intent, applied: readonly number[]) => boolean>> = {
  'schema-ahead-incompatible': ({ sequence }, { target, strategy, onRollback }, applied) =>
    (strategy !== 'Recreate' || onRollback === 'keep') &&
    applied.some((version) => version > target && (floorOf(sequence, version) ?? version) > target),
  'breaks-workload': (play, { workload, target }, applied) =>
    missing(target, applied).some(
      (version) =>
        (floorOf(play.sequence, version) ?? 0) > Math.min(...others(play, workload).map((each) => each.target)),
    ),
  'held-by-workload': (play, { workload, target }) =>
    others(play, workload).some((each) => each.target > target || play.intents[each.workload].length > 0),
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
  const { applied, unfinished, torn } = await standingOf(database)
  const wrong = await judgeQuiet(play, database)
  // Above what everyone wants a half version may stay, with a warning, where the policy leaves the schema.
  const newest = workloads.flatMap((name) => play.newest(name) ?? [])
  const bound = newest.every(({ onRollback }) => onRollback === 'always')
  const half = [...unfinished, ...torn].filter((version) => bound || newest.some(({ target }) => target >= version))
  if (half.length > 0) wrong.push(`versions ${half} are left half done`)
  const owners = await ownersOf(database)
  workloads.forEach((name, i) => {
    const intent = play.newest(name)
    const code = codes[i] ?? ''
    if (intent === undefined) return
    if (code !== 'done') {
      if (justified[code]?.(play, intent, applied) !== true)
        wrong.push(`${name} ends with ${code}, which nothing justifies`)
      return
    }
    if (missing(intent.target, applied).length > 0) wrong.push(`${name} is ready for ${intent.target} on ${applied}`)
    const ahead = applied.filter((version) => version > intent.target)
    const own = ahead.filter((version) => owners.get(version) === name)
    if (intent.onRollback === 'always' && own.length > 0) {
      wrong.push(`${name} wants ${intent.target} under always, and its versions ${own} stay applied`)
    }
  })
  return wrong
}

/** Which workload's run applied a version. */
async function ownersOf({ sql }: TestDatabase): Promise<Map<number, string>> {
  const rows = await sql<{ version: string; workload: string }>(
    `select m.version, j.workload from lockkeeper.migration m join lockkeeper.journal j
       on j.run = m.run and j.version = m.version and j.event = 'applied'`,
  )
  return new Map(rows.map(({ version, workload }) => [Number(version), workload.split('/').at(-1) ?? '']))
}
