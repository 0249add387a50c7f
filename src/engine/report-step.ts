import { setTimeout as sleep } from 'node:timers/promises'
import { journalRow } from '../history/write.ts'
import { Interruption, RunFailure } from '../postgres/failure.ts'
import { followProgress } from '../postgres/progress.ts'
import { isDatabaseError } from '../postgres/session.ts'
import type { Attempt } from './attempt.ts'
import { type Applier, applyStep, type Done, type Way } from './step/apply-step.ts'
import type { Step } from './step/step.ts'
import { Overtaken } from './step/step-failure.ts'

/** What a step needs of a run. */
export const applierOf = ({ session, context, state, facts, ownSettings = [] }: Attempt): Applier => {
  const { database, emit, request, who } = context
  return {
    session,
    database,
    emit,
    halfway: (text) => {
      state.halfway = text
    },
    deadlineAt: state.patience.deadlineAt,
    settings: { request, facts, ownSettings, who },
  }
}

/** One transaction for all of the step. */
export const inOneTransaction = (attempt: Attempt, step: Step, way: Way) => () =>
  applyStep(applierOf(attempt), step, way)

/** So often a run may look again because of what others wrote while its steps were on their way. */
const MOST_OVERTAKEN = 20

/** What is said of a step. */
type Named = Pick<Step, 'version' | 'direction' | 'script'>

/**
 * Says what is done, does it, and keeps count; a failure goes into the journal too. `changed`: the step was taken back,
 * and the run has to look again.
 */
export async function perform(
  attempt: Attempt,
  step: Named,
  act: () => Promise<Done | 'changed'>,
): Promise<'done' | 'changed'> {
  const { context, state } = attempt
  const { emit, signal } = context
  const { version, direction, script } = step
  const doing = { version, message: script.file }
  emit({ level: 'info', event: direction === 'up' ? 'applying' : 'reverting', ...doing })
  const stop = follow(attempt, step)
  try {
    const done = await act()
    if (done === 'changed') return done
    state.steps.push({ version, direction, ...done })
    state.patience.advance()
    emit({ level: 'info', event: direction === 'up' ? 'applied' : 'reverted', durationMs: done.durationMs, ...doing })
    return 'done'
  } catch (error) {
    signal?.throwIfAborted()
    if (error instanceof Overtaken) {
      emit({ level: 'info', event: 'waiting', ...doing, message: error.message })
      attempt.overtaken += 1
      // The look that follows waits or refuses, with more to say; that it goes on and on must not be.
      if (attempt.overtaken > MOST_OVERTAKEN) throw error
      await sleep(100 * Math.random(), undefined, { signal })
      return 'changed'
    }
    if (error instanceof Interruption) throw interruptedIn(attempt, step, error)
    if (error instanceof RunFailure) await journalFailure(attempt, step, error)
    throw error
  } finally {
    stop()
  }
}

/** A process of the server that dies takes its connection along; so do a restart and a bad network, but not thrice at one step. */
const MOST_BREAKS = 3

/** The same, by the name of the step; after the third time it is taken for the step's own doing. */
function interruptedIn({ state }: Attempt, { version, direction, script }: Named, error: Interruption): Error {
  const { lasting } = error
  const place = { version, file: script.file }
  const named = new RunFailure(
    lasting.code,
    `${lasting.message} while ${direction} ${version} (${script.file}) ran`,
    lasting.fix,
    place,
  )
  const times = (state.broken.get(version) ?? 0) + 1
  state.broken.set(version, times)
  if (times < MOST_BREAKS) return new Interruption(named, error.patience)
  return new RunFailure(
    'migration-failed',
    `the connection broke ${times} times while ${direction} ${version} (${script.file}) ran, as it does when a statement crashes the server's process`,
    `see the log of the database server at that time; correct ${script.file}, or what ended the process, and deploy again`,
    place,
  )
}

const progressEveryMs = 30_000

function follow({ context, state }: Attempt, { version, direction, script }: Named): () => void {
  const { database, who, emit } = context
  if (state.pid === undefined) return () => undefined
  const event = direction === 'up' ? 'applying' : 'reverting'
  const say = (elapsedMs: number, text: string) =>
    emit({ level: 'info', event, version, elapsedMs, message: `${script.file}: ${text}` })
  return followProgress({ database, who, pid: state.pid, everyMs: context.progressEveryMs ?? progressEveryMs, say })
}

/** The journal keeps failures too, where it can: code, place and message, never SQL. */
async function journalFailure(
  { session, context, state }: Attempt,
  { version }: Named,
  failure: RunFailure,
): Promise<void> {
  const detail = `${failure.code}: ${failure.message}`
  try {
    await session.takeBack()
    await session.execute(journalRow(context.request, state.journal, { event: 'failed', version, detail }))
  } catch (error) {
    // A script may have left the session unusable; what matters is the failure itself, which is thrown by the caller.
    if (!isDatabaseError(error)) throw error
  }
}
