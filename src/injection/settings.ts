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
  POLICY,
} from '../contract.ts'
import { parseDuration } from '../migration/duration.ts'
import { type Finding, refusal, remark } from '../migration/finding.ts'
import { parsePlaceholders } from '../migration/formats/placeholder-list.ts'
import { parseVersion } from '../migration/version.ts'
import { type Annotations, invalid, later, unknownKeys } from './annotation-findings.ts'
import type { Intent } from './intent.ts'
import { type Policy, readPolicy } from './policy.ts'
import { type DatabaseRef, type FilesRef, name, readCatalogueRef, readDatabaseRef, readFilesRef } from './references.ts'
import { readRunnerSettings } from './runner-settings.ts'

/** What a workload asks for, with the namespace's defaults, checked. */
export interface Settings {
  readonly target: string
  readonly files: FilesRef
  /** ConfigMaps that the webhook reads: those with the files, or the one with the catalogue of files in an image. */
  readonly configMaps: readonly string[]
  /** Where the policy wants a proof of files in ConfigMaps: the ConfigMap with the catalogue that holds it. */
  readonly proofs: string | undefined
  /** Files in an image are mounted from it, not copied. */
  readonly imageVolume: boolean
  /** The cluster gives every pod of this namespace a user of its own. */
  readonly usersAssigned: boolean
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
const UNITS: Readonly<Record<string, number>> = {
  m: 1e-3,
  k: 1e3,
  Ki: 2 ** 10,
  M: 1e6,
  Mi: 2 ** 20,
  G: 1e9,
  Gi: 2 ** 30,
}

/** A quantity of Kubernetes as a number. */
const bytesOf = (text: string): number => Number.parseFloat(text) * (UNITS[/[a-zA-Z]+$/.exec(text)?.[0] ?? ''] ?? 1)
/** Kubernetes refuses a request above its limit. */
const smaller = (a: string, b: string): string => (bytesOf(a) < bytesOf(b) ? a : b)

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
  const files = readFilesRef(get(INTENT.migrations), findings)
  const catalogue = readCatalogueRef(get(INTENT.catalogue), findings)
  const imageVolume = matching(CONFIG.imageVolume, /^(true|false)$/, 'write "true" or "false"') === 'true'
  if (files !== undefined && files.kind !== 'configmap' && isRoot(files.path) && !imageVolume) {
    bad(INTENT.migrations, 'name a folder in the image, like :/migrations; only an image volume may be taken whole')
  }
  const database = readDatabaseRef(get(INTENT.database), findings)
  const policy = readPolicy(namespace, findings)
  const proofs = files?.kind === 'configmap' && policy.rollbackPolicy === 'proven' ? catalogue : undefined
  const idle = files?.kind === 'configmap' && own[INTENT.catalogue] !== undefined && proofs === undefined
  if (idle && catalogue !== undefined) findings.push(idleCatalogue)
  const runner = readRunnerSettings(get, findings)
  const format = get(INTENT.format) === undefined ? undefined : choice(INTENT.format, FORMATS, 'golang-migrate')
  const mode = choice(INTENT.mode, MODES, DEFAULTS.mode)
  if (mode === 'gate') findings.push(later(INTENT.mode, mode))
  const memoryLimit = matching(CONFIG.memoryLimit, quantity, 'write a quantity like 256Mi') ?? '256Mi'
  const memoryRequest =
    matching(CONFIG.memoryRequest, quantity, 'write a quantity like 64Mi') ?? smaller('64Mi', memoryLimit)
  if (bytesOf(memoryRequest) > bytesOf(memoryLimit))
    bad(CONFIG.memoryRequest, `write at most the limit, which is ${memoryLimit} (${CONFIG.memoryLimit})`)
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
    image: readImage(own, namespace, policy, findings),
    cpuRequest: matching(CONFIG.cpuRequest, quantity, 'write a quantity like 10m') ?? '10m',
    memoryRequest,
    memoryLimit,
    afterContainer: matching(CONFIG.afterContainer, name, 'write the name of an init container'),
    imageVolume,
    usersAssigned: namespace[ASSIGNED_USERS] !== undefined,
  }
  const wrong = findings.some(({ severity }) => severity === 'error')
  if (wrong || target === undefined || files === undefined || database === undefined) {
    return { settings: undefined, findings }
  }
  const configMaps = files.kind === 'configmap' ? files.names : catalogue === undefined ? [] : [catalogue]
  return { settings: { target, files, configMaps, proofs, database, ...settings }, findings }
}

/**
 * The image of our container, where one of the two names it: the namespace's counts, since whoever may name the image may
 * run anything with the rights of migrations.
 */
function readImage(
  own: Intent,
  namespace: Annotations,
  { allowImage }: Policy,
  findings: Finding[],
): string | undefined {
  const key = CONFIG.image
  const [wanted, given] = [own[key], namespace[key]]
  const image = given ?? wanted
  if (image !== undefined && !/^\S+$/.test(image)) findings.push(invalid(key, image, 'write an image reference'))
  if (wanted !== undefined && !allowImage) {
    const fix = `take it away, or have the platform team set ${key} on the namespace`
    findings.push(
      refusal('annotation-invalid', `${key} is for the namespace alone: it has ${POLICY.allowImage}: "false"`, fix),
    )
  } else if (wanted !== undefined && given !== undefined && wanted !== given) {
    findings.push(
      remark('annotation-unknown', `${key} counts nothing here: the namespace names another`, 'take it away'),
    )
  }
  return image
}

/** OpenShift writes it on a namespace whose pods it gives a user from that range, and refuses those that name another. */
const ASSIGNED_USERS = 'openshift.io/sa.scc.uid-range'

const isRoot = (path: string) => /^[/.]*$/.test(path)

const idleCatalogue = remark(
  'annotation-unknown',
  `${INTENT.catalogue} counts where the files are in an image, or a proof is wanted; those of a ConfigMap are read themselves`,
  'take it away',
)

function readBreakGlass(value: string | undefined, findings: Finding[]): Settings['breakGlass'] {
  if (value === undefined) return undefined
  const [, versionText = '', reason = ''] = /^(\S+)\s+(\S.*)$/s.exec(value) ?? []
  const version = parseVersion(versionText)
  if (version !== undefined) return { version, reason }
  findings.push(invalid(INTENT.breakGlass, value, 'write the version and the reason: "43 hotfix, ticket 1234"'))
  return undefined
}
