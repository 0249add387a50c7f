import { userInfo } from 'node:os'
import { DEFAULTS } from '../contract.ts'
import { parseDuration } from '../migration/duration.ts'
import type { RunRequest } from '../migration/run-request.ts'
import { NOTHING, parseVersion } from '../migration/version.ts'
import { connect } from '../postgres/connect.ts'
import { type DatabaseTarget, databaseTarget, parseDatabaseUrl, TargetProblem } from '../postgres/database-target.ts'
import { Interruption } from '../postgres/failure.ts'
import { applicationName } from '../postgres/lock.ts'
import type { Session } from '../postgres/session.ts'
import { Problem } from '../problem.ts'

/** Options of every command that talks to a database. */
export interface DatabaseOptions {
  readonly database?: string
  readonly set?: string
  readonly historySchema?: string
  readonly lockTimeout?: string
  readonly statementTimeout?: string
  readonly deadline?: string
  readonly outOfOrder?: boolean
  readonly role?: string
  /** On whose behalf: recorded as what requires the target. */
  readonly workload?: string
  readonly acceptChanged?: readonly string[]
}

/** `--database`, else DATABASE_URL, else libpq's environment. */
export function targetOf({ database }: DatabaseOptions): DatabaseTarget {
  const url = database ?? process.env.DATABASE_URL
  try {
    return databaseTarget(url === undefined || url === '' ? {} : parseDatabaseUrl(url), process.env)
  } catch (error) {
    if (error instanceof TargetProblem)
      throw new Problem(error.message, error.fix ?? 'write --database postgresql://user:password@host:5432/dbname')
    throw error
  }
}

/** Who a person is, for the log of the server. */
export function person(): string {
  try {
    return userInfo().username
  } catch {
    return 'unknown'
  }
}

/** Stands for the UID of a cluster where a person names a workload. */
const NO_CLUSTER = 'none'

/** What the options ask of a run. */
export function requestOf(options: DatabaseOptions, target: string | undefined): RunRequest {
  const duration = (flag: string, value: string | undefined, fallback: string): number => {
    const parsed = parseDuration(value ?? fallback)
    if (parsed === undefined) throw new Problem(`${flag} is "${value}"`, 'write a duration like 500ms, 30s, 10m or 1h')
    return parsed
  }
  const { set = DEFAULTS.set, historySchema = DEFAULTS.historySchema, role } = options
  const { workload, acceptChanged } = options
  return {
    target,
    owner: workload === undefined ? undefined : { cluster: NO_CLUSTER, workload, token: Date.now(), digest: '-' },
    ...(acceptChanged && {
      acceptChanged: acceptChanged.map((each) => versionOption('--accept-changed', each) ?? each),
    }),
    set,
    historySchema,
    mode: 'migrate',
    onRollback: 'keep',
    strategy: '',
    belowFloor: DEFAULTS.belowFloor,
    outOfOrder: options.outOfOrder === true,
    rules: { rollbackPolicy: 'off', allowIrreversible: true, denyFindings: [] },
    lockTimeoutMs: duration('--lock-timeout', options.lockTimeout, DEFAULTS.lockTimeout),
    ...(options.statementTimeout !== undefined && {
      statementTimeoutMs: duration('--statement-timeout', options.statementTimeout, '0ms'),
    }),
    deadlineMs: duration('--deadline', options.deadline, DEFAULTS.deadline),
    holdGraceMs: 0,
    ...(role !== undefined && { role }),
    readers: [],
    failFast: true,
  }
}

/** A version as it was written on the command line. */
export function versionOption(flag: string, value: string | undefined): string | undefined {
  if (value === undefined) return undefined
  const version = parseVersion(value)
  if (version === undefined) throw new Problem(`${flag} is "${value}", which is no version`, 'write a number like 42')
  return version
}

/** The same where `none` is allowed: not even a version 0. */
export const versionOrNone = (flag: string, value: string | undefined): string | undefined =>
  value === 'none' ? NOTHING : versionOption(flag, value)

/** Opens one session; a server that cannot be had is a Problem at once. */
export async function withDatabase<T>(options: DatabaseOptions, use: (session: Session) => Promise<T>): Promise<T> {
  let session: Session
  try {
    session = await connect(targetOf(options), applicationName(person()))
  } catch (error) {
    throw error instanceof Interruption ? error.lasting : error
  }
  try {
    return await use(session)
  } catch (error) {
    throw error instanceof Interruption ? error.lasting : error
  } finally {
    await session.end()
  }
}
