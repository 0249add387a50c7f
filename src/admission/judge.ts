import { applicationEnv } from '../injection/application-env.ts'
import { kindOf } from '../injection/kinds.ts'
import { readStatus } from '../injection/status.ts'
import type { Workload } from '../injection/workload.ts'
import { digestOf } from '../migration/digest.ts'
import { formatDuration } from '../migration/duration.ts'
import { type Finding, type FindingCode, refusal, remark } from '../migration/finding.ts'
import { rollbackFindings } from '../migration/rollback.ts'
import { usableCatalogue } from './build.ts'
import { databaseMissing } from './database-missing.ts'
import { hardened } from './deny-findings.ts'
import type { Facts } from './facts.ts'
import { between, judgeFiles } from './judge-files.ts'
import { judgeWayBack } from './judge-way-back.ts'
import { notInjected } from './not-injected.ts'
import { plain } from './plain.ts'
import type { ReviewRequest } from './review.ts'
import type { Build } from './situation.ts'

/** Findings about a rollout that builds our parts, worst first as DESIGN lists them; severity says what denies. */
export function judge(request: ReviewRequest, build: Build, facts: Facts): Finding[] {
  const found = [
    ...build.findings,
    ...environmentFindings(build),
    ...judgeFiles(build, facts),
    ...listedWithoutPolicy(build, facts),
    ...judgeWayBack(build, facts),
    ...injectionFindings(build, facts, request),
    ...databaseMissing(build.settings, facts.secretKeys),
    ...surroundings(request, build),
  ]
  const { settings, breakGlass } = build
  return found.map((finding) => {
    if (softened(finding, request, build, facts)) return { ...finding, severity: 'warning' }
    return breakGlass === undefined ? (hardened([finding], settings.policy)[0] ?? finding) : finding
  })
}

/** Codes that depend neither on files, which a dry run has not stored, nor on a Secret. */
const ofWorkload: readonly FindingCode[] = [
  'annotation-invalid',
  'annotation-unknown',
  'break-glass',
  'container-restored',
  'deadline-long',
  'intent-dropped',
  'intent-split',
  'not-injected',
  'owned-by-controller',
  'policy-off',
  'rollback-data-loss',
  'schema-ahead-incompatible',
  'target-lowered',
]

/** Whether a finding is only said: it depends on what may not be there yet, or only the database can settle it. */
function softened({ code, severity, file }: Finding, request: ReviewRequest, build: Build, { source }: Facts): boolean {
  // A finding of the SQL may have such a code too, and a file.
  if (ofWorkload.includes(code) && file === undefined) return false
  const sure = source?.kind === 'read' && source.immutable
  if (request.dryRun && !sure) return true
  // What a down script does was for the way up to refuse: the way back is never denied for it.
  if (build.direction === 'back' && file !== undefined) return true
  if (severity === 'warning') return false
  if (build.direction === 'back') return true
  // A hotfix must not fail for a ConfigMap that is gone, nor for files that were admitted before.
  return build.direction === 'same' && build.sameIntent && code !== 'source-changed'
}

/** Under `rollback-policy: off` nobody looks for down scripts, unless `deny-findings` names what to look for. */
function listedWithoutPolicy({ settings, old, direction }: Build, facts: Facts): Finding[] {
  const { policy, target } = settings
  const catalogue = usableCatalogue(facts, target)
  if (policy.rollbackPolicy !== 'off' || direction !== 'up' || catalogue === undefined) return []
  const { allowIrreversible, baseline } = policy
  const rules = { rollbackPolicy: 'require', allowIrreversible, ...(baseline !== undefined && { baseline }) } as const
  return rollbackFindings(between(catalogue, old?.status.target, target), rules).filter(({ code }) =>
    policy.denyFindings.includes(code),
  )
}

function environmentFindings({ settings, workload }: Build): Finding[] {
  const { database } = settings
  if (database.kind !== 'env' || applicationEnv(workload, database.container, database.name) !== undefined) return []
  return [
    refusal(
      'annotation-invalid',
      `lockkeeper.dev/database names ${database.name} of container ${database.container}, which has it neither in env nor in envFrom`,
      'name a variable of that container',
    ),
  ]
}

/** Our parts must be there once, and be built for this intent and these files. */
function injectionFindings(build: Build, facts: Facts, request: ReviewRequest): Finding[] {
  const { workload, settings, hash, old } = build
  const missing = notInjected(workload, hash, settings.target)
  if (missing !== undefined) return [missing]
  const status = readStatus(workload)
  const catalogue = usableCatalogue(facts, settings.target)
  const carried = old !== undefined && status?.token === old.status.token && request.operation === 'UPDATE'
  if (catalogue === undefined || status?.digest === digestOf(catalogue, settings.target)) return []
  if (carried && facts.source?.kind !== 'read') return []
  return [
    refusal(
      'source-changed',
      `the files of ${settings.configMaps.join(', ')} changed in the middle of this request`,
      'apply again',
    ),
  ]
}

function surroundings({ old: before }: ReviewRequest, build: Build): Finding[] {
  const { workload, settings, direction } = build
  const found: Finding[] = []
  const progressDeadlineSeconds = workload.spec.progressDeadlineSeconds ?? kindOf(workload).progressDeadline
  if (progressDeadlineSeconds !== undefined && settings.deadlineMs > progressDeadlineSeconds * 1000) {
    found.push(
      remark(
        'deadline-long',
        `the deadline of ${formatDuration(settings.deadlineMs)} is longer than progressDeadlineSeconds ${progressDeadlineSeconds}`,
        'raise progressDeadlineSeconds',
      ),
    )
  }
  if (direction === 'back' && before !== undefined && sameApplication(workload, before)) {
    found.push(
      remark(
        'target-lowered',
        'the target falls, but no image and no environment changes',
        'roll the application back too',
      ),
    )
  }
  if (build.breakGlass !== undefined) {
    found.push(
      remark(
        'break-glass',
        `in force for ${build.breakGlass.version}: ${plain(build.breakGlass.reason, 500)}`,
        'remove the annotation when it is over',
      ),
    )
  }
  return found
}

const sameApplication = (workload: Workload, before: Workload) =>
  JSON.stringify(workload.spec.template.spec.containers.map(({ image, env }) => [image, env])) ===
  JSON.stringify(before.spec.template.spec.containers.map(({ image, env }) => [image, env]))
