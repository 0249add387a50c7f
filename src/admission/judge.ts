import { copiedEnv, strategyOf } from '../injection/container.ts'
import { readStatus } from '../injection/status.ts'
import type { Workload } from '../injection/workload.ts'
import { digestOf } from '../migration/digest.ts'
import { formatDuration } from '../migration/duration.ts'
import type { Finding } from '../migration/finding.ts'
import type { Catalogue, CatalogueEntry } from '../migration/migration.ts'
import { rollbackFindings } from '../migration/rollback.ts'
import { compareVersions } from '../migration/version.ts'
import { usableCatalogue } from './build.ts'
import { databaseMissing } from './database-missing.ts'
import type { Facts } from './facts.ts'
import { notInjected } from './not-injected.ts'
import type { ReviewRequest } from './review.ts'
import type { Build } from './situation.ts'

/** Findings about a rollout that builds our parts, worst first as DESIGN lists them; severity says what denies. */
export function judge(request: ReviewRequest, build: Build, facts: Facts): Finding[] {
  const found = [
    ...build.findings,
    ...environmentFindings(build),
    ...sourceFindings(build, facts),
    ...wayBack(build, facts),
    ...injectionFindings(build, facts, request),
    ...databaseMissing(build.settings, facts.secretKeys),
    ...surroundings(request, build),
  ]
  return found.map((finding) =>
    softened(finding, request, build, facts) ? { ...finding, severity: 'warning' } : finding,
  )
}

/** Findings that depend on files which a dry run has not stored, or that only the database can settle. */
const ofFiles = /^(source-|target-|version-|marker-|transaction-|rollback-)/

function softened({ code }: Finding, request: ReviewRequest, build: Build, { source }: Facts): boolean {
  if (!ofFiles.test(code)) return false
  const sure = source?.kind === 'read' && source.immutable
  if (request.dryRun && !sure) return true
  if (build.direction === 'back') return true
  // A hotfix must not fail for a ConfigMap that is gone, nor for files that were admitted before.
  return build.direction === 'same' && build.sameIntent && code !== 'source-changed'
}

function environmentFindings({ settings, workload }: Build): Finding[] {
  const { database } = settings
  if (database.kind !== 'env' || copiedEnv(workload, database.container, database.name).length > 0) return []
  return [
    error(
      'annotation-invalid',
      `lockkeeper.dev/database names ${database.name} of container ${database.container}, which has no such entry in env`,
      'name an entry that stands in env of that container (envFrom is not read)',
    ),
  ]
}

function sourceFindings(build: Build, facts: Facts): Finding[] {
  const { settings, direction } = build
  const { source } = facts
  const cure = `apply the ConfigMap first, or run the same command again (apply -f dir/ goes by file name)`
  if (source === undefined) return []
  if (source.kind === 'missing') return [error('source-missing', `ConfigMap ${source.configMap} does not exist`, cure)]
  if (source.kind === 'failed') {
    return [
      error(
        'source-unreadable',
        `ConfigMap ${source.configMap} could not be read: ${source.reason}`,
        'run the same command again',
      ),
    ]
  }
  const { catalogue } = source
  const within = ({ version }: Finding) => version === undefined || compareVersions(version, settings.target) <= 0
  const global = catalogue.findings.filter(within)
  if (usableCatalogue(facts, settings.target) === undefined) {
    const known = catalogue.entries.at(-1)?.version
    const what = `the files of ${settings.configMaps.join(', ')} have no version ${settings.target}${known === undefined ? '' : ` (the highest is ${known})`}`
    return [...global, error('target-unknown', what, cure, settings.target)]
  }
  return direction === 'back' ? global : [...global, ...wayUp(build, catalogue)]
}

/** Everything after what was admitted before, up to the target. */
function wayUp(build: Build, catalogue: Catalogue): Finding[] {
  const { settings, old } = build
  const { policy, target } = settings
  const from = old?.status.target
  const range = between(catalogue, from, target)
  const files = range.flatMap(({ findings }) => findings.filter(({ code }) => !code.startsWith('rollback-')))
  const rules = {
    rollbackPolicy: policy.rollbackPolicy,
    allowIrreversible: policy.allowIrreversible,
    ...(policy.baseline !== undefined && { baseline: policy.baseline }),
  }
  const back = rollbackFindings(range, rules)
  const excused: Finding[] =
    build.breakGlass === undefined ? back : back.map((finding) => ({ ...finding, severity: 'warning' }))
  return [
    ...files,
    ...excused,
    ...lateVersions(catalogue, old?.status),
    ...changedScripts(catalogue, old?.status),
    ...shownIrreversible(range, rules),
  ]
}

const between = ({ entries }: Catalogue, from: string | undefined, to: string): readonly CatalogueEntry[] =>
  entries.filter(
    ({ version }) => (from === undefined || compareVersions(version, from) > 0) && compareVersions(version, to) <= 0,
  )

/** Said even where it is allowed. */
const shownIrreversible = (
  range: readonly CatalogueEntry[],
  rules: { rollbackPolicy: string; allowIrreversible: boolean },
) =>
  range
    .filter(
      ({ irreversible }) => irreversible !== undefined && (rules.allowIrreversible || rules.rollbackPolicy === 'off'),
    )
    .map(({ upFile, irreversible, version }) =>
      warning('rollback-irreversible', `${upFile} cannot be undone: ${irreversible}`, 'keep a backup', version),
    )

type Before = { readonly target: string; readonly entries: Readonly<Record<string, string>> } | undefined

function lateVersions({ entries }: Catalogue, before: Before): Finding[] {
  if (before === undefined || Object.keys(before.entries).length === 0) return []
  const oldest = Object.keys(before.entries).sort(compareVersions)[0] ?? '0'
  return entries
    .filter(({ version }) => compareVersions(version, before.target) < 0 && compareVersions(version, oldest) > 0)
    .filter(({ version }) => before.entries[version] === undefined)
    .map(({ version, upFile }) =>
      warning(
        'version-out-of-order',
        `${upFile} is new, but lies below the admitted ${before.target}`,
        'give it the next free number',
        version,
      ),
    )
}

function changedScripts({ entries }: Catalogue, before: Before): Finding[] {
  return entries
    .filter(({ version, up }) => before?.entries[version] !== undefined && before.entries[version] !== up.slice(0, 8))
    .filter(({ version }) => compareVersions(version, before?.target ?? '0') <= 0)
    .map(({ version, upFile }) =>
      warning(
        'migration-changed',
        `${upFile} is not the script that was admitted before; where it ran, the runner refuses`,
        'put the old text back, and write the change into the next migration',
        version,
      ),
    )
}

/** The way back is judged by what the files still hold, and never denied: only the database knows what was applied. */
function wayBack(build: Build, { source }: Facts): Finding[] {
  const { settings, old, workload, direction } = build
  if (old === undefined || direction !== 'back' || settings.onRollback === 'keep') return []
  const { target, onRollback } = settings
  const rolling = strategyOf(workload) !== 'Recreate'
  if (onRollback === 'auto' && rolling) return aheadIncompatible(old.status, target)
  const entries = source?.kind === 'read' ? between(source.catalogue, target, old.status.target) : []
  const stuck = entries.find(({ down }) => down === undefined)
  const impossible = stuck && [
    warning(
      'rollback-impossible',
      `version ${stuck.version} has no down script here`,
      'see lockkeeper status for the stored ones',
      stuck.version,
    ),
  ]
  return impossible ?? (onRollback === 'always' && rolling ? [dataLoss(old.status.target, target)] : [])
}

function aheadIncompatible({ floor, target: live }: { floor: string; target: string }, target: string): Finding[] {
  if (compareVersions(floor, target) <= 0) return []
  return [
    warning(
      'schema-ahead-incompatible',
      `where ${live} was applied, pods of ${target} wait: they are not known to work on it`,
      'strategy Recreate, or lockkeeper.dev/on-rollback: always on the namespace, then kubectl rollout restart',
    ),
  ]
}

const dataLoss = (live: string, target: string) =>
  warning(
    'rollback-data-loss',
    `down scripts from ${live} to ${target} run while pods of ${live} may still serve; what they wrote may go`,
    'set lockkeeper.dev/on-rollback: keep to leave the schema',
  )

/** Our parts must be there once, and be built for this intent and these files. */
function injectionFindings(build: Build, facts: Facts, request: ReviewRequest): Finding[] {
  const { workload, settings, hash, old } = build
  const missing = notInjected(workload, hash, settings.target)
  if (missing !== undefined) return [missing]
  const status = readStatus(workload)
  const catalogue = usableCatalogue(facts, settings.target)
  const carried = old !== undefined && status?.token === old.status.token && request.operation === 'UPDATE'
  if (catalogue === undefined || status?.digest === digestOf(catalogue.entries, settings.target)) return []
  if (carried && facts.source?.kind !== 'read') return []
  return [
    error(
      'source-changed',
      `the files of ${settings.configMaps.join(', ')} changed in the middle of this request`,
      'apply again',
    ),
  ]
}

function surroundings({ old: before }: ReviewRequest, build: Build): Finding[] {
  const { workload, settings, direction } = build
  const found: Finding[] = []
  const { progressDeadlineSeconds = 600 } = workload.spec
  if (settings.deadlineMs > progressDeadlineSeconds * 1000) {
    found.push(
      warning(
        'deadline-long',
        `the deadline of ${formatDuration(settings.deadlineMs)} is longer than progressDeadlineSeconds ${progressDeadlineSeconds}`,
        'raise progressDeadlineSeconds',
      ),
    )
  }
  if (direction === 'back' && before !== undefined && sameApplication(workload, before)) {
    found.push(
      warning(
        'target-lowered',
        'the target falls, but no image and no environment changes',
        'roll the application back too',
      ),
    )
  }
  if (build.breakGlass !== undefined) {
    found.push(
      warning(
        'break-glass',
        `in force for ${build.breakGlass.version}: ${build.breakGlass.reason}`,
        'remove the annotation when it is over',
      ),
    )
  }
  return found
}

const sameApplication = (workload: Workload, before: Workload) =>
  JSON.stringify(workload.spec.template.spec.containers.map(({ image, env }) => [image, env])) ===
  JSON.stringify(before.spec.template.spec.containers.map(({ image, env }) => [image, env]))

const make =
  (severity: Finding['severity']) =>
  (code: Finding['code'], message: string, fix: string, version?: string): Finding => ({
    code,
    severity,
    ...(version !== undefined && { version }),
    message,
    fix,
  })
const error = make('error')
const warning = make('warning')
