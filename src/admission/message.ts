import { POLICY } from '../contract.ts'
import type { Policy } from '../injection/policy.ts'
import type { Finding } from '../migration/finding.ts'

/** What a denial is about. */
export interface Denied {
  readonly namespace: string
  readonly name: string
  readonly target: string
  readonly policy: Policy
  readonly findings: readonly Finding[]
}

/** All findings in one message, which begins on a fresh line: kubectl puts its own words before it. */
export function denialMessage({ namespace, name, target, policy, findings }: Denied): string {
  const back = findings.every(({ code }) => code.startsWith('rollback-'))
  const width = Math.max(...findings.map(({ code }) => code.length))
  const lines = findings.flatMap(({ code, message, fix }) => [
    `  ${code.padEnd(width)}  ${message}`,
    `  ${' '.repeat(width)}  fix: ${fix}`,
  ])
  return [
    '',
    `schema version ${target} of ${namespace}/${name} ${back ? 'cannot be rolled back' : 'is refused'}:`,
    ...lines,
    `No pod was changed.${findings.some(({ code }) => code.startsWith('rollback-')) ? policyLine(namespace, policy) : ''}`,
  ].join('\n')
}

const policyLine = (namespace: string, policy: Policy) => {
  const key = POLICY.rollbackPolicy.split('/')[1]
  return policy.explicit
    ? ` Policy: ${key}=${policy.rollbackPolicy} on namespace ${namespace}.`
    : ` Policy: ${key}=${policy.rollbackPolicy}, the default on namespace ${namespace}.`
}
