import { strategyOf } from '../injection/container.ts'
import { readPolicy } from '../injection/policy.ts'
import { readStatus } from '../injection/status.ts'
import { workloadId } from '../injection/workload.ts'
import type { Finding } from '../migration/finding.ts'
import { usableCatalogue } from './build.ts'
import type { Facts } from './facts.ts'
import { judge } from './judge.ts'
import { between } from './judge-files.ts'
import { denialMessage } from './message.ts'
import { notInjected } from './not-injected.ts'
import type { ReviewRequest } from './review.ts'
import { type Build, type Situation, situationOf } from './situation.ts'
import type { Verdict } from './verdict.ts'
import { fitWarnings, planLines, warningOf } from './warning.ts'

const allow = (warnings: readonly string[] = [], findings: readonly Finding[] = [], audit = {}): Verdict => ({
  allowed: true,
  warnings: fitWarnings(warnings),
  findings,
  audit,
})

/** What the validating webhook answers: all findings at once, or the plan. */
export function validate(request: ReviewRequest, facts: Facts): Verdict {
  const situation = situationOf(request, facts.namespace)
  if (situation.kind === 'build') return judged(request, situation, facts)
  if (situation.kind === 'invalid') return denied(request, situation.target, situation.findings, facts)
  if (situation.kind === 'carried') return carried(request, situation, facts)
  const was = request.old === undefined ? undefined : readStatus(request.old)?.target
  const dropped = request.operation === 'UPDATE' && was !== undefined && readStatus(request.workload) === undefined
  if (!dropped) return allow()
  return allow([`the schema stays at ${was}, and nothing checks ${request.name} any more`])
}

/** Nothing is asked again, but our parts must still be there. */
function carried(request: ReviewRequest, { workload, built }: Extract<Situation, { kind: 'carried' }>, facts: Facts) {
  const { intent, target } = built
  const missing = notInjected(workload, intent, target)
  return missing === undefined ? allow() : denied(request, target, [missing], facts)
}

function judged(request: ReviewRequest, build: Build, facts: Facts): Verdict {
  const findings = judge(request, build, facts)
  if (findings.some(({ severity }) => severity === 'error')) {
    return denied(request, build.settings.target, findings, facts, auditOf(build))
  }
  return allow([...planWarnings(request, build, facts), ...findings.flatMap(warningOf)], findings, auditOf(build))
}

function denied(
  request: ReviewRequest,
  target: string,
  findings: readonly Finding[],
  facts: Facts,
  audit = {},
): Verdict {
  const errors = findings.filter(({ severity }) => severity === 'error')
  const message = denialMessage({
    namespace: request.namespace,
    name: request.name,
    target,
    policy: readPolicy(facts.namespace.annotations),
    findings: errors,
  })
  const warnings = findings.filter(({ severity }) => severity === 'warning').flatMap(warningOf)
  return { allowed: false, message, warnings: fitWarnings(warnings), findings, audit }
}

function auditOf({ breakGlass }: Build): Record<string, string> {
  return breakGlass === undefined ? {} : { 'break-glass': `${breakGlass.version} ${breakGlass.reason}` }
}

/** The down scripts that will run, as far as the files still hold those of the release that is left. */
function downLines({ settings, old, workload }: Build, { source }: Facts): string[] {
  const { target, onRollback } = settings
  const runs = onRollback === 'always' || (onRollback === 'auto' && strategyOf(workload) === 'Recreate')
  if (!runs || old === undefined || source?.kind !== 'read') return []
  const left = between(source.catalogue, target, old.status.target)
  return planLines(
    left.toReversed().map(({ version, name, downFile }) => `  down ${version} ${name}, by ${downFile ?? 'nothing'}`),
  )
}

/** What the rollout will do to the schema, as far as files can tell. */
function planWarnings(request: ReviewRequest, build: Build, facts: Facts): string[] {
  const { settings, old, direction, workload } = build
  const { target } = settings
  const id = workloadId(request.namespace, workload)
  const from = old?.status.target
  if (direction === 'back')
    return [
      `${id}: schema ${from} goes back to ${target} (on-rollback: ${settings.onRollback})`,
      ...downLines(build, facts),
    ]
  const catalogue = usableCatalogue(facts, target)
  if (direction === 'same' || catalogue === undefined) return []
  const steps = between(catalogue, from, target)
  const head = `${id}: schema ${from ?? 'as it is'} to ${target}, ${steps.length} ${steps.length === 1 ? 'migration' : 'migrations'}${from === undefined ? ' unless applied already' : ''}`
  return [
    head,
    ...planLines(
      steps.map(
        ({ version, name, downFile }) =>
          `  up ${version} ${name}${downFile === undefined ? '' : `, back by ${downFile}`}`,
      ),
    ),
  ]
}
