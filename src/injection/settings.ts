import {
  CONFIG,
  DEFAULTS,
  ENV,
  FORMATS,
  type FormatName,
  INTENT,
  MODES,
  type Mode,
  ON_ROLLBACK,
  type OnRollback,
} from '../contract.ts'
import { parseDuration } from '../migration/duration.ts'
import type { Finding } from '../migration/finding.ts'
import { parsePlaceholders } from '../migration/placeholder-list.ts'
import { parseVersion } from '../migration/version.ts'
import { type Annotations, invalid, later, unknownKeys } from './annotation-findings.ts'
import type { Intent } from './intent.ts'
import { type Policy, readPolicy } from './policy.ts'
import { type DatabaseRef, name, readDatabaseRef, readMigrationsRef } from './references.ts'

/** What a workload asks for, with the namespace's defaults, checked. */
export interface Settings {
  readonly target: string
  readonly configMaps: readonly string[]
  readonly database: DatabaseRef
  readonly set: string
  readonly format: FormatName | undefined
  readonly onRollback: OnRollback
  readonly mode: Mode
  readonly breakGlass: { readonly version: string; readonly reason: string } | undefined
  readonly policy: Policy
  /** Settings that the runner reads from its environment, by variable. */
  readonly runner: Readonly<Record<string, string>>
  readonly deadlineMs: number
  readonly historySchema: string
  readonly placeholders: Readonly<Record<string, string>>
  readonly image: string | undefined
  readonly cpuRequest: string
  readonly memoryRequest: string
  readonly memoryLimit: string
  readonly afterContainer: string | undefined
}

export interface ReadSettings {
  /** Undefined when there are errors among the findings. */
  readonly settings: Settings | undefined
  readonly findings: readonly Finding[]
}

const quantity = /^\d+(\.\d+)?(m|k|Ki|M|Mi|G|Gi)?$/

/** Runner settings that go to it as they are: annotation key to variable and check. */
const passed: readonly [key: string, variable: string, ok: (value: string) => boolean, fix: string][] = [
  [CONFIG.lockTimeout, ENV.lockTimeout, isDuration, 'write a duration like 500ms'],
  [CONFIG.statementTimeout, ENV.statementTimeout, isDuration, 'write a duration like 30s'],
  [CONFIG.deadline, ENV.deadline, isDuration, 'write a duration like 10m'],
  [CONFIG.holdGrace, ENV.holdGrace, isDuration, 'write a duration like 60s'],
  [CONFIG.outOfOrder, ENV.outOfOrder, isBoolean, 'write "true" or "false"'],
  [CONFIG.adoptAt, ENV.adoptAt, isVersion, 'write a version like 42, or 0'],
  [CONFIG.historySchema, ENV.historySchema, (value) => /^[^\0]{1,63}$/.test(value), 'write the name of a schema'],
  [CONFIG.historyReaders, ENV.historyReaders, (value) => value.trim() !== '', 'write role names, separated by commas'],
  [CONFIG.role, ENV.role, (value) => value.trim() !== '', 'write the name of a role'],
  [
    CONFIG.placeholders,
    ENV.placeholders,
    (value) => parsePlaceholders(value) !== undefined,
    'write name=value, a line each or separated by commas',
  ],
]

function isDuration(value: string): boolean {
  return parseDuration(value) !== undefined
}
function isBoolean(value: string): boolean {
  return value === 'true' || value === 'false'
}
function isVersion(value: string): boolean {
  return parseVersion(value) !== undefined
}

/** Annotations of a workload and its namespace to settings, or to every finding at once. */
export function readSettings(own: Intent, namespace: Annotations): ReadSettings {
  const findings: Finding[] = [...unknownKeys(own, 'workload'), ...unknownKeys(namespace, 'namespace')]
  const get = (key: string) => own[key] ?? namespace[key]
  const bad = (key: string, fix: string) => {
    findings.push(invalid(key, get(key), fix))
    return undefined
  }
  const choice = <T extends string>(key: string, known: readonly T[], fallback: T, value = get(key)): T => {
    const found = known.find((each) => each === (value ?? fallback))
    if (found === undefined) findings.push(invalid(key, value, `write ${known.join(', ')}`))
    return found ?? fallback
  }
  const matching = (key: string, rule: RegExp, fix: string) => {
    const value = get(key)
    return value === undefined || rule.test(value) ? value : bad(key, fix)
  }

  const target = parseVersion(own[INTENT.schemaVersion] ?? '')
  if (target === undefined) bad(INTENT.schemaVersion, 'write the version of a migration, like "42"')
  const configMaps = readMigrationsRef(get(INTENT.migrations), findings)
  const database = readDatabaseRef(get(INTENT.database), findings)
  const policy = readPolicy(namespace, findings)
  const runner: Record<string, string> = {}
  for (const [key, variable, ok, fix] of passed) {
    const value = get(key)
    if (value === undefined) continue
    if (ok(value)) runner[variable] = value
    else bad(key, fix)
  }
  const format = get(INTENT.format) === undefined ? undefined : choice(INTENT.format, FORMATS, 'golang-migrate')
  const mode = choice(INTENT.mode, MODES, DEFAULTS.mode)
  if (mode === 'gate') findings.push(later(INTENT.mode, mode))
  if (get(INTENT.catalogue) !== undefined) findings.push(later(INTENT.catalogue, get(INTENT.catalogue) ?? ''))
  const breakGlass = readBreakGlass(own[INTENT.breakGlass], findings)
  const settings = {
    set: matching(INTENT.set, /^[\w.-]{1,63}$/, 'write letters, digits, "-", "_" and "."') ?? DEFAULTS.set,
    format,
    onRollback: choice(
      INTENT.onRollback,
      ON_ROLLBACK,
      DEFAULTS.onRollback,
      namespace[INTENT.onRollback] ?? own[INTENT.onRollback],
    ),
    mode,
    breakGlass,
    policy,
    runner,
    deadlineMs: parseDuration(runner[ENV.deadline] ?? DEFAULTS.deadline) ?? 0,
    historySchema: runner[ENV.historySchema] ?? DEFAULTS.historySchema,
    placeholders: parsePlaceholders(runner[ENV.placeholders] ?? '') ?? {},
    image: matching(CONFIG.image, /^\S+$/, 'write an image reference'),
    cpuRequest: matching(CONFIG.cpuRequest, quantity, 'write a quantity like 10m') ?? '10m',
    memoryRequest: matching(CONFIG.memoryRequest, quantity, 'write a quantity like 64Mi') ?? '64Mi',
    memoryLimit: matching(CONFIG.memoryLimit, quantity, 'write a quantity like 256Mi') ?? '256Mi',
    afterContainer: matching(CONFIG.afterContainer, name, 'write the name of an init container'),
  }
  const wrong = findings.some(({ severity }) => severity === 'error')
  if (wrong || target === undefined || configMaps === undefined || database === undefined) {
    return { settings: undefined, findings }
  }
  return { settings: { target, configMaps, database, ...settings }, findings }
}

function readBreakGlass(value: string | undefined, findings: Finding[]): Settings['breakGlass'] {
  if (value === undefined) return undefined
  const [, versionText = '', reason = ''] = /^(\S+)\s+(\S.*)$/s.exec(value) ?? []
  const version = parseVersion(versionText)
  if (version !== undefined) return { version, reason }
  findings.push(invalid(INTENT.breakGlass, value, 'write the version and the reason: "43 hotfix, ticket 1234"'))
  return undefined
}
