import { setTimeout as sleep } from 'node:timers/promises'
import { formatDuration } from '../../migration/duration.ts'
import { cancelAutovacuum } from '../../postgres/autovacuum.ts'
import { type Blockers, watchBlockers } from '../../postgres/blockers.ts'
import type { DatabaseTarget } from '../../postgres/database-target.ts'
import { RunFailure, stateOf } from '../../postgres/failure.ts'
import type { Session } from '../../postgres/session.ts'
import type { Emit } from '../event.ts'
import { type StepOutcome, sendStep, sendStepIf, succeeded } from './send-step.ts'
import type { Step, StepSettings } from './step.ts'
import { stepFailure } from './step-failure.ts'

export interface Applier {
  readonly session: Session
  readonly database: DatabaseTarget
  readonly settings: Omit<StepSettings, 'lockTimeoutMs'>
  readonly emit: Emit
  /** Told how much of a step that runs statement by statement is there to stay; undefined: all of it. */
  readonly halfway?: (text: string | undefined) => void
  /** Milliseconds of the epoch at which waiting ends. */
  readonly deadlineAt: number
}

/** What passes by itself: a lock that was not free, a deadlock, a serialization failure. */
export const passing = new Set(['55P03', '40P01', '40001'])
const longestPause = 10_000

export interface Done {
  readonly durationMs: number
  readonly retries: number
}

/** How a step goes to the server. */
export interface Way {
  /** What becomes of its first try, which was sent with others; `land` waits for those. */
  readonly sent?: { readonly outcome: Promise<StepOutcome>; land(): Promise<void> }
  /** Asked inside the step's transaction, behind its script. */
  readonly wanted?: () => Promise<boolean>
}

/**
 * Runs one step to its end: committed, or rolled back with a RunFailure. What passes is tried again, with pauses at
 * least as long as the lock wait was, so that the application is blocked less than half of the time.
 */
export async function applyStep(applier: Applier, step: Step, { sent, wanted }: Way): Promise<Done | 'changed'> {
  const { session, settings, emit, database } = applier
  const { request, who } = settings
  const started = Date.now()
  let lockTimeoutMs = request.lockTimeoutMs
  const send = () => {
    const now = { ...settings, lockTimeoutMs }
    return wanted === undefined ? sendStep(session, step, now, true) : sendStepIf(session, step, now, wanted)
  }
  for (let retries = 0; ; retries++) {
    const { result, blockers } =
      retries === 0
        ? { result: await (sent?.outcome ?? send()), blockers: undefined }
        : await watchBlockers(database, who, await session.pid(), send)
    if (result === 'changed') {
      await session.takeBack()
      return 'changed'
    }
    if (succeeded(result)) return { durationMs: Date.now() - started, retries }
    await sent?.land()
    await (step.kept ? session.execute('ROLLBACK') : session.takeBack())
    const reason = passingReason(result)
    if (reason === undefined) throw stepFailure(step, result)
    const pause = pauseAfter(retries, request.lockTimeoutMs)
    if (Date.now() + pause > applier.deadlineAt) throw deadline(step, reason, blockers)
    const message = `${reason}${describe(blockers)}; again in ${formatDuration(pause)}`
    emit({ level: 'warn', event: 'retrying', version: step.version, message })
    await sleep(pause)
    lockTimeoutMs = await nextLockTimeout(applier, step, blockers)
  }
}

/**
 * How long the next try may wait for a lock. Autovacuum, where nothing else is in the way, is made to go before it; where
 * only the step's own wait can do that, this one try is long enough.
 */
async function nextLockTimeout({ session, settings, emit }: Applier, { version }: Step, blockers?: Blockers) {
  const { request, facts } = settings
  const relation = blockers?.vacuumed
  if (relation === undefined) return request.lockTimeoutMs
  const say = (message: string) => emit({ level: 'info', event: 'waiting', version, message })
  say(`PostgreSQL cancels the autovacuum of ${relation} for this; others may read and write meanwhile`)
  const { deadlockTimeoutMs } = facts
  if (await cancelAutovacuum(session, { relation, deadlockTimeoutMs, role: request.role })) return request.lockTimeoutMs
  say(`${relation} is no table, so others wait too: at most ${formatDuration(deadlockTimeoutMs + 200)}`)
  return deadlockTimeoutMs + 200
}

/** Doubles from the lock timeout up to ten seconds, with up to a quarter of jitter on top. */
export function pauseAfter(retries: number, lockTimeoutMs: number): number {
  const base = Math.max(lockTimeoutMs, Math.min(longestPause, Math.max(lockTimeoutMs, 50) * 2 ** retries))
  return Math.round(base * (1 + Math.random() / 4))
}

function passingReason({ header, script, trailer }: StepOutcome): string | undefined {
  if (script.committed) return undefined // A part of it would run twice.
  const error = header.error ?? script.error ?? trailer.error
  return error !== undefined && passing.has(stateOf(error) ?? '') ? `${error.message} (${stateOf(error)})` : undefined
}

const describe = (blockers: Blockers | undefined) =>
  blockers === undefined || blockers.names.length === 0 ? '' : `, behind ${blockers.names.join(', ')}`

const deadline = (step: Step, reason: string, blockers: Blockers | undefined) =>
  new RunFailure(
    'deadline',
    `${step.script.file} did not get its locks before the deadline: ${reason}${describe(blockers)}`,
    'end or shorten the transaction that holds them, or raise config.lockkeeper.dev/deadline',
    { version: step.version, file: step.script.file },
  )
