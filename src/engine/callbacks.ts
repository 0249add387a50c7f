import { journalRow } from '../history/write.ts'
import type { CallbackEvent, Script } from '../migration/migration.ts'
import type { Attempt, Look } from './attempt.ts'
import { applierOf } from './report-step.ts'
import { applyStep } from './step/apply-step.ts'

import { runStatements } from './step/statements.ts'
import type { Around } from './step/step.ts'

const scriptsOf = ({ mounted }: Look, event: CallbackEvent): Script[] =>
  (mounted?.callbacks ?? []).filter((each) => each.event === event).map(({ script }) => script)

/** What runs in the transaction of every migration, before and behind its own script. */
export const aroundEach = (look: Look): Around => ({
  before: scriptsOf(look, 'beforeEachMigrate'),
  behind: scriptsOf(look, 'afterEachMigrate'),
})

/** Whether what runs around each migration keeps it from running in a transaction. */
export const eachIsAlone = ({ mounted }: Look): boolean =>
  (mounted?.callbacks ?? []).some(({ event, transaction }) => event.includes('Each') && transaction === 'none')

/**
 * Runs the scripts of a moment, each in a transaction of its own. Unlike Flyway's they run only when something is to be
 * applied: a pod that starts on a current schema runs nothing.
 */
export async function runCallbacks(attempt: Attempt, look: Look, ...events: readonly CallbackEvent[]): Promise<void> {
  const { context, state } = attempt
  const { request, emit } = context
  for (const { event, script, transaction } of look.mounted?.callbacks ?? []) {
    if (!events.includes(event)) continue
    const record = [journalRow(request, state.journal, { event: 'callback', detail: script.file })]
    const step = { version: event, direction: 'up', after: undefined, more: false, script, record } as const
    emit({ level: 'info', event: 'applying', message: script.file })
    const applier = applierOf(attempt)
    if (transaction === 'required') await applyStep(applier, step, {})
    else await runStatements({ applier, journal: state.journal, step, attempt: undefined, unfinished: undefined })
    emit({ level: 'info', event: 'applied', message: script.file })
  }
}
