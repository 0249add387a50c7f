import { isStamped } from '../history/is-stamped.ts'
import type { RunRequest } from '../migration/run-request.ts'
import { describeHolder, lockHolder, tryLock } from '../postgres/lock.ts'
import { isDatabaseError, type Session } from '../postgres/session.ts'
import { identifier, literal } from '../postgres/sql.ts'
import type { Attempt, Look } from './attempt.ts'
import { deadlineFailure } from './deadline.ts'

/** A whole look at least this often, ms: the deadline moves with what it sees. */
const LOOK_EVERY = 1000

/**
 * Of the pods of one rollout that start at once, one works for all. Where the target is not in the history yet, the lock
 * comes before everything else: who has it goes on, and the others take no processor from it by reading files that they
 * will not need. `ready`: it is done, and this very intent is stamped.
 */
export async function lineUp({ session, context, state, facts }: Attempt): Promise<'ready' | 'locked' | undefined> {
  const { request } = context
  const { owner, set, target } = request
  if (owner === undefined || target === undefined) return undefined
  const until = Date.now() + LOOK_EVERY
  if (facts.history === 'complete' && (await isThereOrUnknown(session, request, target))) return undefined
  for (let holder: string | undefined; Date.now() < until && !state.patience.disconnects; ) {
    if (await tryLock(session, set)) return 'locked'
    holder ??= describeHolder(await lockHolder(session, set))
    await state.patience.wait(holder, deadlineFailure(holder))
    if (await isStamped(session, request)) return 'ready'
  }
  return undefined
}

/**
 * Waits while another session holds the lock; true: this one has it now. Many pods that each look at the whole history ten
 * times a second would slow down the one that works, so between two looks only two things are asked: whether the lock is
 * free, and whether the target has come into the history, which lets the application start whoever holds the lock.
 */
export async function waitForTurn(attempt: Attempt, { target, seen }: Look): Promise<boolean> {
  const { session, context, state, history } = attempt
  const { request } = context
  const holder = describeHolder(await lockHolder(session, request.set))
  const missing = history && !seen.applied.some(({ version }) => version === target)
  const until = Date.now() + LOOK_EVERY
  do {
    await state.patience.wait(holder, deadlineFailure(holder))
    if (await tryLock(session, request.set)) return true
    if (missing && (await isThere(session, request, target))) return false
  } while (history && Date.now() < until && !state.patience.disconnects)
  return false
}

/** True also where the history cannot be read: the look that follows says why. */
async function isThereOrUnknown(session: Session, request: RunRequest, version: string): Promise<boolean> {
  try {
    return await isThere(session, request, version)
  } catch (error) {
    if (isDatabaseError(error)) return true
    throw error
  }
}

async function isThere(session: Session, { historySchema, set }: RunRequest, version: string): Promise<boolean> {
  const rows = await session.rows(
    `select from only ${identifier(historySchema)}.migration where "set" = ${literal(set)} and version = ${literal(version)}`,
  )
  return rows.length > 0
}
