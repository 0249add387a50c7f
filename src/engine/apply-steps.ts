import { randomUUID } from 'node:crypto'
import { isTouched } from '../history/unfinished.ts'
import type { Migration } from '../migration/migration.ts'
import { repeatableKey } from '../migration/repeatable.ts'
import type { Attempt, Look } from './attempt.ts'
import { aroundEach, eachIsAlone, runCallbacks } from './callbacks.ts'
import { beginningOf, floored, recordOf } from './record-step.ts'
import { applierOf, inOneTransaction, perform } from './report-step.ts'
import type { Done } from './step/apply-step.ts'
import { blocker, fence, recorded } from './step/checks.ts'
import { Flight } from './step/pipeline.ts'

import { runStatements } from './step/statements.ts'
import type { Step } from './step/step.ts'
import { NeedsNoTransaction } from './step/step-failure.ts'

/** One version on the way up. */
interface Due {
  readonly migration: Migration
  /** The version before it. */
  readonly after: string | undefined
  readonly more: boolean
  /** The epoch that it leads to. */
  readonly epoch: number
}

/**
 * Applies versions in order, then what is repeatable, and at each moment the scripts that belong to it. A step that was
 * taken back ends it.
 */
export async function stepsUp(
  attempt: Attempt,
  look: Look,
  versions: readonly string[],
  repeatables: readonly Migration[],
): Promise<void> {
  const versioned = dueOf(look, versions, repeatables.length > 0)
  if (versions.length + repeatables.length === 0) return
  await runCallbacks(attempt, look, 'beforeMigrate')
  if ((await apply(attempt, look, versioned)) === 'changed') return
  if (versions.length > 0) await runCallbacks(attempt, look, 'afterVersioned')
  if (repeatables.length > 0) await runCallbacks(attempt, look, 'beforeRepeatables')
  if ((await apply(attempt, look, repeatables.map(again(look, versions.length)))) === 'changed') return
  await runCallbacks(attempt, look, 'afterMigrateApplied', 'afterMigrate')
}

/** In order: those that may run in a transaction in flight, the others one by one. */
async function apply(attempt: Attempt, look: Look, due: readonly Due[]): Promise<'done' | 'changed'> {
  for (let i = 0; i < due.length; ) {
    const end = due.findIndex(({ migration }, at) => at >= i && isAlone(migration, look))
    const together = due.slice(i, end < 0 ? due.length : end)
    if (together.length > 0 && (await inFlight(attempt, look, together)) === 'changed') return 'changed'
    const [alone] = due.slice(i + together.length)
    if (alone !== undefined && (await byItself(attempt, look, alone)) === 'changed') return 'changed'
    i += together.length + 1
  }
  return 'done'
}

/** So it says, or so it was begun: the server may have asked for it. */
const isAlone = ({ transaction, version }: Migration, look: Look) =>
  transaction.up === 'none' || eachIsAlone(look) || halfUp(look, version) !== undefined

/** An earlier try that left something. */
const halfUp = ({ seen }: Look, version: string) =>
  seen.unfinished.find((each) => each.version === version && each.direction === 'up' && isTouched(each))

/** A repeatable migration, under the key by which the history knows it. */
const again =
  (look: Look, behind: number) =>
  (migration: Migration, i: number, all: readonly Migration[]): Due => {
    const before = all[i - 1]
    return {
      migration: { ...migration, version: repeatableKey(migration.name) },
      after: before && repeatableKey(before.name),
      more: i + 1 < all.length,
      epoch: epochAfter(look, behind + i),
    }
  }

/** Each step raises it. */
const epochAfter = ({ seen }: Look, before: number) => (seen.epoch ?? 0) + before + 1

function dueOf(look: Look, versions: readonly string[], more: boolean): Due[] {
  const { mounted, baseline } = look
  const files = [...(baseline === undefined ? [] : [baseline]), ...(mounted?.migrations ?? [])]
  return versions.map((version, i) => {
    const migration = files.find((each) => each.version === version)
    if (migration === undefined) throw new Error(`no file for ${version}`)
    return { migration, after: versions[i - 1], more: more || i + 1 < versions.length, epoch: epochAfter(look, i) }
  })
}

async function inFlight(attempt: Attempt, look: Look, together: readonly Due[]): Promise<'done' | 'changed'> {
  const { session, context, facts, ownSettings = [] } = attempt
  const { request, who, signal } = context
  const settings = { request, facts, ownSettings, who, lockTimeoutMs: request.lockTimeoutMs }
  const flight = new Flight(session, settings, stepsOf(attempt, look, together))
  for (let next = flight.next(), i = 0; next !== undefined; next = flight.next(), i++) {
    const { step, outcome } = next
    const due = together[i]
    const apply = inOneTransaction(attempt, step, { sent: { outcome, land: () => flight.land() } })
    const ended = await perform(attempt, step, async () => {
      try {
        return await apply()
      } catch (error) {
        if (due === undefined || !(error instanceof NeedsNoTransaction)) throw error
        return statementByStatement(attempt, look, due)
      }
    })
    signal?.throwIfAborted()
    if (ended === 'changed') return ended
  }
  return 'done'
}

function* stepsOf(attempt: Attempt, look: Look, together: readonly Due[]): Generator<Step> {
  for (const due of together) yield stepOf(attempt, look, due, undefined)
}

async function byItself(attempt: Attempt, look: Look, due: Due): Promise<'done' | 'changed'> {
  const { version, up } = due.migration
  const named = { version, direction: 'up', script: up } as const
  const ended = await perform(attempt, named, () => statementByStatement(attempt, look, due))
  attempt.context.signal?.throwIfAborted()
  return ended
}

async function statementByStatement(attempt: Attempt, look: Look, due: Due): Promise<Done> {
  const started = Date.now()
  const { version } = due.migration
  const unfinished = halfUp(look, version)
  const name = unfinished?.attempt ?? randomUUID()
  const step = { ...stepOf(attempt, look, due, name), more: false }
  const begun = [...beginningOf(attempt, look, due.migration, name), ...(attempt.keeper?.up(due.migration).begun ?? [])]
  const facts = {
    floor: floored(due.migration, look.floors).floor ?? null,
    reversible: due.migration.down !== undefined,
  }
  const trial = {
    facts,
    applier: applierOf(attempt),
    journal: attempt.state.journal,
    step,
    attempt: name,
    unfinished,
    begun,
  }
  await runStatements(trial)
  return { durationMs: Date.now() - started, retries: 0 }
}

function stepOf(attempt: Attempt, look: Look, due: Due, name: string | undefined): Step {
  const { migration, after, more } = due
  const { version, up } = migration
  const { request } = attempt.context
  let made: ReturnType<typeof recordOf> | undefined
  const make = () => {
    made ??= recordOf(attempt, look, migration, name)
    return made
  }
  return {
    version,
    direction: 'up',
    after,
    more,
    script: up,
    around: aroundEach(look),
    // What is half there is finished, whoever it stands in the way of by now.
    asks: halfUp(look, version)
      ? fence(request)
      : [...fence(request), ...blocker(request, version, floored(migration, look.floors).floor)],
    get record() {
      return make().record
    },
    get last() {
      return make().last
    },
    proof: [recorded(request, version, 'up', due.epoch)],
  }
}
