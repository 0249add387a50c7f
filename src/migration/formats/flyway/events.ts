import { CALLBACK_EVENTS, type CallbackEvent } from '../../migration.ts'

/** What becomes of a callback: it runs; or it refuses the set; or it is passed over with a warning. */
export type Treatment =
  | { readonly kind: 'runs'; readonly event: CallbackEvent }
  | { readonly kind: 'refused' | 'ignored'; readonly why: string; readonly fix: string }

const moveAway = 'move it away, or rename it to an event that runs here (beforeMigrate, afterMigrate, …)'
const intoScripts = 'write its statements into the U scripts: they are stored in the database, callbacks are not'
const atomic = 'move it away: a failed migration is rolled back, or taken up again by the next run'
const eachStatement = 'rename it to the event of the whole migration (beforeEachMigrate, afterEachMigrate)'

/**
 * Every event of Flyway 13 (`Event.java`, page Callback Events) but those that run here. Refused: Flyway fires it in a
 * `migrate` or `undo`, or at what has a counterpart here, so the database would miss what the script does. Ignored: it
 * belongs to a command that has no counterpart here, so no moment is missed.
 */
const others: readonly (readonly [events: string, kind: 'refused' | 'ignored', why: string, fix: string])[] = [
  [
    'beforeValidate afterValidate afterValidateError',
    'refused',
    'Flyway validates in each migrate',
    'rename it to beforeMigrate',
  ],
  ['beforeEachMigrateStatement afterEachMigrateStatement', 'refused', 'a script is sent whole', eachStatement],
  [
    'afterEachMigrateStatementError afterEachMigrateError afterMigrateError',
    'refused',
    'nothing runs after a failure',
    atomic,
  ],
  ['afterMigrateOperationFinish', 'refused', 'no operation is reported to SQL', 'rename it to afterMigrate'],
  ['beforeUndo afterUndo afterUndoError beforeEachUndo', 'refused', 'a way back needs no files', intoScripts],
  ['afterEachUndo afterEachUndoError beforeEachUndoStatement', 'refused', 'a way back needs no files', intoScripts],
  ['afterEachUndoStatement afterEachUndoStatementError', 'refused', 'a way back needs no files', intoScripts],
  ['beforeBaseline afterBaseline afterBaselineError', 'refused', 'adopting a database runs no script', moveAway],
  [
    'createSchema beforeCreateSchema',
    'refused',
    'no schema is created for migrations',
    'write CREATE SCHEMA IF NOT EXISTS into the first migration',
  ],
  [
    'beforeConnect afterConnect',
    'refused',
    'what a connection is set to is not for scripts',
    'rename it to beforeEachMigrate; a role is set by config.lockkeeper.dev/role',
  ],
  ['beforeClean afterClean afterCleanError', 'ignored', 'nothing here cleans a database', moveAway],
  ['beforeInfo afterInfo afterInfoError afterInfoOperationFinish', 'ignored', 'status runs no script', moveAway],
  ['beforeRepair afterRepair afterRepairError', 'ignored', 'there is no history of Flyway to repair', moveAway],
  ['beforeDeploy afterDeploy afterDeployError', 'ignored', 'nothing here deploys a state', moveAway],
]

const treatments = new Map<string, Treatment>([
  ...CALLBACK_EVENTS.map((event): [string, Treatment] => [event, { kind: 'runs', event }]),
  ...others.flatMap(([events, kind, why, fix]) =>
    events.split(' ').map((event): [string, Treatment] => [event, { kind, why, fix }]),
  ),
])
/** Longest first: `beforeMigrate` begins other names too. */
const events = [...treatments.keys()].sort((a, b) => b.length - a.length)

/** The event with which a name begins. */
export const eventIn = (name: string): string | undefined => events.find((event) => name.startsWith(event))

/** A name with the event that it begins with, whatever its case, in Flyway's case. */
export function eventLike(name: string): string {
  const small = name.toLowerCase()
  const event = events.find((each) => small.startsWith(each.toLowerCase()))
  return event === undefined ? name : event + name.slice(event.length)
}

/** For a name that `eventIn` gave. */
export function treatmentOf(event: string): Treatment {
  const treatment = treatments.get(event)
  if (treatment === undefined) throw new Error(`${event} is no event`)
  return treatment
}
