import type { OnRollback } from '../contract.ts'
import { type HoldRow, holdOf, type Interval } from '../migration/hold.ts'
import { repeatableName } from '../migration/repeatable.ts'
import { compareVersions, parseVersion } from '../migration/version.ts'
import type { Session } from '../postgres/session.ts'
import { identifier, literal } from '../postgres/sql.ts'
import { edited, ofShape } from './edited.ts'
import { checkLayout } from './facts.ts'
import { keptOf } from './kept.ts'
import { isLeaving } from './leaving.ts'
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
  /** Undefined where a runner of layout 1.0 wrote the row. */
  readonly interval: Interval | undefined
  /** What older pods of it may still need, while the grace lasts: counts where there is no interval. */
  readonly lingering: string | null
  readonly lastSeen: string
  /** Of a set that the workload has left: it holds nothing any more. */
  readonly left: boolean
}

/** The columns of `requirement`; those that layout 1.1 brought are absent in earlier ones. */
interface RequirementRow {
  readonly cluster: string
  readonly workload: string
  readonly target: string
  readonly reached: string | null
  readonly token: number
  readonly digest: string
  readonly stamp: number | null
  readonly on_rollback: OnRollback
  readonly strategy: string
  readonly lingering: string | null
  readonly low?: string | null
  readonly high?: string | null
  readonly interval_token?: number | null
  readonly last_seen: string
  /** Whether the grace is over. */
  readonly over: boolean | null
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
    'state', (select to_json(e) from only ${s}.state e where "set" = ${literal(set)}),
    'applied', (select coalesce(json_agg(json_build_object('version', version, 'name', name, 'upChecksum', up_checksum,
        'downChecksum', case when down_script is not null then down_checksum end, 'floor', floor, 'origin', origin, 'appliedAt', applied_at, 'durationMs', duration_ms)), '[]')
      from only ${s}.migration where "set" = ${literal(set)}),
    'requirements', (select coalesce(json_agg(to_jsonb(r) || jsonb_build_object('over', r.lingering_until <= now()) order by cluster, workload), '[]')
      from only ${s}.requirement r where "set" = ${literal(set)}),
    'unfinished', ${unfinishedRows(schema, set)}) as seen`)
    .catch((error: unknown) => {
      throw ofShape(error, schema)
    })
  const seen = row?.seen as {
    // Earlier layouts have no \`keeps\`.
    state: { layout: string; epoch: number; keeps?: string | null } | null
    applied: Applied[]
    requirements: RequirementRow[]
    unfinished: Parameters<typeof unfinishedOf>[0]
  }
  refuseUnread(seen.applied, schema, set)
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
    requirements: seen.requirements.map(requirementOf),
    unfinished: unfinishedOf(seen.unfinished, schema),
    ...(seen.state?.keeps && { kept: keptOf(seen.state.keeps, schema, set) }),
  }
}

/** A version in another form, or twice: no statement of ours would find the row, or it would find two. */
function refuseUnread(applied: readonly Applied[], schema: string, set: string): void {
  const table = `${identifier(schema)}.migration`
  const seen = new Set<string>()
  for (const { version } of applied) {
    const canonical = repeatableName(version) === undefined ? parseVersion(version) : version
    const place = `"set" = ${literal(set)} AND version = ${literal(version)}`
    if (canonical !== undefined && canonical !== version) {
      const both = applied.some((each) => each.version === canonical)
      throw edited(
        `version ${canonical} is written as ${version} in ${schema}.migration`,
        both
          ? `DELETE FROM ${table} WHERE ${place}`
          : `UPDATE ${table} SET version = ${literal(canonical)} WHERE ${place}`,
      )
    }
    if (seen.has(version)) {
      throw edited(
        `version ${version} is in ${schema}.migration more than once`,
        `delete all of its rows but one, then: ALTER TABLE ${table} ADD PRIMARY KEY ("set", version)`,
      )
    }
    seen.add(version)
  }
}

const noEpoch = (schema: string) =>
  edited(
    `the epoch in ${schema}.state is no count`,
    `put the column back as a bigint, above every stamp in ${schema}.requirement`,
  )

function requirementOf(row: RequirementRow): Requirement {
  const { cluster, workload, target, reached, token, digest, stamp, strategy } = row
  return {
    ...{ cluster, workload, target, reached, token, digest, stamp, strategy },
    onRollback: row.on_rollback,
    interval: intervalOf(row),
    lingering: row.over === false ? row.lingering : null,
    lastSeen: row.last_seen,
    left: isLeaving(workload) && row.over === true,
  }
}

/** As `interval.ts` has it in SQL. */
function intervalOf(row: RequirementRow): Interval | undefined {
  if (row.interval_token !== row.token) return undefined
  if (row.stamp !== null && row.over === true) return { low: row.target, high: row.target }
  return { low: row.low ?? undefined, high: row.high ?? '0' }
}

/** The version below which the schema must not go for a workload's sake. */
export const holds = ({ lingering, ...row }: Requirement): string =>
  holdOf({ ...row, lingering: lingering ?? undefined } satisfies HoldRow)
