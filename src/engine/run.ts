import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { connect, withSession } from '../postgres/connect.ts'
import { Interruption, RunFailure, stateOf } from '../postgres/failure.ts'
import { applicationName } from '../postgres/lock.ts'
import { isDatabaseError, type Session } from '../postgres/session.ts'
import type { RunContext, RunReport, RunState } from './attempt.ts'
import { runInSession } from './attempt-loop.ts'
import { Patience } from './deadline.ts'
import { Stopped } from './stopped.ts'

/**
 * Brings the schema to where the request wants it, and returns when an application may start on it. Throws RunFailure.
 * A lost connection is opened again, and the history says what happened: nothing is assumed. `first`: a session to begin
 * with, which stays open, and holds no lock, where the run ends well on it.
 */
export async function run(given: RunContext, first?: Session): Promise<RunReport> {
  const state: RunState = {
    patience: new Patience(given.request.deadlineMs, given.emit, given.signal),
    journal: { run: randomUUID(), n: 0 },
    steps: [],
    stepsBeforeLoss: 0,
    broken: new Map(),
    from: undefined,
    pid: undefined,
  }
  const startedAt = Date.now()
  const context = { ...given, files: once(given.files) }
  const stopCancelling = cancelOnAbort(context, state)
  let open = first
  try {
    for (let attempt = 0; ; attempt++) {
      try {
        const opening = open ?? connect(context.database, applicationName(context.who))
        open = undefined
        // Who comes for nobody needs the files in any case.
        if (context.request.owner === undefined) context.files().catch(() => undefined)
        const session = await opening
        const report = await endingUnlessReady(session, () => runInSession(session, context, state))
        if (report !== undefined && session !== first) session.leave()
        if (report !== undefined) return report
        attempt = 0
      } catch (error) {
        if (given.signal?.aborted && state.halfway !== undefined) throw new Stopped(state.halfway)
        const passing = lockedOut(error, context.request.historySchema) ?? error
        if (!(passing instanceof Interruption)) throw passing
        state.stepsBeforeLoss = state.steps.length
        if (context.request.failFast && state.pid === undefined) throw passing.lasting
        await state.patience.interrupted(passing, attempt, startedAt)
      }
    }
  } finally {
    stopCancelling()
  }
}

/** Another session has locked what a question of ours needs, or needs what it has: it passes, and until then the run says so. */
function lockedOut(error: unknown, schema: string): Interruption | undefined {
  const state = stateOf(error)
  if (!isDatabaseError(error) || (state !== '55P03' && state !== '40P01')) return undefined
  return new Interruption(
    new RunFailure(
      'deadline',
      `another session has locked a table of the history (schema ${schema}), or one that the server keeps for it`,
      'end its transaction (select * from pg_locks where not granted shows who waits, pg_blocking_pids() for whom), or raise config.lockkeeper.dev/deadline',
      { sqlstate: state },
    ),
  )
}

/** The files are read when they are first needed, and stay the same for the run. */
function once<T>(read: () => Promise<T>): () => Promise<T> {
  let result: Promise<T> | undefined
  return () => {
    result ??= read()
    return result
  }
}

/** What fails may hold the lock, which is free when the session has ended. */
async function endingUnlessReady<T>(session: Session, work: () => Promise<T | undefined>): Promise<T | undefined> {
  let report: T | undefined
  try {
    report = await work()
    return report
  } finally {
    if (report === undefined) await session.end()
  }
}

const betweenCancels = 100

/**
 * SIGTERM: what runs on the server is cancelled from a second session, again and again, since a cancel that comes
 * between two statements does nothing and more steps may be on their way; the run then rolls back and ends.
 */
function cancelOnAbort({ signal, database, who, emit }: RunContext, state: RunState): () => void {
  let over = false
  const cancel = () => {
    withSession(database, applicationName(who, 'cancel'), async (session) => {
      for (; !over && state.pid !== undefined; await sleep(betweenCancels)) {
        await session.rows(`select pg_cancel_backend(${state.pid})`)
      }
    }).catch((error: unknown) => {
      // The process ends anyway, and the server rolls back when the connection breaks.
      const message = error instanceof Error ? error.message : String(error)
      emit({ level: 'warn', event: 'failed', message: `the running statement could not be cancelled: ${message}` })
    })
  }
  signal?.addEventListener('abort', cancel, { once: true })
  return () => {
    over = true
    signal?.removeEventListener('abort', cancel)
  }
}
