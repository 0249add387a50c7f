import { deleteMigration, insertMigration, journalRow, raiseEpoch, raiseReached } from '../history/write.ts'
import type { Migration } from '../migration/migration.ts'
import { compareVersions } from '../migration/version.ts'
import type { Attempt, KnownFloors, Look } from './attempt.ts'

/**
 * What goes into the history in the transaction of a step up; the row of the set comes first, see `Step.asks`. `name`:
 * of the attempt that runs statement by statement.
 */
export function recordOf(
  { context, state, keeper }: Attempt,
  { mounted, floors }: Look,
  plain: Migration,
  name: string | undefined,
): string[] {
  const migration = floored(plain, floors)
  const { version } = migration
  const { request } = context
  const { journal } = state
  const alone =
    name === undefined ? migration : { ...migration, transaction: { ...migration.transaction, up: 'none' } as const }
  const format = mounted?.format ?? 'golang-migrate'
  return [
    raiseEpoch(request),
    ...(migration.kind === 'repeatable' ? [deleteMigration(request, version)] : []),
    ...recorded(alone, mounted).map((each) =>
      insertMigration(request, journal, format, each, each === alone ? 'lockkeeper' : 'baseline'),
    ),
    journalRow(request, journal, {
      event: 'applied',
      version,
      ...(migration.kind !== 'repeatable' && { detail: `floor ${migration.floor ?? 'unknown'}` }),
      ...(name !== undefined && { attempt: name }),
    }),
    ...(migration.kind === 'repeatable' ? [] : raiseReached(request, version)),
    ...(keeper?.up(migration).record ?? []),
  ]
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
