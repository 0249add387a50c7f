import { randomUUID } from 'node:crypto'
import { keptDown } from '../history/kept-down.ts'
import { readHistory } from '../history/read.ts'
import { storedDown } from '../history/stored-down.ts'
import { isTouched } from '../history/unfinished.ts'
import { deleteMigration, forgetRepeatables, journalRow, raiseEpoch } from '../history/write.ts'
import { decide } from '../migration/decide.ts'
import { transactionBody } from '../migration/transaction.ts'
import { failureOfFinding } from '../postgres/failure.ts'
import type { Attempt, Look } from './attempt.ts'
import { decisionInput } from './decision-input.ts'

import { forgetTries } from './record-step.ts'
import { applierOf, inOneTransaction, perform } from './report-step.ts'

import { fence, recorded } from './step/checks.ts'
import { runStatements } from './step/statements.ts'
import type { Step } from './step/step.ts'
import { NeedsNoTransaction } from './step/step-failure.ts'

/**
 * Reverts one version with its stored down script, if that is still wanted when its script has run. `finish`: a way down
 * that was begun, statement by statement, is taken to its end whoever wants the version: only then can it come up again.
 */
export async function stepDown(attempt: Attempt, look: Look, version: string, finish = false): Promise<void> {
  const { session, context } = attempt
  const { request } = context
  const half = look.seen.unfinished.find(
    (each) => each.version === version && each.direction === 'up' && isTouched(each),
  )
  const { historySchema, set } = request
  const stored =
    (await storedDown(session, historySchema, set, version)) ??
    (half && (await keptDown(session, historySchema, set, half)))
  if (stored === undefined) return
  const script = { ...stored, line: 1 }
  const body = transactionBody(script)
  const finding = body.findings.find(({ severity }) => severity === 'error')
  if (finding !== undefined) throw failureOfFinding({ ...finding, version })
  const kept = attempt.keeper?.down(version)
  const stepFor = (name: string | undefined): Step => {
    const { journal } = attempt.state
    const entry = { event: 'reverted', version, ...(name !== undefined && { attempt: name }) } as const
    const record = [
      raiseEpoch(request),
      deleteMigration(request, version),
      forgetRepeatables(request),
      ...forgetTries(attempt, look, version, name),
      ...(kept?.record ?? []),
    ]
    return {
      version,
      direction: 'down',
      after: undefined,
      more: false,
      script,
      record,
      last: { journal: journalRow(request, journal, entry) },
      asks: fence(request),
      proof: [recorded(request, version, 'down', (look.seen.epoch ?? 0) + 1)],
    }
  }
  const wanted = async () => {
    const seen = await readHistory(session, request.historySchema, request.set)
    const again = decide(decisionInput(request, seen, look.files, look.target))
    return again.kind === 'down' && again.steps[0] === version
  }
  const unfinished = look.seen.unfinished.find(
    (each) => each.version === version && each.direction === 'down' && isTouched(each),
  )
  const alone = async () => {
    const started = Date.now()
    const name = unfinished?.attempt ?? randomUUID()
    const { journal } = attempt.state
    const begun = kept?.begun ?? []
    const trial = {
      applier: applierOf(attempt),
      journal,
      step: stepFor(name),
      attempt: name,
      unfinished,
      begun,
      ...(!finish && { wanted }),
    }
    if ((await runStatements(trial)) === 'changed') return 'changed'
    return { durationMs: Date.now() - started, retries: 0 }
  }
  const step = stepFor(undefined)
  await perform(attempt, step, async () => {
    if (body.alone || stored.alone || unfinished !== undefined) return alone()
    try {
      return await inOneTransaction(attempt, step, { wanted })()
    } catch (error) {
      if (!(error instanceof NeedsNoTransaction)) throw error
      return alone()
    }
  })
}
