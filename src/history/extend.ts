import { RunFailure, stateOf } from '../postgres/failure.ts'
import type { Session } from '../postgres/session.ts'
import { extensionDdl } from './ddl.ts'
import type { ServerFacts } from './facts.ts'
import { subscribers } from './subscribers.ts'

/** Adds to the tables what this release needs, which runners of before do not notice. False: they are in use just now. */
export async function extendHistory(session: Session, schema: string, facts: ServerFacts): Promise<boolean> {
  const followers = await subscribers(session)
  const statements = extensionDdl(schema)
  if (followers !== undefined) {
    throw new RunFailure(
      'history-missing',
      `${followers} would stop at columns that its tables do not have, and this release needs them`,
      `add them by hand, first on the subscriber and then here: ${statements.join('; ')};`,
    )
  }
  try {
    await session.execute(['begin', `set local lock_timeout = '500ms'`, ...statements, 'commit'].join(';\n'))
    return true
  } catch (error) {
    await session.execute('rollback')
    if (passes(error)) return false
    if (stateOf(error) !== '42501') throw error
    throw new RunFailure(
      'no-rights',
      `${facts.login} may not add to the tables of schema ${schema} the columns that this release needs`,
      `let the role that owns them run this once: ${statements.join('; ')};`,
      { sqlstate: '42501' },
    )
  }
}

const passes = (error: unknown) => ['55P03', '40P01', 'XX000'].includes(stateOf(error) ?? '')
