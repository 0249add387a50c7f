import { withSession } from './connect.ts'
import type { DatabaseTarget } from './database-target.ts'
import { RunFailure } from './failure.ts'
import { applicationName } from './lock.ts'
import type { Session } from './session.ts'

const LOOKS = 3

/**
 * Refuses a session that a pooler may hand to others between two transactions: a lock that it takes would belong to
 * everybody. A direct connection is known by its process, which the server named when it opened; behind a pooler the
 * two differ, and then a second session that is served by the same process, or a process that changes, gives it away.
 * `pid`: the process that serves it, as it says.
 */
export async function refuseShared(session: Session, pid: number, database: DatabaseTarget, who: string) {
  if (pid === session.announcedPid) return
  const shared = await withSession(database, applicationName(who, 'look'), async (other) => {
    for (let look = 0; look < LOOKS; look++) {
      if ((await other.pid()) === pid || (await session.pid()) !== pid) return true
    }
    return false
  })
  if (!shared) return
  throw new RunFailure(
    'pooler',
    'the database is reached through a pooler that shares its connections between transactions, where no session can hold a lock',
    'let the database reference name PostgreSQL itself, or a port of the pooler with pool_mode = session',
  )
}
