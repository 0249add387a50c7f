import { ofShape } from '../history/edited.ts'
import { extendHistory } from '../history/extend.ts'
import { applyOwnSettings, serverFacts } from '../history/facts.ts'
import { foreignTables } from '../history/missing.ts'
import { nothingSeen, readHistory, type Seen } from '../history/read.ts'
import { lackingReaders } from '../history/readers.ts'
import { recordIntent } from '../history/requirement.ts'
import { partialHistory, trustProblem } from '../history/trust.ts'
import { blockingFinding } from '../migration/blocking.ts'
import { type Decision, decide } from '../migration/decide.ts'
import { firstSteps } from '../migration/formats/flyway/first-steps.ts'
import type { Migration, MigrationSet } from '../migration/migration.ts'
import type { RunRequest } from '../migration/run-request.ts'
import { compareVersions, highestVersion } from '../migration/version.ts'
import { failureOfFinding, RunFailure, stateOf } from '../postgres/failure.ts'
import type { Attempt, Look } from './attempt.ts'
import { decisionInput, ownRequirement } from './decision-input.ts'
import { filesFor } from './files-for-target.ts'
import { floorsWhereNeeded } from './floors.ts'

/**
 * Sees whether the history is there by now: while this run waits, another may make it. Tables of others are looked for
 * first, since those of an application appear only after its history: the server answers in the order of the questions.
 * Returns the refusal to begin one beside them.
 */
async function findHistory(attempt: Attempt): Promise<RunFailure | undefined> {
  const { session, context } = attempt
  const { historySchema, adoptAt, role } = context.request
  const [foreign, facts, untrusted, ownSettings] = await Promise.all([
    adoptAt === undefined ? foreignTables(session) : undefined,
    serverFacts(session, historySchema),
    trustProblem(session, historySchema, role ?? session.startRole),
    attempt.ownSettings ?? applyOwnSettings(session),
  ])
  attempt.facts = facts
  attempt.ownSettings = ownSettings
  if (attempt.facts.history === 'partial') throw partialHistory(historySchema)
  attempt.history = attempt.facts.history === 'complete'
  attempt.untrusted = untrusted
  if (facts.older) await extend(attempt)
  if (attempt.history) attempt.lacking = await lackingReaders(session, historySchema, context.request.readers)
  attempt.empty = !attempt.history && foreign === undefined
  return attempt.history ? undefined : foreign
}

/** A history of an earlier release gets what this one needs, before it is written to. */
async function extend({ session, context, state, facts }: Attempt): Promise<void> {
  const { historySchema } = context.request
  const busy = 'a transaction of an earlier release uses the history, to which this one has to add'
  const lasting = new RunFailure('deadline', busy, 'wait for the run that it belongs to, then run this again')
  while (!(await extendHistory(session, historySchema, facts))) await state.patience.wait(busy, lasting)
}

/** Where the set has no history: the table of another tool to begin it with. Throws what is in the way of beginning one. */
async function findForeign(attempt: Attempt, seen: Seen, foreign: RunFailure | undefined) {
  const { session, context, empty, history } = attempt
  const { request } = context
  if (seen.epoch !== undefined || request.adoptAt !== undefined) return undefined
  if (empty && request.adopt?.asked !== true) return undefined
  const { findAdoption } = await import('./adoption/find.ts')
  const adoption = await findAdoption(session, request, history)
  if (adoption === undefined && foreign !== undefined) throw foreign
  return adoption
}

export async function lookAround(attempt: Attempt): Promise<Look> {
  const { context } = attempt
  const { request } = context
  // Read while the server answers; what is wrong with the files is reported by who needs them.
  context.files().catch(() => undefined)
  const foreign = attempt.history ? undefined : await findHistory(attempt)
  if (!attempt.history) attempt.adoption = await findForeign(attempt, nothingSeen, foreign)
  const mounted = await context.files()
  const target = request.target ?? (mounted && highestOf(mounted)) ?? '0'
  const seen = attempt.history ? await readRows(attempt, target) : nothingSeen
  context.seen?.(seen.applied.map(({ version }) => version))
  if (attempt.history) attempt.adoption = await findForeign(attempt, seen, undefined)
  if (request.target === undefined && mounted !== undefined && attempt.adoption === undefined) {
    refuseUnread(mounted, seen)
  }
  const files = filesToCount(request, seen, mounted, target)
  const fresh = seen.applied.length === 0 && files !== undefined
  const baseline = fresh
    ? mounted?.baselines?.filter(({ version }) => compareVersions(version, target) <= 0).at(-1)
    : undefined
  const steps = baseline === undefined || mounted === undefined ? files : firstSteps(mounted, target)
  // What is applied is known when it is taken over: nothing can be decided before.
  const taking = attempt.adoption !== undefined && request.mode !== 'gate'
  const floors =
    mounted !== undefined && isPending(steps, seen, target)
      ? await floorsWhereNeeded(attempt, seen, mounted, target)
      : undefined
  const decision = taking ? takingOver : decide(decisionInput(request, seen, steps, target, floors))
  return { target, seen, mounted, files, baseline, floors, decision }
}

function isPending(steps: readonly Migration[] | undefined, { applied }: Seen, target: string): boolean {
  const done = new Set(applied.map(({ version }) => version))
  return steps?.some(({ version }) => compareVersions(version, target) <= 0 && !done.has(version)) === true
}

/** Who asks for the highest version means all of the files: nothing that is still to run may be left out unread. */
function refuseUnread(mounted: MigrationSet, { applied, repeatables }: Seen): void {
  const done = new Set(applied.map(({ version }) => version))
  const found = blockingFinding(
    mounted,
    (version) => done.has(version),
    undefined,
    (name) => repeatables.get(name),
  )
  if (found !== undefined) throw failureOfFinding(found)
}

const takingOver: Decision = { kind: 'up', steps: [], warnings: [] }

const highestOf = ({ migrations, baselines = [] }: MigrationSet) =>
  highestVersion([...migrations, ...baselines].flatMap(({ kind, version }) => (kind === 'repeatable' ? [] : version)))

/** A late pod decides by the history alone: the files of its release may be gone, and it moves nothing anyway. */
function filesToCount(request: RunRequest, seen: Seen, mounted: MigrationSet | undefined, target: string) {
  if (request.lower !== undefined) return undefined
  if (seen.epoch === undefined && request.adoptAt !== undefined)
    return mounted?.migrations.filter(({ kind }) => kind === 'versioned')
  const late = request.owner !== undefined && (ownRequirement(request, seen)?.token ?? 0) > request.owner.token
  return late ? undefined : filesFor(mounted, seen, target)
}

async function readRows(attempt: Attempt, target: string): Promise<Seen> {
  const { session, context } = attempt
  const { request } = context
  try {
    if (!attempt.recorded) await recordIntent(session, request, target || '0')
    attempt.recorded = true
    return await readHistory(session, request.historySchema, request.set)
  } catch (error) {
    if (stateOf(error) === '42501') throw attempt.untrusted ?? noRights(attempt, error)
    throw ofShape(error, request.historySchema)
  }
}

const noRights = ({ facts, context }: Attempt, error: unknown) =>
  new RunFailure(
    'no-rights',
    `${facts.login} may not use the history: ${error instanceof Error ? error.message : error}`,
    `let the role that owns schema ${context.request.historySchema} run the migrations`,
    { sqlstate: '42501' },
  )
