import { setTimeout as sleep } from 'node:timers/promises'
import type { Unit } from '../../migration/units.ts'
import { stateOf } from '../../postgres/failure.ts'
import type { Session } from '../../postgres/session.ts'
import { type Applier, passing, pauseAfter } from './apply-step.ts'
import type { Step } from './step.ts'
import { stepFailure } from './step-failure.ts'

/**
 * Runs one statement that PostgreSQL allows in no transaction. Its waits for locks have no bound of ours: a build that
 * gives up leaves an INVALID index. `clear` takes away what a failed try left, before it is tried again or reported.
 */
export async function runAlone(
  { session, settings, emit, deadlineAt }: Applier,
  unit: Unit,
  step: Step,
  clear: () => Promise<void> = async () => undefined,
): Promise<void> {
  const { lockTimeoutMs } = settings.request
  for (let retries = 0; ; retries++) {
    const outcome = await unbounded(session, async () => {
      const [ran] = await session.send([unit.text])
      if (ran?.error !== undefined) await clear()
      return ran
    })
    if (outcome?.error === undefined) return
    const pause = pauseAfter(retries, lockTimeoutMs)
    const state = stateOf(outcome.error)
    if (!passing.has(state ?? '') || Date.now() + pause > deadlineAt) {
      const skipped = { error: undefined, completed: 0, status: 'I' }
      throw stepFailure(step, { header: skipped, script: outcome, trailer: skipped }, '')
    }
    const message = `${unit.file} line ${unit.line}: ${outcome.error.message} (${state}); again in ${pause} ms`
    emit({ level: 'warn', event: 'retrying', version: step.version, message })
    await sleep(pause)
  }
}

/** Lifts the bound on waits for locks, and puts back what the script had set. */
export async function unbounded<T>(session: Session, work: () => Promise<T>): Promise<T> {
  const [own] = await session.rows(`select pg_catalog.current_setting('lock_timeout') as wait`)
  await session.execute('SET lock_timeout = 0')
  const result = await work()
  await session.execute(`SET lock_timeout = '${String(own?.wait)}'`)
  return result
}
