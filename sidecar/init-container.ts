import { writeFileSync } from 'node:fs'
import { type Emit, lineOfEvent, terminationOfFailure, terminationOfSuccess } from '../src/engine/event.ts'
import { Stopped } from '../src/engine/stopped.ts'
import { isStamped } from '../src/history/is-stamped.ts'
import type { RunRequest } from '../src/migration/run-request.ts'
import { connect } from '../src/postgres/connect.ts'
import { exitOf, Interruption, RunFailure } from '../src/postgres/failure.ts'
import { applicationName } from '../src/postgres/lock.ts'
import type { Session } from '../src/postgres/session.ts'
import { readConfig } from './config.ts'
import { beginLife } from './first-life.ts'

let lines = ''
/** Events of one moment are one write: each write wakes whoever reads the log. */
const emit: Emit = (event) => {
  if (lines === '') setImmediate(flush)
  lines += `${lineOfEvent(event, new Date())}\n`
}
function flush(): void {
  process.stdout.write(lines)
  lines = ''
}

/** The init container, to its exit code: 0 when the application may start. */
export async function runInitContainer(): Promise<number> {
  const stop = new AbortController()
  const terminationLog = process.env.LOCKKEEPER_TERMINATION_LOG ?? '/dev/termination-log'
  process.once('SIGTERM', () => stopSoon(stop))
  process.once('SIGINT', () => stopSoon(stop))
  const life = beginLife(process.env)
  let deadlineMs = 0
  try {
    const config = readConfig(process.env)
    deadlineMs = config.request.deadlineMs
    const request = { ...config.request, deadlineMs: life.deadlineOf(deadlineMs) }
    const live = await bringUp({ ...config, request }, stop.signal)
    life.end()
    emit({ level: 'info', event: 'done', message: `the schema is ready for ${config.request.target}` })
    leave(terminationLog, terminationOfSuccess(live))
    return 0
  } catch (error) {
    if (stop.signal.aborted) {
      const half = error instanceof Stopped ? error.message : 'nothing is half done'
      emit({ level: 'warn', event: 'failed', message: `stopped by a signal; ${half}` })
      return 143
    }
    const failed = error instanceof RunFailure ? error : unexpected(error)
    const waited = performance.now() >= life.deadlineOf(deadlineMs)
    const failure = waited ? life.said(failed, deadlineMs) : failed
    const { code, message, fix, place } = failure
    const exit = exitOf(code)
    emit({
      level: 'error',
      event: exit === 12 ? 'refused' : 'failed',
      ...(place.version !== undefined && { version: place.version }),
      message: `${code}: ${message}; fix: ${fix}`,
    })
    leave(terminationLog, terminationOfFailure(failure))
    return exit
  }
}

/** What only a run with something to do needs is loaded then: start-up time is what every pod restart pays. */
async function bringUp(config: ReturnType<typeof readConfig>, signal: AbortSignal): Promise<string> {
  const { request, database } = config
  const who = request.owner?.workload ?? 'runner'
  const session = await firstSession(() => connect(database, applicationName(who)))
  emit({ level: 'info', event: 'connected' })
  if (session !== undefined && (await stampedBefore(session, request))) {
    session.leave()
    emit({ level: 'info', event: 'ready', message: 'nothing to do' })
    return request.target ?? '0'
  }
  const [{ run }, { readFolder }] = await Promise.all([
    import('../src/engine/run.ts'),
    import('../src/engine/read-folder.ts'),
  ])
  const files = async () => readFolder(config.migrationsPath, config.format, request.historySchema, config.placeholders)
  const report = await run({ request, database, who, files, emit, signal }, session)
  session?.leave()
  emit({ level: 'info', event: 'ready', message: `${report.steps.length} steps, live ${report.to ?? 'nothing'}` })
  return report.to ?? '0'
}

/** A connection that is lost meanwhile is opened again by the run itself. */
async function stampedBefore(session: Session, request: RunRequest): Promise<boolean> {
  try {
    return await isStamped(session, request)
  } catch (error) {
    if (!(error instanceof Interruption)) throw error
    return false
  }
}

/** A database that is not there yet is waited for by the run itself. */
async function firstSession(open: () => Promise<Session>): Promise<Session | undefined> {
  try {
    return await open()
  } catch (error) {
    if (!(error instanceof Interruption)) throw error
    return undefined
  }
}

function leave(path: string, text: string): void {
  try {
    writeFileSync(path, text)
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    emit({ level: 'warn', event: 'failed', message: `the termination message could not be written: ${message}` })
  }
}

const unexpected = (error: unknown) =>
  new RunFailure(
    'migration-failed',
    error instanceof Error ? error.message : String(error),
    'see the log of this container; if it looks like a defect of the runner, report it',
  )

/** Kubernetes gives 30 s; five are enough to cancel and roll back, and the server does the rest by itself. */
function stopSoon(stop: AbortController): void {
  stop.abort()
  setTimeout(() => process.exit(143), 5_000).unref()
}
