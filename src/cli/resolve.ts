import { randomUUID } from 'node:crypto'
import { keeperOf } from '../engine/adoption/keep.ts'
import { serverFacts } from '../history/facts.ts'
import { readHistory, type Seen } from '../history/read.ts'
import type { Unfinished } from '../history/unfinished.ts'
import { deleteMigration, forgetRepeatables, type JournalEntry, journalRow, raiseEpoch } from '../history/write.ts'
import type { RunRequest } from '../migration/run-request.ts'
import { tryLock } from '../postgres/lock.ts'
import type { Session } from '../postgres/session.ts'
import { Problem } from '../problem.ts'
import { type DatabaseOptions, requestOf, withDatabase } from './database.ts'
import type { Output } from './output.ts'

export interface ResolveOptions extends DatabaseOptions {
  readonly done?: boolean
  readonly retry?: boolean
}

/**
 * `resolve VERSION --done|--retry`: settles a step that ran statement by statement and was not finished. A statement in
 * doubt counts as done, or runs again; without one, the way down counts as done, or the try is forgotten and the next run
 * begins at the first statement. Exit 3 when there is nothing to settle.
 */
export async function resolve(output: Output, options: ResolveOptions, version: string): Promise<number> {
  const { done = false, retry = false } = options
  if (done === retry) throw new Problem('resolve needs --done or --retry', `lockkeeper resolve ${version} --done`)
  const request = requestOf(options, undefined)
  return withDatabase(options, async (session) => {
    const facts = await serverFacts(session, request.historySchema)
    const seen =
      facts.history === 'complete' ? await readHistory(session, request.historySchema, request.set) : undefined
    const unfinished = seen?.unfinished.find((each) => each.version === version)
    if (unfinished === undefined) {
      output.document({ version, settled: null })
      output.print(`version ${version} has no step that was begun and not finished`)
      return 3
    }
    await session.own()
    if (!(await tryLock(session, request.set))) throw new Problem('a run holds the lock', 'wait until it is over')
    const { says, records } = settlement(unfinished, done)
    const journal = { run: randomUUID(), n: 0 }
    const rows = records.map((entry) =>
      journalRow(request, journal, { version, attempt: unfinished.attempt, ...entry }),
    )
    await write(session, [...rows, ...(says === reverted ? await gone(session, request, seen, version) : [])])
    output.document({ version, direction: unfinished.direction, settled: says })
    output.print(`${version}: ${says}`)
    return 0
  })
}

/** What records that a version is gone, in the table of an adopted tool too. */
async function gone(session: Session, request: RunRequest, seen: Seen | undefined, version: string): Promise<string[]> {
  const record = [deleteMigration(request, version), forgetRepeatables(request), raiseEpoch(request)]
  if (seen?.kept === undefined) return record
  const context = { request, emit: () => undefined }
  const keeper = await keeperOf({ session, context }, { seen, mounted: undefined }, seen.kept)
  return [...record, ...keeper.down(version).record]
}

const write = (session: Session, statements: readonly string[]) =>
  session.execute(['BEGIN', ...statements, 'COMMIT'].join(';\n'))

const reverted = 'counts as reverted'

function settlement(
  { direction, statements }: Unfinished,
  done: boolean,
): { readonly says: string; readonly records: readonly JournalEntry[] } {
  const inDoubt = [...statements].filter(([, { state }]) => state === 'started')
  if (inDoubt.length > 0) {
    const names = inDoubt.map(([n]) => n).join(', ')
    return {
      says: done ? `statement ${names} counts as done` : `statement ${names} will run again`,
      records: inDoubt.map(([statement, { checksum }]) => ({
        event: done ? 'done' : 'retried',
        statement,
        detail: JSON.stringify({ checksum }),
      })),
    }
  }
  if (!done) return { says: 'the next run begins at the first statement', records: [{ event: 'resolved' }] }
  if (direction === 'down') return { says: reverted, records: [{ event: 'reverted' }] }
  throw new Problem(
    'no statement of it is in doubt, and the scripts of a version that counts as applied must be known',
    'run `lockkeeper up` with its files, which goes on behind the last done statement; or resolve with --retry',
  )
}
