import type { OnRollback } from '../contract.ts'
import { type HoldRow, holdOf } from '../migration/hold.ts'
import { repeatableName } from '../migration/repeatable.ts'
import { compareVersions } from '../migration/version.ts'
import type { Session } from '../postgres/session.ts'
import { identifier, literal } from '../postgres/sql.ts'
import { edited, ofShape } from './edited.ts'
import { checkLayout } from './facts.ts'
import { keptOf } from './kept.ts'
import { type Unfinished, unfinishedOf, unfinishedRows } from './unfinished.ts'
import type { Kept } from './write.ts'

/** An applied version, without its scripts. */
export interface Applied {
  readonly version: string
  readonly name: string
  readonly upChecksum: string
  readonly downChecksum: string | null
  readonly floor: string | null
  readonly origin: string
  readonly appliedAt: string
  readonly durationMs: number
}

/** What a workload asks for and holds. */
export interface Requirement {
  readonly cluster: string
  readonly workload: string
  readonly target: string
  readonly reached: string | null
  readonly token: number
  readonly digest: string
  readonly stamp: number | null
  readonly onRollback: OnRollback
  readonly strategy: string
  /** The version that older pods of it may still need, while its grace lasts. */
  readonly lingering: string | null
  readonly lastSeen: string
}

/** History and requirements of one set, from one snapshot. */
export interface Seen {
  /** Undefined: the set has no history yet. */
  readonly epoch: number | undefined
  /** Version order. */
  readonly applied: readonly Applied[]
  /** Checksums of the repeatable migrations that ran, by name. */
  readonly repeatables: ReadonlyMap<string, string>
  readonly requirements: readonly Requirement[]
  /** Steps that run statement by statement and were begun. */
  readonly unfinished: readonly Unfinished[]
  /** The table of an adopted tool that is kept current. */
  readonly kept?: Kept
}

export const nothingSeen: Seen = {
  epoch: undefined,
  applied: [],
  repeatables: new Map(),
  requirements: [],
  unfinished: [],
}

/** One statement, so one snapshot. Throws `history-too-new`, and `history-untrusted` for what nobody of ours wrote. */
export async function readHistory(session: Session, schema: string, set: string): Promise<Seen> {
  const s = identifier(schema)
  const [row] = await session
    .rows(`select json_build_object(
    'state', (select to_json(e) from ${s}.state e where "set" = ${literal(set)}),
    'applied', (select coalesce(json_agg(json_build_object('version', version, 'name', name, 'upChecksum', up_checksum,
        'downChecksum', case when down_script is not null then down_checksum end, 'floor', floor, 'origin', origin, 'appliedAt', applied_at, 'durationMs', duration_ms)), '[]')
      from ${s}.migration where "set" = ${literal(set)}),
    'requirements', (select coalesce(json_agg(json_build_object('cluster', cluster, 'workload', workload, 'target', target,
        'reached', reached, 'token', token, 'digest', digest, 'stamp', stamp, 'onRollback', on_rollback, 'strategy', strategy,
        'lingering', case when lingering_until > now() then lingering end, 'lastSeen', last_seen) order by cluster, workload), '[]')
      from ${s}.requirement where "set" = ${literal(set)}),
    'unfinished', ${unfinishedRows(schema, set)}) as seen`)
    .catch((error: unknown) => {
      throw ofShape(error, schema)
    })
  const seen = row?.seen as {
    // Earlier layouts have no \`keeps\`.
    state: { layout: string; epoch: number; keeps?: string | null } | null
    applied: Applied[]
    requirements: Requirement[]
    unfinished: Parameters<typeof unfinishedOf>[0]
  }
  if (seen.state !== null) checkLayout(seen.state.layout)
  if (seen.state !== null && !Number.isSafeInteger(seen.state.epoch)) throw noEpoch(schema)
  return {
    epoch: seen.state?.epoch,
    applied: seen.applied
      .filter(({ version }) => repeatableName(version) === undefined)
      .sort((a, b) => compareVersions(a.version, b.version)),
    repeatables: new Map(
      seen.applied.flatMap(({ version, upChecksum }) => {
        const name = repeatableName(version)
        return name === undefined ? [] : [[name, upChecksum] as const]
      }),
    ),
    requirements: seen.requirements,
    unfinished: unfinishedOf(seen.unfinished, schema),
    ...(seen.state?.keeps && { kept: keptOf(seen.state.keeps, schema, set) }),
  }
}

const noEpoch = (schema: string) =>
  edited(
    `the epoch in ${schema}.state is no count`,
    `put the column back as a bigint, above every stamp in ${schema}.requirement`,
  )

/** The version below which the schema must not go for a workload's sake. A Job's row holds nothing. */
export function holds(row: Requirement): string {
  if (row.workload.split('/')[1] === 'Job') return '0'
  const hold: HoldRow = {
    target: row.target,
    reached: row.reached,
    onRollback: row.onRollback,
    strategy: row.strategy,
    lingering: row.lingering ?? undefined,
  }
  return holdOf(hold)
}
