import { beginHistory, createHistory, refuseSharedSchema } from '../history/create.ts'
import { grantReaders, lackingReaders } from '../history/readers.ts'
import { compareVersions } from '../migration/version.ts'
import type { Attempt, Look } from './attempt.ts'
import { refuseUnfit, waysBack } from './encoding.ts'
import { move } from './migrate.ts'

/** One piece of work under the lock; what it changed is seen at the next look. */
export async function act(attempt: Attempt, look: Look): Promise<void> {
  const { session, context, facts } = attempt
  const { request } = context
  if (!attempt.history) refuseSharedSchema(request.historySchema)
  if (attempt.adoption !== undefined) {
    const { takeOver } = await import('./adoption/take-over.ts')
    await takeOver(attempt, attempt.adoption, look.mounted)
  } else if (!attempt.history) {
    await lackingReaders(session, request.historySchema, request.readers) // Throws for a role that is not there.
    if (attempt.untrusted !== undefined) throw attempt.untrusted // Of a schema that somebody made.
    attempt.history = await createHistory(session, request, facts)
    if (attempt.history) await begin(attempt, look)
  } else if (look.seen.epoch === undefined) {
    await begin(attempt, look)
  } else {
    if (attempt.untrusted !== undefined) throw attempt.untrusted
    if (attempt.lacking.length > 0) await grantReaders(session, request.historySchema, attempt.lacking)
    attempt.lacking = []
    const { kept } = look.seen
    attempt.keeper = kept && (await (await import('./adoption/keep.ts')).keeperOf(attempt, look, kept))
    await move(attempt, look)
  }
}

async function begin({ session, context, state, facts }: Attempt, { mounted }: Look): Promise<void> {
  const { adoptAt } = context.request
  const taken = mounted?.migrations.filter(
    ({ kind, version }) => kind === 'versioned' && adoptAt !== undefined && compareVersions(version, adoptAt) <= 0,
  )
  await refuseUnfit(session, facts, (taken ?? []).map(waysBack))
  const adopted = await beginHistory(session, context.request, state.journal, mounted)
  for (const version of adopted) context.emit({ level: 'info', event: 'applied', version, message: 'adopted' })
}
