import { CONFIG } from '../contract.ts'
import { applicationEnv } from '../injection/application-env.ts'
import { kindOf } from '../injection/kinds.ts'
import { partsOf } from '../injection/parts.ts'
import { sameJson } from '../injection/same-json.ts'
import { readStatus } from '../injection/status.ts'
import type { Workload } from '../injection/workload.ts'
import { formatDuration } from '../migration/duration.ts'
import { type Finding, type FindingCode, refusal, remark } from '../migration/finding.ts'
import { usableCatalogue } from './build.ts'
import { databaseMissing } from './database-missing.ts'
import { hardened } from './deny-findings.ts'
import type { Facts } from './facts.ts'
import { judgeFiles, storedDowns } from './judge-files.ts'
import { judgeSource } from './judge-source.ts'
import { judgeWayBack } from './judge-way-back.ts'
import { notInjected } from './not-injected.ts'
import { plain } from './plain.ts'
import type { ReviewRequest } from './review.ts'
import type { Build } from './situation.ts'
import { wantedStatus } from './wanted-status.ts'
import { type ToJudge, whatToJudge } from './what-to-judge.ts'

/** Findings about a rollout that builds our parts, worst first as DESIGN lists them; severity says what denies. */
export function judge(request: ReviewRequest, build: Build, facts: Facts): Finding[] {
  const { settings, breakGlass } = build
  const catalogue = usableCatalogue(facts, settings.target)
  const judged = catalogue && whatToJudge(build.admitted, catalogue, settings.target)
  const said = (finding: Finding): Finding => ({ ...finding, severity: 'warning' })
  const told = (finding: Finding): Finding => {
    if (unsure(finding, request, facts)) return said(finding)
    return breakGlass === undefined ? (hardened([finding], settings.policy)[0] ?? finding) : finding
  }
  const source = judgeSource(build, facts)
  // What a down script does was for the way up to refuse: the way back is never denied for it.
  const wayBack = judgeWayBack(build, facts).map((each) => (each.file === undefined ? told(each) : said(each)))
  return [
    ...[...build.findings, ...environmentFindings(build)].map(told),
    ...source.map(isForgiven(build, judged) ? said : told),
    ...(catalogue && judged ? judgeFiles(build, catalogue, judged, facts).map(told) : []),
    ...(judged ? storedDowns(build, judged).map(said) : []),
    ...wayBack,
    ...[
      ...injectionFindings(build, facts),
      ...databaseMissing(settings, facts.secretKeys),
      ...surroundings(request, build),
    ].map(told),
  ]
}

/**
 * Whether a source that cannot be had is only said: the way back needs no files, and a hotfix must not fail for a ConfigMap
 * that is gone, nor for what stands beside files that were admitted before. Nothing of it is vouched for then.
 */
const isForgiven = ({ direction, sameIntent }: Build, judged: ToJudge | undefined): boolean =>
  direction === 'back' || (sameIntent && (judged === undefined || (judged.versions.length === 0 && !judged.beside)))

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

/** Whether a dry run cannot know it. A finding of the SQL may have a code of the workload too, and a file. */
const unsure = ({ code, file }: Finding, { dryRun }: ReviewRequest, { source }: Facts): boolean =>
  dryRun && !(ofWorkload.includes(code) && file === undefined) && !(source?.kind === 'read' && source.immutable)

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
function injectionFindings(build: Build, facts: Facts): Finding[] {
  const { workload, settings, hash, old } = build
  const missing = notInjected(workload, hash, settings.target)
  if (missing !== undefined) return [missing]
  const catalogue = usableCatalogue(facts, settings.target)
  // A hotfix whose source is gone carries the old parts over.
  if (catalogue === undefined && build.sameIntent && partsOf(workload)?.status === old?.parts?.status) return []
  const { floor: _, ...wanted } = wantedStatus(build, catalogue, facts)
  const { digest, entries, older, beside, format } = readStatus(workload) ?? {}
  // With the files the digest tells it all, whichever release of Lockkeeper wrote the rest.
  const same = catalogue === undefined ? sameJson({ ...wanted, entries, older, beside, format }, wanted) : true
  if (same && digest === wanted.digest) return []
  return [
    refusal(
      'source-changed',
      `the files of ${settings.configMaps.join(', ')} changed in the middle of this request`,
      'apply again',
    ),
  ]
}

function surroundings({ old: before }: ReviewRequest, build: Build): Finding[] {
  const { workload, direction } = build
  const found = deadlineLong(build)
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

/** What Kubernetes ends or calls stuck before the runner has said why it waits. */
function deadlineLong({ workload, settings }: Build): Finding[] {
  const { spec } = workload
  const kind = kindOf(workload)
  const limits: [key: string, seconds: unknown][] = [
    ['progressDeadlineSeconds', spec.progressDeadlineSeconds ?? kind.progressDeadline],
    ['activeDeadlineSeconds', kind.activeDeadline?.(spec)],
    ['activeDeadlineSeconds of the pod template', spec.template.spec.activeDeadlineSeconds],
  ]
  return limits.flatMap(([key, seconds]) =>
    typeof seconds === 'number' && settings.deadlineMs > seconds * 1000
      ? [
          remark(
            'deadline-long',
            `the deadline of ${formatDuration(settings.deadlineMs)} is longer than ${key} ${seconds}`,
            `raise ${key}, or lower ${CONFIG.deadline}`,
          ),
        ]
      : [],
  )
}

const sameApplication = (workload: Workload, before: Workload) =>
  JSON.stringify(workload.spec.template.spec.containers.map(({ image, env }) => [image, env])) ===
  JSON.stringify(before.spec.template.spec.containers.map(({ image, env }) => [image, env]))
