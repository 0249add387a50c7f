import { copiedEnv } from '../injection/container.ts'
import { readStatus } from '../injection/status.ts'
import type { Workload } from '../injection/workload.ts'
import { digestOf } from '../migration/digest.ts'
import { formatDuration } from '../migration/duration.ts'
import { type Finding, refusal, remark } from '../migration/finding.ts'
import { usableCatalogue } from './build.ts'
import { databaseMissing } from './database-missing.ts'
import type { Facts } from './facts.ts'
import { judgeFiles } from './judge-files.ts'
import { judgeWayBack } from './judge-way-back.ts'
import { notInjected } from './not-injected.ts'
import type { ReviewRequest } from './review.ts'
import type { Build } from './situation.ts'

/** Findings about a rollout that builds our parts, worst first as DESIGN lists them; severity says what denies. */
export function judge(request: ReviewRequest, build: Build, facts: Facts): Finding[] {
  const found = [
    ...build.findings,
    ...environmentFindings(build),
    ...judgeFiles(build, facts),
    ...judgeWayBack(build, facts),
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
    refusal(
      'annotation-invalid',
      `lockkeeper.dev/database names ${database.name} of container ${database.container}, which has no such entry in env`,
      'name an entry that stands in env of that container (envFrom is not read)',
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
  const { progressDeadlineSeconds = 600 } = workload.spec
  if (settings.deadlineMs > progressDeadlineSeconds * 1000) {
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
