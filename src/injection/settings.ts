import {
  CONFIG,
  DEFAULTS,
  DOMAIN,
  ENV,
  FORMATS,
  type FormatName,
  INTENT,
  MODES,
  type Mode,
  ON_ROLLBACK,
  type OnRollback,
  POLICY,
  ROLLBACK_POLICIES,
  type RollbackPolicy,
  STATUS,
} from '../contract.ts'
import { parseDuration } from '../migration/duration.ts'
import type { Finding } from '../migration/finding.ts'
import { parseVersion } from '../migration/version.ts'
import type { Intent } from './intent.ts'
import { nearest } from './nearest.ts'

/** Where the runner finds the database. */
export type DatabaseRef =
  | { readonly kind: 'secret'; readonly name: string; readonly key: string | undefined }
  | { readonly kind: 'env'; readonly container: string; readonly name: string }

/** The platform's rules for a namespace. */
export interface Policy {
  readonly rollbackPolicy: RollbackPolicy
  /** Whether the namespace says so itself. */
  readonly explicit: boolean
  readonly allowIrreversible: boolean
  readonly allowBreakGlass: boolean
  readonly baseline: string | undefined
  readonly denyFindings: readonly string[]
}

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
  readonly image: string | undefined
  readonly cpuRequest: string
  readonly memoryRequest: string
  readonly memoryLimit: string
  readonly afterContainer: string | undefined
}

export interface Annotations {
  readonly [key: string]: string
}

export interface ReadSettings {
  /** Undefined when there are errors among the findings. */
  readonly settings: Settings | undefined
  readonly findings: readonly Finding[]
}

const name = /^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/
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
  if (format !== undefined && format !== 'golang-migrate') findings.push(later(INTENT.format, format))
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

/** The rules of a namespace alone: they are needed for a message even when the workload's own annotations are wrong. */
export function readPolicy(namespace: Annotations, findings: Finding[] = []): Policy {
  const flag = (key: string) => {
    const value = namespace[key]
    if (value !== undefined && !isBoolean(value)) findings.push(invalid(key, value, 'write "true" or "false"'))
    return value === 'true'
  }
  const wanted = namespace[POLICY.rollbackPolicy]
  const rollbackPolicy = ROLLBACK_POLICIES.find((each) => each === (wanted ?? DEFAULTS.rollbackPolicy))
  if (rollbackPolicy === undefined) findings.push(invalid(POLICY.rollbackPolicy, wanted, 'write require or off'))
  if (rollbackPolicy === 'proven') findings.push(later(POLICY.rollbackPolicy, rollbackPolicy))
  const baselineText = namespace[POLICY.baselineVersion]
  const baseline = baselineText === undefined ? undefined : parseVersion(baselineText)
  if (baselineText !== undefined && baseline === undefined) {
    findings.push(invalid(POLICY.baselineVersion, baselineText, 'write a version like 42'))
  }
  return {
    rollbackPolicy: rollbackPolicy ?? DEFAULTS.rollbackPolicy,
    explicit: wanted !== undefined,
    allowIrreversible: flag(POLICY.allowIrreversible),
    allowBreakGlass: flag(POLICY.allowBreakGlass),
    baseline,
    denyFindings: (namespace[POLICY.denyFindings] ?? '')
      .split(',')
      .map((code) => code.trim())
      .filter((code) => code !== ''),
  }
}

function readMigrationsRef(value: string | undefined, findings: Finding[]): readonly string[] | undefined {
  const key = INTENT.migrations
  if (value === undefined) {
    findings.push(invalid(key, value, 'name the ConfigMap with the migration files: configmap/NAME'))
    return undefined
  }
  if (/^(image|container)\//.test(value)) {
    findings.push(later(key, value))
    return undefined
  }
  const names = value.replace(/^configmap\//, '').split(',')
  if (names.every((each) => name.test(each)) && new Set(names).size === names.length) return names
  findings.push(invalid(key, value, 'write configmap/NAME or configmap/NAME,NAME'))
  return undefined
}

function readDatabaseRef(value: string | undefined, findings: Finding[]): DatabaseRef | undefined {
  const secret = /^secret\/([^#/]+)(?:#([-._a-zA-Z0-9]+))?$/.exec(value ?? '')
  if (secret?.[1] !== undefined && name.test(secret[1])) return { kind: 'secret', name: secret[1], key: secret[2] }
  const env = /^env\/([^:/]+):([A-Za-z_][\w.-]*)$/.exec(value ?? '')
  if (env?.[1] !== undefined && env[2] !== undefined) return { kind: 'env', container: env[1], name: env[2] }
  findings.push(invalid(INTENT.database, value, 'write secret/NAME#KEY, secret/NAME or env/CONTAINER:NAME'))
  return undefined
}

function readBreakGlass(value: string | undefined, findings: Finding[]): Settings['breakGlass'] {
  if (value === undefined) return undefined
  const [, versionText = '', reason = ''] = /^(\S+)\s+(\S.*)$/s.exec(value) ?? []
  const version = parseVersion(versionText)
  if (version !== undefined) return { version, reason }
  findings.push(invalid(INTENT.breakGlass, value, 'write the version and the reason: "43 hotfix, ticket 1234"'))
  return undefined
}

const shown = (value: string | undefined) =>
  value === undefined ? 'is not set' : `is "${value.length > 60 ? `${value.slice(0, 60)}…` : value}"`

const invalid = (key: string, value: string | undefined, fix: string): Finding => ({
  code: 'annotation-invalid',
  severity: 'error',
  message: `${key} ${shown(value)}`,
  fix,
})

const later = (key: string, value: string): Finding => ({
  code: 'annotation-invalid',
  severity: 'error',
  message: `${key} ${shown(value)}, which this release does not do yet`,
  fix: 'leave it out, or wait for a release that says it does',
})

const intentKeys = [...Object.values(INTENT), ...Object.values(CONFIG)]
const policyKeys: readonly string[] = Object.values(POLICY)

function unknownKeys(annotations: Annotations, where: 'workload' | 'namespace'): Finding[] {
  const known: readonly string[] = where === 'workload' ? intentKeys : [...intentKeys, ...policyKeys]
  return Object.keys(annotations).flatMap((key): Finding[] => {
    const ours = key.startsWith(`${DOMAIN}/`) || key.startsWith(`config.${DOMAIN}/`)
    if (!ours || key === STATUS || known.includes(key)) return []
    if (policyKeys.includes(key)) return [unknown(key, 'counts on the namespace only', 'set it there')]
    return [unknown(key, 'is not known', `did you mean ${nearest(key, known)}?`)]
  })
}

const unknown = (key: string, what: string, fix: string): Finding => ({
  code: 'annotation-unknown',
  severity: 'warning',
  message: `${key} ${what}`,
  fix,
})
