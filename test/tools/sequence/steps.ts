import type { TestDatabase } from '../postgres.ts'
import type { Intent, WorkloadName } from './draw.ts'
import type { Play, Pod } from './play.ts'
import { floorOf } from './scripts.ts'

/** A row of the journal. */
type Row = {
  readonly event: 'begun' | 'started' | 'done' | 'applied' | 'reverted' | 'resolved'
  readonly version: number
  readonly workload: WorkloadName
  readonly token: number
  readonly attempt: string | null
  /** Of the attempt. */
  readonly direction: 'up' | 'down' | null
  /** The first of its attempt that says of a statement what became of it. */
  readonly first: boolean
  /** Milliseconds since 1970. */
  readonly committed: number
}

/** A pod that was ready. */
interface Ready {
  readonly intent: Intent
  readonly began: number
  readonly ended: number
}

/**
 * What must not have happened on the way, even where nothing is left to see of it. Who was ready before a step was
 * committed had said so in a transaction that the step's own had to see.
 */
export async function judgeSteps(play: Play, database: TestDatabase): Promise<string[]> {
  const rows = await rowsOf(database)
  const ready = play.pods.flatMap(readyOf)
  return [...new Set([...rows.flatMap((row) => wrongStep(play, ready, row)), ...leftAbove(play, ready, rows)])]
}

const readyOf = ({ intent, began, ended, result }: Pod): Ready[] =>
  result?.code === 0 && ended !== undefined ? [{ intent, began, ended }] : []

function wrongStep(play: Play, ready: readonly Ready[], row: Row): string[] {
  const { event, version, workload, token, committed } = row
  // Statement by statement, a step is asked about with the first of them: then it goes to its end.
  const whole = row.attempt === null && (event === 'applied' ? 'up' : event === 'reverted' ? 'down' : null)
  const way = row.first ? row.direction : whole || null
  if (way === null) return []
  const floor = floorOf(play.sequence, version) ?? 0
  return ready
    .filter(({ ended }) => ended < committed)
    .flatMap(({ intent }) => {
      const who = `${intent.workload} was ready for ${intent.target} with token ${intent.token}`
      if (intent.workload === workload) {
        return intent.token > token ? [`${way} ${version} came from token ${token} after ${who}`] : []
      }
      const since = play.intents[intent.workload].filter(
        (each) => each.token >= intent.token && deployedAt(play, each) < committed,
      )
      const broken =
        way === 'up'
          ? intent.target < floor && since.every(({ target }) => target < version)
          : since.every(({ target }) => target >= version)
      return broken ? [`${way} ${version} of ${workload} came after ${who}`] : []
    })
}

/** When its first pod began. */
const deployedAt = ({ pods }: Play, { token }: Intent): number =>
  pods.find(({ intent }) => intent.token === token)?.began ?? Number.POSITIVE_INFINITY

/** A pod of the newest intent under `always` is not ready while what its workload made, or began, is above its target. */
function leftAbove(play: Play, ready: readonly Ready[], rows: readonly Row[]): string[] {
  return ready.flatMap(({ intent, began, ended }) => {
    const { workload, target, token, onRollback } = intent
    const newest = play.intents[workload].every((each) => each.token <= token || deployedAt(play, each) > ended)
    if (onRollback !== 'always' || !newest) return []
    const left = play.sequence.versions
      .map((_, i) => i + 1)
      .filter((version) => {
        const own = rows.filter((row) => row.version === version)
        const changes = own.some(({ committed }) => committed >= began && committed <= ended)
        return version > target && !changes && ownerAt(own, began) === workload
      })
    return left.length === 0
      ? []
      : [`${workload} was ready for ${target} under always, and its versions ${left} were above it`]
  })
}

/** Whose run had made a version, or a part of it; undefined: nothing of it is there. */
function ownerAt(rows: readonly Row[], time: number): WorkloadName | undefined {
  let owner: WorkloadName | undefined
  let half: string | null = null
  for (const { event, attempt, workload, committed, direction } of rows) {
    if (committed > time) break
    if (event === 'applied') {
      owner = workload
      half = null
    } else if (event === 'reverted') owner = undefined
    else if (event === 'done' && direction === 'up' && owner === undefined) {
      owner = workload
      half = attempt
    } else if (event === 'resolved' && attempt === half) owner = undefined
  }
  return owner
}

/** In the order of their commits. */
async function rowsOf({ sql }: TestDatabase): Promise<Row[]> {
  const [there] = await sql<{ yes: boolean }>(`select to_regclass('lockkeeper.journal') is not null as yes`)
  if (there?.yes !== true) return []
  return sql<Row>(`
    with known as (
      select event, version::int as version, split_part(workload, '/', 3) as workload, token::int as token, attempt, n,
        extract(epoch from pg_xact_commit_timestamp(xmin))::float8 * 1000 as committed, event in ('started', 'done') as states,
        max(case when event = 'begun' then detail::json->>'direction' end) over (partition by attempt) as direction
      from lockkeeper.journal where event in ('begun', 'started', 'done', 'applied', 'reverted', 'resolved'))
    select *, states and row_number() over (partition by attempt, states order by committed, n) = 1 as first
    from known order by committed, n`)
}
