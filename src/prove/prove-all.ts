import { availableParallelism } from 'node:os'
import { compareVersions } from '../migration/version.ts'
import { Course, type CourseOptions, type ProveTask } from './course.ts'
import { type Outcome, plainOutcome } from './outcome.ts'
import { type ScratchServer, type ServerOptions, withScratchServer } from './server.ts'

export interface ProveAllOptions extends CourseOptions {
  readonly server: ServerOptions
  /** Called as each is through, in no certain order. */
  readonly done: (outcome: Outcome) => void
}

/** A server of its own pays from so many migrations on. */
const PER_SERVER = 24
const MOST_SERVERS = 4
/** Taken at once by one course, which then need not be brought there one by one. */
const CHUNK = 8

/**
 * Proves migrations, given in version order, several at a time where each course has a server of its own: scripts may
 * make roles, which belong to a whole server, so on a given one they go one after the other.
 */
export async function proveAll(tasks: readonly ProveTask[], options: ProveAllOptions): Promise<readonly Outcome[]> {
  const { server, signal, done } = options
  const outcomes = new Map<string, Outcome>()
  let next = 0
  let stuckAt: string | undefined
  const take = (): readonly ProveTask[] => {
    const chunk = tasks.slice(next, next + CHUNK)
    next += chunk.length
    return chunk
  }
  const work = async (on: ScratchServer) => {
    const course = await Course.begin(on, options)
    for (let chunk = take(); chunk.length > 0; chunk = take()) {
      for (const task of chunk) {
        signal.throwIfAborted()
        const { outcome, stuck } = await course.prove(task)
        if (stuck && (stuckAt === undefined || compareVersions(outcome.version, stuckAt) < 0)) stuckAt = outcome.version
        if (!outcomes.has(outcome.version)) done(outcome)
        outcomes.set(outcome.version, outcome)
        if (stuck) return
      }
    }
  }
  const servers = server.scratch === undefined ? Math.min(availableParallelism(), MOST_SERVERS) : 1
  const wanted = Math.max(1, Math.min(servers, Math.floor(tasks.length / PER_SERVER)))
  await together(wanted, () => withScratchServer(server, work))
  for (const { migration } of tasks) {
    const { version, up } = migration
    const behind = stuckAt !== undefined && compareVersions(version, stuckAt) > 0
    if (behind || !outcomes.has(version)) outcomes.set(version, plainOutcome(version, up.file, 'unreached'))
  }
  return [...outcomes.values()].sort((a, b) => compareVersions(a.version, b.version))
}

/** Waits for all of them, so that none goes on behind our back when one fails. */
async function together(count: number, act: () => Promise<void>): Promise<void> {
  const results = await Promise.allSettled(Array.from({ length: count }, act))
  const failed = results.find((result) => result.status === 'rejected')
  if (failed !== undefined) throw failed.reason
}
