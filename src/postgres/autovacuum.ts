import { stateOf } from './failure.ts'
import type { Session } from './session.ts'
import { identifier } from './sql.ts'

/** Where autovacuum is in the way. */
export interface Vacuumed {
  /** The table, as SQL writes it. */
  readonly relation: string
  readonly deadlockTimeoutMs: number
  /** Who may lock it, where the login role may not. */
  readonly role: string | undefined
}

/**
 * Makes PostgreSQL cancel the autovacuum worker that holds a table, while others read and write it: the server cancels
 * one for whoever waited deadlock_timeout for its lock, in any mode, and SHARE UPDATE EXCLUSIVE conflicts with the
 * worker but with no reader or writer (manual, Explicit Locking and Routine Vacuuming). A worker that prevents
 * wraparound stays. False where there is nothing to lock in that way, as an index or a TOAST table.
 */
export async function cancelAutovacuum(session: Session, vacuumed: Vacuumed): Promise<boolean> {
  const { relation, deadlockTimeoutMs, role } = vacuumed
  const statements = [
    'BEGIN',
    `SET LOCAL lock_timeout = ${deadlockTimeoutMs + 200}`,
    ...(role === undefined ? [] : [`SET LOCAL ROLE ${identifier(role)}`]),
    `LOCK TABLE ${relation} IN SHARE UPDATE EXCLUSIVE MODE`,
    'COMMIT',
  ]
  const [outcome] = await session.send([statements.join(';\n')])
  if (outcome?.error === undefined) return true
  await session.execute('ROLLBACK')
  return stateOf(outcome.error) === '55P03'
}
