import { createHistory } from '../../history/create.ts'
import { beginSet, insertMigration, journalRow } from '../../history/write.ts'
import type { MigrationSet } from '../../migration/migration.ts'
import type { RunRequest } from '../../migration/run-request.ts'
import { highestVersion } from '../../migration/version.ts'
import { RunFailure } from '../../postgres/failure.ts'
import { isDatabaseError, type Session } from '../../postgres/session.ts'
import type { Attempt } from '../attempt.ts'
import { refuseUnfit, waysBack } from '../encoding.ts'
import { refuseUnkeepable } from './keepable.ts'
import { type ImportPlan, planImport } from './reading.ts'
import { type Adoption, shown } from './tool.ts'
import { underToolLocks } from './tool-lock.ts'

/**
 * Begins the history of a set with what another tool's table says, in one transaction, under our lock and that tool's.
 * Where another session has the tool's lock, it waits a moment and does nothing: the next look tries again. What cannot be
 * taken over is refused before anything is made.
 */
export async function takeOver(attempt: Attempt, adoption: Adoption, mounted: MigrationSet | undefined): Promise<void> {
  const { session, context, facts, state, untrusted } = attempt
  if (untrusted !== undefined) throw untrusted
  const outcome = await underToolLocks(session, adoption, facts.database, async () => {
    const plan = await prepare(session, context.request, adoption, mounted)
    attempt.history ||= await createHistory(session, context.request, facts)
    if (!attempt.history) return // The next look sees the tables that another run made meanwhile.
    await importRows(attempt, adoption, plan)
    state.patience.served()
  })
  if (outcome !== undefined) await state.patience.wait(outcome.heldBy, stillHeld(outcome.heldBy))
}

/** What there is to import; throws whatever keeps the database from being taken over as it is asked. */
export async function prepare(
  session: Session,
  { adopt }: RunRequest,
  adoption: Adoption,
  mounted: MigrationSet | undefined,
): Promise<ImportPlan> {
  const plan = await planImport(session, adoption, mounted)
  if (adopt?.keep) await refuseUnkeepable(session, adoption)
  return plan
}

async function importRows(
  { session, context, state, facts }: Attempt,
  { tool, table }: Adoption,
  { rows, warnings }: ImportPlan,
): Promise<void> {
  const { request, emit } = context
  const live = highestVersion(
    rows.flatMap(({ migration: { kind, version } }) => (kind === 'repeatable' ? [] : version)),
  )
  await refuseUnfit(
    session,
    facts,
    rows.map(({ migration }) => waysBack(migration)),
  )
  const detail = `from ${tool.name}, ${shown(table)}`
  const statements = rows.flatMap(({ migration, past }) => [
    insertMigration(request, state.journal, tool.name, migration, tool.name, past),
    journalRow(request, state.journal, { event: 'adopted', version: migration.version, detail }),
  ])
  const kept = request.adopt?.keep ? { tool: tool.name, table, mark: live ?? null, dirty: false } : undefined
  try {
    await session.execute(['begin', beginSet(request, kept), ...statements, 'commit'].join(';\n'))
  } catch (error) {
    if (isDatabaseError(error)) await session.execute('rollback')
    throw error
  }
  for (const message of warnings) emit({ level: 'warn', event: 'applied', message })
  for (const { migration } of rows) {
    emit({ level: 'info', event: 'applied', version: migration.version, message: `adopted ${detail}` })
  }
}

const stillHeld = (holder: string) =>
  new RunFailure(
    'deadline',
    `the deadline passed while waiting to take the database over: ${holder}`,
    'let that run end, or end its session, and see that nothing starts the tool again; then adopt again',
  )
