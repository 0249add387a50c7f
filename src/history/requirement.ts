import type { Owner, RunRequest } from '../migration/run-request.ts'
import { isDatabaseError, type Session } from '../postgres/session.ts'
import { identifier, literal } from '../postgres/sql.ts'

/** Where a workload's own row is. */
export const ownRow = ({ cluster, workload }: Owner): string =>
  `cluster = ${literal(cluster)} and workload = ${literal(workload)}`

/** Writes down what this workload asks for; never over a newer token. A row that says so already is not touched. */
export async function recordIntent(session: Session, request: RunRequest, target: string): Promise<void> {
  const { owner, set, historySchema, onRollback, strategy } = request
  if (owner === undefined) return
  const values = [set, target, owner.digest, onRollback, strategy].map(literal)
  const [setText, targetText, digest, rollback, strategyText] = values
  await session.execute(`
    insert into ${identifier(historySchema)}.requirement as r
      (cluster, workload, "set", target, token, digest, on_rollback, strategy, last_seen)
    values (${literal(owner.cluster)}, ${literal(owner.workload)}, ${setText}, ${targetText}, ${owner.token}, ${digest},
      ${rollback}, ${strategyText}, now())
    on conflict (cluster, workload) do update set "set" = excluded."set", target = excluded.target, token = excluded.token,
      digest = excluded.digest, on_rollback = excluded.on_rollback, strategy = excluded.strategy, stamp = null, last_seen = now(),
      reached = case when r."set" = excluded."set" then r.reached end,
      lingering = case when r."set" = excluded."set" then r.lingering end
    where r.token < excluded.token or (r.token = excluded.token
      and (r."set", r.target, r.digest, r.on_rollback, r.strategy)
        is distinct from (excluded."set", excluded.target, excluded.digest, excluded.on_rollback, excluded.strategy))`)
}

/** What a stamp was decided on. */
export interface StampBasis {
  readonly epoch: number
  readonly target: string
  /** What the workload held until now, when its hold sinks with this stamp. */
  readonly lingering: string | undefined
}

/**
 * Stamps the workload's row as ready at an epoch. The update comes first: it waits for a down that has the table
 * locked, and only then, in a statement of its own with a fresh snapshot, the epoch is read. False: it moved, decide again.
 */
export async function stamp(session: Session, request: RunRequest, basis: StampBasis): Promise<boolean> {
  const { owner, historySchema, holdGraceMs } = request
  if (owner === undefined) return true
  const s = identifier(historySchema)
  const lingering =
    basis.lingering === undefined
      ? ''
      : `, lingering = ${literal(basis.lingering)}, lingering_until = now() + interval '${holdGraceMs} milliseconds'`
  try {
    await session.execute(`begin; update ${s}.requirement set stamp = ${basis.epoch}, reached = ${literal(basis.target)},
      last_seen = now()${lingering} where ${ownRow(owner)} and token = ${owner.token}`)
    const [row] = await session.rows(`select epoch from ${s}.state where "set" = ${literal(request.set)}`)
    const current = Number(row?.epoch) === basis.epoch
    await session.execute(current ? 'commit' : 'rollback')
    return current
  } catch (error) {
    if (isDatabaseError(error)) await session.execute('rollback')
    throw error
  }
}
