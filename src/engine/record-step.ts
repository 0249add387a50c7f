import { keepDown } from '../history/kept-down.ts'
import { deleteMigration, insertMigration, journalRow, raiseEpoch, raiseReached } from '../history/write.ts'
import type { Migration } from '../migration/migration.ts'
import { compareVersions } from '../migration/version.ts'
import type { Attempt, KnownFloors, Look } from './attempt.ts'
import type { Step } from './step/step.ts'

/**
 * What goes into the history in the transaction of a step up; the row of the set comes first, see `Step.asks`. `name`:
 * of the attempt that runs statement by statement.
 */
export function recordOf(
  { context, state, keeper }: Attempt,
  look: Look,
  plain: Migration,
  name: string | undefined,
): Required<Pick<Step, 'record' | 'last'>> {
  const { mounted, floors } = look
  const migration = floored(plain, floors)
  const { version } = migration
  const { request } = context
  const { journal } = state
  const alone =
    name === undefined ? migration : { ...migration, transaction: { ...migration.transaction, up: 'none' } as const }
  const format = mounted?.format ?? 'golang-migrate'
  const record = [
    raiseEpoch(request),
    ...(migration.kind === 'repeatable' ? [deleteMigration(request, version)] : []),
    ...forgetTries({ context, state }, look, version, name),
    ...recorded(alone, mounted).map((each) =>
      insertMigration(request, journal, format, each, each === alone ? 'lockkeeper' : 'baseline'),
    ),
    ...(keeper?.up(migration).record ?? []),
  ]
  const [reached] = migration.kind === 'repeatable' ? [] : raiseReached(request, version)
  const entry = {
    event: 'applied',
    version,
    ...(migration.kind !== 'repeatable' && { detail: `floor ${migration.floor ?? 'unknown'}` }),
    ...(name !== undefined && { attempt: name }),
  } as const
  return { record, last: { journal: journalRow(request, journal, entry), reached } }
}

/** Ends earlier tries of a version, but for the one that goes on. */
export function forgetTries(
  { context: { request }, state }: Pick<Attempt, 'context' | 'state'>,
  { seen }: Pick<Look, 'seen'>,
  version: string,
  name: string | undefined,
): string[] {
  return seen.unfinished
    .filter((each) => each.version === version && each.attempt !== name)
    .map(({ attempt }) => journalRow(request, state.journal, { event: 'resolved', version, attempt }))
}

/**
 * What goes into the history when a version is on its way up, statement by statement: from then on this workload's runs
 * count as having reached it, and its way back travels along.
 */
export function beginningOf(
  attempt: Attempt,
  look: Look,
  { kind, version, down, transaction }: Migration,
  name: string,
) {
  const { context, state } = attempt
  const { request } = context
  const forgotten = forgetTries(attempt, look, version, name)
  if (kind !== 'versioned') return forgotten
  const alone = transaction.down === 'none'
  const kept = down === undefined ? [] : [keepDown(request, state.journal, name, version, { ...down, alone })]
  return [...forgotten, ...kept, ...raiseReached(request, version)]
}

/** With its own floor as it is known, see `Migration.floor`. */
export function floored(migration: Migration, floors: KnownFloors | undefined): Migration {
  const floor = migration.kind === 'versioned' ? floors?.(migration.version) : undefined
  return floor === undefined ? migration : { ...migration, floor }
}

/** What a step puts into the history: itself; a baseline, the versions that it stands for, so that they can be reverted. */
function recorded(migration: Migration, mounted: Look['mounted']): Migration[] {
  if (migration.kind !== 'baseline') return [migration]
  const covered = (mounted?.migrations ?? []).filter(
    ({ kind, version }) => kind === 'versioned' && compareVersions(version, migration.version) <= 0,
  )
  const named = covered.some(({ version }) => version === migration.version)
  return named ? covered : [...covered, migration]
}
