import type { Owner, RunRequest } from '../migration/run-request.ts'
import type { Session } from '../postgres/session.ts'
import { identifier, literal } from '../postgres/sql.ts'
import { ofShape } from './edited.ts'
import { high, highWith, low, lowWith, partsOf } from './interval.ts'
import { leavingKey, leavingName, leftBy } from './leaving.ts'

/** Where a workload's own row is. */
export const ownRow = ({ cluster, workload }: Owner): string =>
  `cluster = ${literal(cluster)} and workload = ${literal(workload)}`

/**
 * Writes down what this workload asks for; never over a newer token. A row that says so already is not touched. What may
 * serve stays, but under Recreate, where nothing of before serves any more, and in another set, where nothing is known:
 * what serves on the former set gets a row of its own there (`leaving.ts`), which ends when the workload comes back.
 */
export async function recordIntent(session: Session, request: RunRequest, target: string): Promise<void> {
  const { owner, set, historySchema, onRollback, strategy } = request
  if (owner === undefined) return
  const values = [set, target, owner.digest, onRollback, strategy].map(literal)
  const [setText, targetText, digest, rollback, strategyText] = values
  const alone = strategy === 'Recreate'
  const kept = (column: string, other: string) => `case when r."set" = excluded."set" then ${column} else ${other} end`
  const table = `${identifier(historySchema)}.requirement`
  // The last part reads `old` too, so that the row is read before it changes.
  await session.execute(`
    with old as (select * from only ${table} r
      where ${ownRow(owner)} and r."set" <> ${setText} and r.token < ${owner.token} for update),
    back as (delete from only ${table} r using old
      where r.cluster = old.cluster and r.workload = ${literal(leavingName(owner.workload, set))} returning ${high} as high),
    behind as (insert into ${table}
      (cluster, workload, "set", target, reached, token, digest, on_rollback, strategy, last_seen, low, high, interval_token)
      select cluster, ${leavingKey('"set"', owner.workload)}, "set", target, reached, ${owner.token}, digest, on_rollback, strategy, last_seen,
        ${low}, ${high}, ${owner.token} from old r where not ${alone}
      on conflict (cluster, workload) do nothing)
    insert into ${table} as r
      (cluster, workload, "set", target, token, digest, on_rollback, strategy, last_seen, low, high, interval_token)
    select ${literal(owner.cluster)}, ${literal(owner.workload)}, ${setText}, ${targetText}, ${owner.token}, ${digest},
      ${rollback}, ${strategyText}, now(), ${alone ? 'null' : `'0'`}, '0', ${owner.token}
      from (values (1)) one left join old on true
    on conflict (cluster, workload) do update set "set" = excluded."set", target = excluded.target, token = excluded.token,
      digest = excluded.digest, on_rollback = excluded.on_rollback, strategy = excluded.strategy, stamp = null, last_seen = now(),
      reached = ${kept('r.reached', 'null')}, lingering = ${kept('r.lingering', 'null')},
      low = ${alone ? 'null' : kept(low, `'0'`)}, high = ${alone ? `'0'` : kept(high, `coalesce((select high from back), '0')`)},
      strays = 0, interval_token = excluded.token,
      ready_token = case when r.token < excluded.token and r.stamp is not null then r.token else r.ready_token end
    where r.token < excluded.token or (r.token = excluded.token
      and (r."set", r.target, r.digest, r.on_rollback, r.strategy)
        is distinct from (excluded."set", excluded.target, excluded.digest, excluded.on_rollback, excluded.strategy))`)
}

/** What the start of an application was decided on. */
export interface StartBasis {
  readonly epoch: number
  readonly target: string
  /** What the workload's runs reached, as far as it is still applied. */
  readonly reached: string
}

/**
 * Writes down that a pod starts: of the newest token, that it is ready at this epoch; of any, that its release may serve.
 * The set's row is locked first: this waits for a step that is being recorded, and then sees its epoch. One statement, so
 * one answer of the server. False: the epoch is another one, or the row is gone; look again.
 */
export async function recordStart(session: Session, request: RunRequest, basis: StartBasis): Promise<boolean> {
  const { owner, historySchema, holdGraceMs, set } = request
  if (owner === undefined) return true
  const s = identifier(historySchema)
  const { epoch, target, reached } = basis
  const graceOver = `now() + interval '${holdGraceMs} milliseconds'`
  const newest = `r.token = ${owner.token}`
  const first = `(${newest} and r.stamp is not null and r.interval_token = r.token) is not true`
  const rows = await session
    .rows(`
    with s as (select epoch from only ${s}.state where "set" = ${literal(set)} for share),
    behind as (update only ${s}.requirement b set lingering_until = ${graceOver} from s where s.epoch = ${epoch}
      and b.cluster = ${literal(owner.cluster)} and ${leftBy('b.workload', owner.workload)} and b."set" <> ${literal(set)}
      and b.token <= ${owner.token} and b.lingering_until is null)
    update only ${s}.requirement r set last_seen = now(),
      stamp = case when ${newest} then ${epoch} else r.stamp end,
      reached = case when ${newest} then ${literal(reached)} else r.reached end,
      strays = case when ${newest} then r.strays else r.strays + 1 end,
      low = ${lowWith(target)}, high = ${highWith(target)}, interval_token = r.token,
      lingering = case when ${newest} and ${first} and ${partsOf(`(${high})`)} > ${partsOf('r.target')} then ${high} else r.lingering end,
      lingering_until = case when ${first} then ${graceOver} else r.lingering_until end
    from s where s.epoch = ${epoch} and r.cluster = ${literal(owner.cluster)}
      and r.workload in (${literal(owner.workload)}, ${literal(leavingName(owner.workload, set))}) and r."set" = ${literal(set)} returning 1`)
    .catch((error: unknown) => {
      throw ofShape(error, historySchema)
    })
  return rows.length === 1
}
