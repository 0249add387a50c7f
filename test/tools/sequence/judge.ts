import { leftovers } from '../crash.ts'
import { standingOf } from '../in-step.ts'
import type { TestDatabase } from '../postgres.ts'
import type { Play } from './play.ts'
import { isWhole } from './scripts.ts'
import { judgeSteps } from './steps.ts'

/** What must hold when nothing runs, whatever came before: a sentence for each thing that does not. */
export async function judgeQuiet(play: Play, database: TestDatabase): Promise<string[]> {
  const wrong: string[] = []
  const left = await leftovers(database)
  if (left.length > 0) wrong.push(`sessions or locks are left: ${JSON.stringify(left)}`)
  const { applied, unfinished, whole, torn } = await standingOf(database)
  const unknown = torn.filter((version) => !unfinished.includes(version))
  if (unknown.length > 0)
    wrong.push(`the indexes of versions ${unknown} are not valid, and nothing says that they are on their way`)
  const log = await logOf(database)
  for (let version = 2; version <= play.sequence.versions.length; version++) {
    // What was begun and not finished may be half there.
    if (unfinished.includes(version)) continue
    const there = whole.includes(version)
    if (there !== applied.includes(version)) {
      wrong.push(`version ${version} is ${there ? '' : 'not '}in the schema and ${there ? 'not ' : ''}in the history`)
    }
    const ran = log.filter((step) => step.endsWith(` ${version}`)).map((step) => step.split(' ')[0])
    // Outside a transaction half an up may be taken back, which never came to its line in the log.
    const halves = !isWhole(play.sequence, version)
    const turns = ran.every((way, i) =>
      halves ? way !== 'up' || ran[i - 1] !== 'up' : way === (i % 2 === 0 ? 'up' : 'down'),
    )
    if (!turns || (ran.at(-1) === 'up') !== there)
      wrong.push(`version ${version} is ${there ? 'there' : 'gone'} after ${ran.join(', ')}`)
  }
  return [...wrong, ...(await judgeSteps(play, database))]
}

async function logOf({ sql }: TestDatabase): Promise<string[]> {
  const [there] = await sql<{ yes: boolean }>(`select to_regclass('public.log') is not null as yes`)
  if (there?.yes !== true) return []
  const rows = await sql<{ step: string }>(`select step from public.log order by id`)
  return rows.map(({ step }) => step)
}
