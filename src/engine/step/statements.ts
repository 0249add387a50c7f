import { setTimeout as sleep } from 'node:timers/promises'
import { type Detail, isTouched, type StatementState, type Unfinished } from '../../history/unfinished.ts'
import { type Journal, type JournalEntry, journalRow, lockSet, raiseEpoch } from '../../history/write.ts'
import { concurrentTarget } from '../../migration/concurrent.ts'
import { type Unit, unitsOf } from '../../migration/units.ts'
import { type Before, lookBefore, settle } from '../../postgres/concurrent-index.ts'
import { RunFailure } from '../../postgres/failure.ts'
import { type Applier, applyStep } from './apply-step.ts'
import { runAlone, unbounded } from './run-outside-transaction.ts'
import { asRole, cleaning, type Step, scriptsOf } from './step.ts'
import { NeedsNoTransaction } from './step-failure.ts'

/** A try of a step that runs statement by statement. */
export interface Trial {
  readonly applier: Applier
  readonly journal: Journal
  /** Version, direction and script; `record` is what finishes the step. */
  readonly step: Step
  /** Marks the journal's rows of this try and of those that go on with it; undefined: none are written. */
  readonly attempt: string | undefined
  /** What the journal knows of an earlier try. */
  readonly unfinished: Unfinished | undefined
  /** What the journal is to know of the version from its beginning. */
  readonly facts?: Pick<Detail, 'floor' | 'reversible'>
  /** Statements for the transaction that begins the try. */
  readonly begun?: readonly string[]
  /** Asked before the first statement, and when it is done. */
  readonly wanted?: () => Promise<boolean>
}

/** A trial on its way. */
interface Course extends Trial {
  /** The journal shows that something of it may be there: whoever looks now sees that the schema is on its way. */
  touched: boolean
}

/** What others wrote meanwhile took back the first statement: the run looks again. */
class Unwanted extends Error {}

/**
 * Runs a script that no transaction may be put around. A statement that may run in a transaction shares one with its
 * `done` row; for the others the journal says that they start, and then that they are done. After a crash the next run
 * goes on behind the last done statement, in a session that the script's own settings were made in again.
 */
export async function runStatements(trial: Trial): Promise<'done' | 'changed'> {
  const { applier, step, unfinished, wanted } = trial
  const units = unitsOf(...scriptsOf(step))
  refuseOtherText(trial, units)
  const { request } = applier.settings
  // Nobody may start on a schema that is on its way: the epoch takes back what said that they may.
  const first = trial.attempt === undefined ? lockSet(request) : raiseEpoch(request)
  const begun = [
    ...note(trial, 'begun', { detail: json({ direction: step.direction, ...trial.facts }) }),
    ...(trial.begun ?? []),
  ]
  // Nothing can be taken back later, so this transaction asks what a trailer asks.
  const begin = {
    ...alone(step),
    script: nothing(step),
    asks: step.asks ?? [],
    record: unfinished === undefined ? [first, ...begun] : [lockSet(request)],
  }
  if ((await applyStep(applier, begin, { ...(wanted && { wanted }) })) === 'changed') return 'changed'
  await giveSession(trial)
  const course = {
    ...trial,
    touched: trial.attempt === undefined || (unfinished !== undefined && isTouched(unfinished)),
  }
  const known = (unit: Unit) => unfinished?.statements.get(unit.n)
  let passed = units.filter((unit) => known(unit)?.state === 'done').length
  for (const unit of units) {
    const leaves = passed > 0 || (unit.kind !== 'plain' && unit.kind !== 'session')
    if (leaves) applier.halfway?.(partOf(step, passed, units.length))
    try {
      await runUnit(course, unit, known(unit))
    } catch (error) {
      if (!course.touched) applier.halfway?.(undefined)
      if (error instanceof Unwanted) return 'changed'
      throw error
    }
    if (known(unit)?.state !== 'done') passed++
  }
  await applier.session.takeBack()
  // All of it has happened: it is recorded, whatever was decided meanwhile.
  const { proof = [], last } = step
  const end = { ...alone(step), script: nothing(step), proof, ...(last !== undefined && { last }) }
  await applyStep(applier, { ...end, late: true }, {})
  applier.halfway?.(undefined)
  return 'done'
}

/** A role that may only read by default migrates all the same: what runs in a transaction of ours may write, too. */
async function giveSession({ applier: { session, settings }, step }: Trial): Promise<void> {
  const { lockTimeoutMs } = settings.request
  const clean = [...cleaning(step, { ...settings, lockTimeoutMs }), ...asRole(settings)]
  await session.execute([...clean, 'SET default_transaction_read_only = off'].join(';\n'))
}

/** For who stops the run in the middle. */
const partOf = ({ direction, version, script }: Step, done: number, all: number) =>
  `${direction} ${version} (${script.file}) runs statement by statement: ${done} of ${all} are done and stay, and the next run goes on behind them`

const nothing = ({ script }: Step) => ({ ...script, text: '' })
/** Without the scripts around it, which are among its statements, and without what is asked at its beginning and end. */
const alone = ({ around: _, asks: _asks, proof: _proof, last: _last, ...step }: Step): Step => step

/**
 * Between the transaction that begins a try and the first that leaves something, others see a schema that nothing was done
 * to, and may start on it, or take over. So that one asks once more, and raises the epoch: they are seen by it, or see it.
 */
async function put(course: Course, step: Step): Promise<void> {
  const { applier, wanted, touched } = course
  if (touched) {
    await applyStep(applier, step, {})
    return
  }
  const { late: _, ...early } = step
  const record = [raiseEpoch(applier.settings.request), ...step.record]
  const asking = { ...early, asks: course.step.asks ?? [], record }
  if ((await applyStep(applier, asking, { ...(wanted && { wanted }) })) === 'changed') throw new Unwanted()
  course.touched = true
}

async function runUnit(trial: Course, unit: Unit, known: StatementState | undefined): Promise<void> {
  const { applier } = trial
  const done = note(trial, 'done', { statement: unit.n, detail: json({ checksum: unit.checksum }) })
  const again = known?.state === 'done'
  if (again && unit.kind !== 'session') return
  if (unit.kind === 'plain' || unit.kind === 'session') {
    const step = unitStep(trial, unit, again ? [] : done)
    try {
      await put(trial, step)
      return
    } catch (error) {
      if (!(error instanceof NeedsNoTransaction)) throw error
    }
  }
  if (unit.kind === 'concurrent') await runConcurrent(trial, unit, known)
  else if (unit.kind === 'repeatable') await runAlone(applier, unit, unitStep(trial, unit, []))
  else await runUncertain(trial, unit, known)
  await write(trial, done, true)
}

async function runConcurrent(trial: Course, unit: Unit, earlier: StatementState | undefined): Promise<void> {
  const { applier, step } = trial
  const { session, deadlineAt, emit } = applier
  const target = concurrentTarget(unit.text)
  if (target === undefined) throw new Error(`no target of ${unit.file} line ${unit.line}`)
  // What an earlier try noted under this number may be about another statement.
  const known = earlier?.checksum === unit.checksum ? earlier : undefined
  const settled = async (before: Before) => {
    for (;;) {
      const state = await settle(session, target, before)
      if (state !== 'busy') return state
      const message = `a session that an earlier run left, or autovacuum, still works on what ${unit.file} line ${unit.line} builds`
      if (Date.now() > deadlineAt) throw new RunFailure('deadline', message, 'wait for it, or end it')
      emit({ level: 'info', event: 'waiting', version: step.version, message })
      await sleep(500)
    }
  }
  const before = known?.before ?? (await lookBefore(session, target))
  if (known?.before !== undefined && (await unbounded(session, () => settled(before))) === 'done') return
  await start(trial, unit, before)
  let left: 'done' | 'again' | undefined
  try {
    await runAlone(applier, unit, unitStep(trial, unit, []), async () => {
      left = await settled(before)
    })
  } catch (error) {
    if (error instanceof RunFailure && left === 'again') await failed(trial, unit)
    throw error
  }
  // With IF NOT EXISTS the server also says yes to an index that is there and INVALID.
  if (target.kind === 'create-index' && target.index !== undefined) await lookBefore(session, target)
}

/** Whether it ran can be known only from the server's answer. */
async function runUncertain(trial: Course, unit: Unit, known: StatementState | undefined): Promise<void> {
  const { version } = trial.step
  if (known?.state === 'started') {
    throw new RunFailure(
      'in-doubt',
      `${unit.file} line ${unit.line} was started, and its answer was lost: whether it ran is not known`,
      `look, and say which: lockkeeper resolve ${version} --done, or lockkeeper resolve ${version} --retry`,
      { version, file: unit.file, line: unit.line },
    )
  }
  await start(trial, unit, undefined)
  try {
    await runAlone(trial.applier, unit, unitStep(trial, unit, []))
  } catch (error) {
    if (error instanceof RunFailure) await failed(trial, unit)
    throw error
  }
}

const start = (trial: Course, { n, checksum }: Unit, before: Before | undefined) =>
  write(trial, note(trial, 'started', { statement: n, detail: json({ checksum, ...(before && { before }) }) }))

/** The server said that it failed, and nothing of it is left: the text may be another one next time. */
const failed = (trial: Course, { n, checksum }: Unit) =>
  write(trial, note(trial, 'failed', { statement: n, detail: json({ checksum }) }), true)

/** Writes into the journal whatever role and search_path the script has set, and leaves them. */
async function write(course: Course, record: readonly string[], late = false): Promise<void> {
  const { step } = course
  const kept = { ...alone(step), kept: true, script: nothing(step), record } as const
  await put(course, late ? { ...kept, late } : kept)
}

const unitStep = ({ step }: Trial, { file, line, text }: Unit, record: readonly string[]): Step => ({
  ...alone(step),
  kept: true,
  script: { file, line, text },
  record,
})

const json = (detail: Detail) => JSON.stringify(detail)

function note(
  { applier, journal, step, attempt }: Trial,
  event: JournalEntry['event'],
  more: Partial<JournalEntry>,
): string[] {
  if (attempt === undefined) return []
  return [journalRow(applier.settings.request, journal, { event, version: step.version, attempt, ...more })]
}

/** What was done must still stand in the script, statement for statement. */
function refuseOtherText({ unfinished, step }: Trial, units: readonly Unit[]): void {
  const { version } = step
  for (const [n, { checksum, state }] of unfinished?.statements ?? []) {
    if (state === 'open' || units[n - 1]?.checksum === checksum) continue
    throw new RunFailure(
      'in-doubt',
      `statement ${n} of ${step.script.file} was ${state} in an earlier run, with another text than now`,
      `put its text back; or, when what it did is taken back by hand: lockkeeper resolve ${version} --retry`,
      { version, file: step.script.file },
    )
  }
}
