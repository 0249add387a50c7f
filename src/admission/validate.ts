import { STATUS } from '../contract.ts'
import { meshWarnings } from '../injection/mesh.ts'
import { readPolicy } from '../injection/policy.ts'
import { readStatus } from '../injection/status.ts'
import { type Finding, refusal, remark } from '../migration/finding.ts'
import { hardened } from './deny-findings.ts'
import type { Facts } from './facts.ts'
import { judge } from './judge.ts'
import { denialMessage } from './message.ts'
import { notInjected } from './not-injected.ts'
import { plain } from './plain.ts'
import { planWarnings } from './plan-warnings.ts'
import type { ReviewRequest } from './review.ts'
import { type Build, type Situation, situationOf } from './situation.ts'
import type { Verdict } from './verdict.ts'
import { fitWarnings, warningOf, warningsBesideDenial } from './warning.ts'

/** What the validating webhook answers: all findings at once, or the plan. Give it the situation where that is known already. */
export function validate(
  request: ReviewRequest,
  facts: Facts,
  situation: Situation = situationOf(request, facts.namespace),
): Verdict {
  if (situation.kind === 'build') return judged(request, situation, facts)
  const { target, findings } = withoutBuild(request, situation)
  return verdict(request, target, hardened(findings, readPolicy(facts.namespace.annotations)), facts)
}

/** What there is to say where nothing is built. */
function withoutBuild(
  { operation, workload, old, name }: ReviewRequest,
  situation: Exclude<Situation, Build>,
): { readonly target: string; readonly findings: readonly Finding[] } {
  switch (situation.kind) {
    case 'invalid':
      return situation
    case 'carried': {
      // Nothing is asked again, but our parts must still be there.
      const { intent, target } = situation.built
      const missing = notInjected(situation.workload, intent, target)
      return { target, findings: missing === undefined ? [] : [missing] }
    }
    case 'fixed':
      return { target: situation.target, findings: [keepsContainer(situation.workload.kind)] }
    case 'owned':
      return {
        target: situation.target,
        findings: [situation.parts ? carriesOurs(situation.owner) : ownedBy(situation.owner)],
      }
    case 'elsewhere':
      return { target: '', findings: [annotateThere(situation.template)] }
    default: {
      const target = readStatus(old)?.target
      const dropped = operation === 'UPDATE' && target !== undefined && workload && readStatus(workload) === undefined
      return { target: target ?? '', findings: dropped ? [intentDropped(target, name)] : [] }
    }
  }
}

function judged(request: ReviewRequest, build: Build, facts: Facts): Verdict {
  const findings = judge(request, build, facts)
  const plan = [...planWarnings(request, build, facts), ...meshWarnings(build.workload, facts.namespace)]
  return verdict(request, build.settings.target, findings, facts, plan, auditOf(build))
}

function verdict(
  { namespace, name }: ReviewRequest,
  target: string,
  findings: readonly Finding[],
  facts: Facts,
  plan: readonly string[] = [],
  audit: Readonly<Record<string, string>> = {},
): Verdict {
  const errors = findings.filter(({ severity }) => severity === 'error')
  const remarks = findings.filter(({ severity }) => severity === 'warning')
  if (errors.length === 0)
    return { allowed: true, warnings: fitWarnings(plan, remarks.flatMap(warningOf)), findings, audit }
  const policy = readPolicy(facts.namespace.annotations)
  const message = denialMessage({ namespace, name, target, policy, findings: errors })
  return { allowed: false, message, warnings: warningsBesideDenial(remarks), findings, audit }
}

/** Audit annotations of others are cut too, but not where a reader expects it. */
const MAX_AUDIT = 500

function auditOf({ breakGlass }: Build): Record<string, string> {
  return breakGlass === undefined
    ? {}
    : { 'break-glass': plain(`${breakGlass.version} ${breakGlass.reason}`, MAX_AUDIT) }
}

const keepsContainer = (kind: string): Finding =>
  refusal('not-injected', `a ${kind} keeps the container it was created with`, 'delete it and create it again')

const ownedBy = (owner: string): Finding =>
  remark(
    'owned-by-controller',
    `${owner} owns this workload and would take the migration container away`,
    `write the annotations on ${owner} instead`,
  )

const carriesOurs = (owner: string): Finding =>
  refusal(
    'owned-by-controller',
    `${owner} owns this workload, which carries parts by our names (lockkeeper-migrate, lockkeeper-files, lockkeeper, ${STATUS}) that nobody checks there`,
    `take them out and write the annotations on ${owner}, or take the owner reference out`,
  )

const annotateThere = (template: string): Finding =>
  remark(
    'annotation-unknown',
    `the annotations count nowhere here, since the pod template is that of ${template}`,
    `write them on ${template}`,
  )

const intentDropped = (target: string, name: string): Finding =>
  remark(
    'intent-dropped',
    `the schema stays at ${target}, and nothing checks ${name} any more`,
    'put the annotations back to have it checked',
  )
