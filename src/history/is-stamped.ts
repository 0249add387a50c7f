import type { RunRequest } from '../migration/run-request.ts'
import { isDatabaseError, type Session } from '../postgres/session.ts'
import { identifier, literal } from '../postgres/sql.ts'

/**
 * Whether this very intent was stamped at the current epoch: what every restart of a pod pays. One statement, no lock,
 * no file; it works on a standby too. False when there is no history, or it cannot be read: the long way says why.
 */
export async function isStamped(session: Session, { owner, set, target, historySchema }: RunRequest): Promise<boolean> {
  if (owner === undefined || target === undefined) return false
  const s = identifier(historySchema)
  try {
    const rows = await session.rows(
      `select from only ${s}.requirement r join only ${s}.state e on e."set" = r."set" and e.epoch = r.stamp
       where r.cluster = ${literal(owner.cluster)} and r.workload = ${literal(owner.workload)} and r."set" = ${literal(set)}
         and r.target = ${literal(target)} and r.digest = ${literal(owner.digest)} and r.token = ${owner.token}`,
    )
    return rows.length === 1
  } catch (error) {
    if (isDatabaseError(error)) return false
    throw error
  }
}
