import { serverFacts } from '../history/facts.ts'
import type { Requirement, Seen } from '../history/read.ts'
import { recordStart } from '../history/requirement.ts'
import { isTouched } from '../history/unfinished.ts'
import type { Decision } from '../migration/decide.ts'
import { repeatableName } from '../migration/repeatable.ts'
import { compareVersions, highestVersion } from '../migration/version.ts'
import { RunFailure } from '../postgres/failure.ts'
import { tryLock, unlock } from '../postgres/lock.ts'
import { refuseShared } from '../postgres/pooler.ts'
import type { Session } from '../postgres/session.ts'
import { act } from './act.ts'
import type { Attempt, Look, RunContext, RunReport, RunState } from './attempt.ts'
import { ownRequirement } from './decision-input.ts'
import { lookAround } from './observe.ts'
import { acceptedUps, correctedDowns, differsFromAdmitted, pendingRepeatables } from './preflight.ts'
import { lineUp, waitForTurn } from './wait-for-lock.ts'

/** Looks, decides, acts, and looks again, until the schema is ready. Undefined: wait without this connection. */
export async function runInSession(
  session: Session,
  context: RunContext,
  state: RunState,
): Promise<RunReport | undefined> {
  const attempt = await begin(session, context, state)
  const turn = await lineUp(attempt)
  if (turn === 'ready') return reportOf(state, context.request.target ?? null, [])
  if (turn === 'locked') hasLock(attempt)
  for (;;) {
    context.signal?.throwIfAborted()
    const look = await lookAround(attempt)
    const { decision } = look
    if (state.from === undefined) state.from = liveOf(look.seen)
    if (look.seen.epoch !== undefined) state.patience.advance(look.seen.epoch)
    const lasting = decision.kind === 'refuse' || (decision.kind === 'wait' && context.request.failFast === true)
    if (lasting) throw obstacle(decision)
    if (decision.kind === 'wait') {
      if (attempt.locked) await unlock(session, context.request.set)
      attempt.locked = false
      await state.patience.wait(`${decision.message}; ${decision.fix}`, obstacle(decision))
    } else if (decision.kind === 'start' && !hasWork(attempt, look)) {
      const report = await start(attempt, look, decision.warnings)
      if (report !== undefined && attempt.locked) await unlock(session, context.request.set)
      if (report !== undefined) return report
    } else if (attempt.locked) {
      await act(attempt, look)
    } else if ((await tryLock(session, context.request.set)) || (await waitForTurn(attempt, look))) {
      hasLock(attempt)
    }
    if (!attempt.locked && state.patience.disconnects) return undefined
  }
}

function hasLock(attempt: Attempt): void {
  const { state, context } = attempt
  attempt.locked = true
  state.patience.served()
  context.emit({ level: 'info', event: 'locked' })
}

async function begin(session: Session, context: RunContext, state: RunState): Promise<Attempt> {
  const [pid, facts] = await Promise.all([session.pid(), serverFacts(session, context.request.historySchema)])
  state.pid = pid
  await refuseShared(session, pid, context.database, context.who)
  await session.own()
  if (facts.standby) {
    throw new RunFailure(
      'standby',
      'the server is a standby, and the schema is not known to be ready',
      'let the database reference name the primary (or give several hosts and target_session_attrs=read-write)',
    )
  }
  const nothing = { lacking: [], untrusted: undefined, empty: false, adoption: undefined, keeper: undefined }
  const undone = {
    ownSettings: undefined,
    history: false,
    recorded: false,
    missedAt: undefined,
    overtaken: 0,
    locked: false,
  }
  return { session, context, state, facts, ...undone, ...nothing }
}

/** A start that leaves something to do under the lock: tables to make, an adoption to record, scripts to run or replace. */
function hasWork({ context, history, lacking, untrusted }: Attempt, look: Look): boolean {
  const { seen, mounted, target } = look
  const { request } = context
  if (lacking.length > 0 && untrusted === undefined) return true
  if (pendingRepeatables(request, look).length > 0 || acceptedUps(request, look).length > 0) return true
  if (request.owner === undefined) return request.adoptAt !== undefined && seen.epoch === undefined
  if (!history || seen.epoch === undefined) return true
  if (ownRequirement(request, seen)?.token !== request.owner.token) return false
  if (mounted === undefined || differsFromAdmitted(request, mounted, target)) return false
  return correctedDowns(request, look).length > 0
}

async function start(attempt: Attempt, look: Look, warnings: readonly string[]): Promise<RunReport | undefined> {
  const { session, context, state } = attempt
  const own = ownRequirement(context.request, look.seen)
  if (own !== undefined && look.seen.epoch !== undefined) {
    const basis = { epoch: look.seen.epoch, target: look.target || '0', reached: stillReached(own, look) }
    if (!(await recordStart(session, context.request, basis))) {
      if (attempt.missedAt === basis.epoch) throw startLost(context.request.historySchema)
      attempt.missedAt = basis.epoch
      return undefined
    }
  }
  // Who takes a database over asks for no version.
  const asked = context.request.adopt?.asked === true || context.request.adoptAt !== undefined
  const told = asked && context.request.owner === undefined ? [] : warnings
  for (const message of told) context.emit({ level: 'warn', event: 'ready', message })
  return reportOf(state, liveOf(look.seen), warnings)
}

const reportOf = ({ from, steps }: RunState, to: string | null, warnings: readonly string[]): RunReport => ({
  from: from === undefined ? to : from,
  to,
  steps,
  warnings,
})

const startLost = (schema: string) =>
  new RunFailure(
    'history-untrusted',
    `the history does not take that this pod starts: something changes what is written to ${schema}.requirement`,
    'remove the rule, trigger or policy on that table; a migration may have made it',
  )

/** A pod that starts is where it wants to be; what its workload's runs applied above that, and left, it may yet lower. */
function stillReached({ reached }: Requirement, { seen, target }: Look): string {
  const own = [
    ...seen.applied,
    ...seen.unfinished.filter((each) => isTouched(each) && repeatableName(each.version) === undefined),
  ].flatMap(({ version }) => (reached !== null && compareVersions(version, reached) <= 0 ? [version] : []))
  return highestVersion([target, ...own]) ?? target
}

const liveOf = ({ applied }: Seen) => highestVersion(applied.map(({ version }) => version)) ?? null

const obstacle = ({ code, message, fix }: Extract<Decision, { code: unknown }>) => new RunFailure(code, message, fix)
