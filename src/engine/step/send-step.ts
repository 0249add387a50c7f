import { goesAlone } from '../../postgres/long-query.ts'
import type { Outcome, Session } from '../../postgres/session.ts'
import { messagesOf, type Step, type StepMessages, type StepSettings } from './step.ts'

/** What the three messages of a step became. */
export interface StepOutcome {
  readonly header: Outcome
  readonly script: Outcome
  readonly trailer: Outcome
}

/**
 * Sends a step's three messages back to back, behind whatever was sent before. `waiting`: nothing was, so the server has
 * the script before the trailer is made.
 */
export async function sendStep(
  session: Session,
  step: Step,
  settings: StepSettings,
  waiting: boolean,
): Promise<StepOutcome> {
  const messages = messagesOf(step, settings, !waiting)
  const { script, rows } = messages
  const header = `${messages.header};\n${messages.handover}`
  const query = { parts: script, rows }
  if (goesAlone(query)) return sendApart(session, header, messages)
  if (!waiting) return outcomeOf(await session.send([header, query, messages.trailer]))
  const last = async () => session.send([messages.trailer])
  const sent = await Promise.all([session.send([header, query]), last()])
  return outcomeOf(sent.flat())
}

/** The trailer waits for the end of the script, and is made while the server runs it. */
async function sendApart(session: Session, header: string, messages: StepMessages): Promise<StepOutcome> {
  const { script, rows } = messages
  let trailer: string | undefined
  const query = {
    parts: script,
    rows,
    sent: () => {
      trailer = messages.trailer
    },
  }
  const [opened, ran] = await session.send([header, query])
  if (ran === undefined || ran.error !== undefined) return outcomeOf([opened, ran])
  return outcomeOf([opened, ran, ...(await session.send([trailer ?? messages.trailer]))])
}

/**
 * The same, with a look at the database inside the step's transaction, when its script has run and nobody can start or
 * ask for something else any more (the way down takes it). `changed`: the look says that the step is not wanted any
 * more; its transaction is open.
 */
export async function sendStepIf(
  session: Session,
  step: Step,
  settings: StepSettings,
  wanted: () => Promise<boolean>,
): Promise<StepOutcome | 'changed'> {
  const messages = messagesOf(step, settings)
  const { header, handover, script, rows } = messages
  const [opened, ran] = await session.send([`${header};\n${handover}`, { parts: script, rows }])
  if (ran === undefined || ran.error !== undefined) return outcomeOf([opened, ran])
  const [closed] = await session.send([messages.closing])
  if (closed === undefined || closed.error !== undefined) return outcomeOf([opened, ran, closed])
  if (!(await wanted())) return 'changed'
  return outcomeOf([opened, ran, ...(await session.send([messages.recording]))])
}

const skipped: Outcome = { error: undefined, completed: 0, status: 'E' }
const outcomeOf = ([header = skipped, script = skipped, trailer = skipped]: readonly (
  | Outcome
  | undefined
)[]): StepOutcome => ({ header, script, trailer })

/** No error, and the server says: in a transaction, still in it, out of it. */
export const succeeded = ({ header, script, trailer }: StepOutcome): boolean =>
  [header, script, trailer].every(({ error }) => error === undefined) &&
  header.status === 'T' &&
  script.status === 'T' &&
  trailer.status === 'I'
