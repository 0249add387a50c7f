import {
  ADMISSION_LABEL,
  APPLICATION_ENV_PREFIX,
  BELOW_FLOOR,
  CONTAINER_NAME,
  DEFAULTS,
  ENV,
  FORMATS,
  type FormatName,
  INTENT,
  MODES,
  ON_ROLLBACK,
  ROLLBACK_POLICIES,
} from '../src/contract.ts'
import { parseDuration } from '../src/migration/duration.ts'
import { readFloors } from '../src/migration/floor-list.ts'
import { parsePlaceholders } from '../src/migration/formats/placeholder-list.ts'
import type { RunRequest } from '../src/migration/run-request.ts'
import { parseVersion } from '../src/migration/version.ts'
import {
  type DatabaseTarget,
  databaseTarget,
  type Keywords,
  parseDatabaseUrl,
  TargetProblem,
} from '../src/postgres/database-target.ts'
import { RunFailure } from '../src/postgres/failure.ts'
import { secretKeywords } from './database-secret.ts'

/** Everything that the init container was told. */
export interface RunnerConfig {
  readonly request: RunRequest
  readonly database: DatabaseTarget
  readonly migrationsPath: string
  readonly format: FormatName | undefined
  readonly placeholders: Readonly<Record<string, string>>
  readonly terminationLog: string
}

type Environment = Readonly<Record<string, string | undefined>>

/** Reads the environment; every problem at once in one RunFailure `bad-config`. */
export function readConfig(env: Environment): RunnerConfig {
  refuseCopy(env)
  const problems: string[] = []
  const text = (name: string) => (env[name] === '' ? undefined : env[name])
  const required = (name: string): string => {
    if (text(name) === undefined) problems.push(`${name} is not set`)
    return text(name) ?? ''
  }
  const choice = <T extends string>(name: string, known: readonly T[], fallback: T): T => {
    const found = known.find((each) => each === (text(name) ?? fallback))
    if (found === undefined) problems.push(`${name} is "${text(name)}"; it may be ${known.join(', ')}`)
    return found ?? fallback
  }
  const version = (name: string): string | undefined => {
    const value = text(name)
    const parsed = value === undefined ? undefined : parseVersion(value)
    if (value !== undefined && parsed === undefined) problems.push(`${name} is "${value}", which is no version`)
    return parsed
  }
  const duration = (name: string, fallback: string | undefined): number | undefined => {
    const value = text(name) ?? fallback
    const parsed = value === undefined ? undefined : parseDuration(value)
    if (value !== undefined && parsed === undefined) {
      problems.push(`${name} is "${value}", which is no duration like 500ms, 30s or 10m`)
    }
    return parsed
  }
  const number = (name: string): number => {
    const value = Number(required(name))
    if (!Number.isSafeInteger(value) || value < 0) problems.push(`${name} is "${text(name)}", which is no number`)
    return value
  }
  const list = (name: string) => (text(name) ?? '').split(',').filter((each) => each.trim() !== '')

  const ofDatabase: string[] = []
  const database = attempt(ofDatabase, () => databaseTarget(databaseKeywords(env), env))
  const target = required(ENV.target)
  const statementTimeoutMs = duration(ENV.statementTimeout, undefined)
  const baseline = version(ENV.baselineVersion)
  const adoptAt = version(ENV.adoptAt)
  const breakGlass = version(ENV.breakGlass)
  const role = text(ENV.role)
  const floors = env[ENV.floors]
  // Whatever wrote something else there: the files say it too.
  const admittedFloors = floors === undefined ? undefined : readFloors(floors)
  const request: RunRequest = {
    target: target === '' ? '0' : (version(ENV.target) ?? '0'),
    owner: {
      cluster: required(ENV.cluster),
      workload: required(ENV.workload),
      token: number(ENV.token),
      digest: text(ENV.digest) ?? '-',
    },
    set: text(ENV.set) ?? DEFAULTS.set,
    historySchema: text(ENV.historySchema) ?? DEFAULTS.historySchema,
    mode: choice(ENV.mode, MODES, DEFAULTS.mode),
    onRollback: choice(ENV.onRollback, ON_ROLLBACK, DEFAULTS.onRollback),
    strategy: text(ENV.strategy) ?? 'RollingUpdate',
    belowFloor: choice(ENV.belowFloor, BELOW_FLOOR, DEFAULTS.belowFloor),
    outOfOrder: text(ENV.outOfOrder) === 'true',
    ...(admittedFloors !== undefined && { admittedFloors }),
    rules: {
      rollbackPolicy: choice(ENV.rollbackPolicy, ROLLBACK_POLICIES, DEFAULTS.rollbackPolicy),
      allowIrreversible: text(ENV.allowIrreversible) === 'true',
      ...(baseline !== undefined && { baseline }),
      denyFindings: list(ENV.denyFindings),
      ...(text(ENV.catalogue) === 'true' && { filesUnseen: true as const }),
      ...(breakGlass !== undefined && { breakGlass }),
      ...(text(ENV.allowUnversioned) === 'false' && { refuseUnversioned: true as const }),
    },
    lockTimeoutMs: duration(ENV.lockTimeout, DEFAULTS.lockTimeout) ?? 0,
    deadlineMs: duration(ENV.deadline, DEFAULTS.deadline) ?? 0,
    holdGraceMs: duration(ENV.holdGrace, DEFAULTS.holdGrace) ?? 0,
    ...(statementTimeoutMs !== undefined && { statementTimeoutMs }),
    ...(adoptAt !== undefined && { adoptAt }),
    ...(text(ENV.allowAdopt) === 'true' && { adopt: { keep: false, asked: false } }),
    ...(role !== undefined && { role }),
    readers: list(ENV.historyReaders),
  }
  const format = text(ENV.format) === undefined ? undefined : choice(ENV.format, FORMATS, 'golang-migrate')
  if (problems.length > 0 || database === undefined) {
    const cures = [
      ...(ofDatabase.length > 0 ? [databaseCure] : []),
      ...(problems.length > 0 ? ['correct the annotation that each of the settings comes from, then apply again'] : []),
    ]
    throw new RunFailure('bad-config', [...ofDatabase, ...problems].join('; '), cures.join('; '))
  }
  return {
    request,
    database,
    migrationsPath: text(ENV.migrations) ?? '/lockkeeper/migrations',
    format,
    placeholders: parsePlaceholders(text(ENV.placeholders) ?? '') ?? {},
    terminationLog: text(ENV.terminationLog) ?? '/dev/termination-log',
  }
}

/** What is wrong there is hardly ever the annotation itself. */
const databaseCure = `correct it where it is kept (the Secret, or the variable, that ${INTENT.database} names), then restart the pods; in parts (host, user, password, dbname) a Secret needs no percent-encoding`

/**
 * A template that was exported from one namespace into another that does not opt in carries the container of the first:
 * it would migrate under that workload's name, and take its place in the history.
 */
function refuseCopy(env: Environment): void {
  const [namespace, workload] = [env[ENV.namespace] ?? '', env[ENV.workload] ?? '']
  const [home = ''] = workload.split('/')
  if (namespace === '' || workload === '' || namespace === home) return
  throw new RunFailure(
    'bad-config',
    `this container was built for ${workload}, and its pod is in namespace ${namespace}: the pod template is a copy`,
    `label namespace ${namespace} ${ADMISSION_LABEL}=enabled and apply the manifest again, or take the init container ${CONTAINER_NAME} out of it`,
  )
}

function attempt<T>(problems: string[], parse: () => T): T | undefined {
  try {
    return parse()
  } catch (error) {
    if (!(error instanceof TargetProblem)) throw error
    problems.push(error.fix === undefined ? error.message : `${error.message} (${error.fix})`)
    return undefined
  }
}

/** The URL in the environment, else the mounted Secret, else nothing: libpq's environment alone. */
function databaseKeywords(env: Environment): Keywords {
  const url = env[ENV.databaseUrl]
  if (url !== undefined && url !== '') return parseDatabaseUrl(completed(url, env))
  const folder = env[ENV.databaseDir]
  return folder === undefined || folder === '' ? {} : secretKeywords(folder, env)
}

const unexpanded = new RegExp(`\\$\\(${APPLICATION_ENV_PREFIX}([^)]*)\\)`, 'g')
/** Every container has these of the Services in its namespace (Kubernetes, Service, environment variables). */
const ofService = /_(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT(_\d+_\w+)?)$/

/** The kubelet leaves a name that no `envFrom` has as it was written: it is a Service's, or nobody's. */
const completed = (url: string, env: Environment): string =>
  url.replace(unexpanded, (_, name: string) => {
    const value = ofService.test(name) ? env[name] : undefined
    if (value !== undefined) return value
    const what = 'which the container it names has neither in env nor in envFrom'
    throw new TargetProblem(`${INTENT.database} needs ${name}, ${what}`)
  })
