import { LIMITS } from '../limits.ts'
import type { Finding } from './finding.ts'

/**
 * Findings as a catalogue keeps them: of those of one code about one migration some, since the code is what decides, and
 * not more in all than there is room for. `left`: what is said of those that are left out altogether.
 */
export function boundFindings(findings: readonly Finding[]): {
  readonly kept: readonly Finding[]
  readonly left: readonly Finding[]
} {
  const alike = Map.groupBy(findings, ({ version = '', code, severity }) => `${version} ${code} ${severity}`)
  const some = alike.size === findings.length ? findings : [...alike.values()].flatMap(first)
  const most = LIMITS.findings.value
  if (some.length <= most) return { kept: some, left: [] }
  const rest = some.slice(most)
  const severity = rest.some((each) => each.severity === 'error') ? 'error' : 'warning'
  const left: Finding = {
    code: 'too-many-findings',
    severity,
    message: `there are ${some.length} findings, more than ${most}, and ${rest.length} of them are not looked at`,
    fix: 'correct the files: lockkeeper lint lists all of them',
  }
  return { kept: some.slice(0, most), left: [left] }
}

function first(alike: readonly Finding[]): readonly Finding[] {
  const most = LIMITS.alikeFindings.value
  const last = alike[most - 1]
  if (last === undefined || alike.length <= most) return alike
  const more = alike.length - most
  return [...alike.slice(0, most - 1), { ...last, message: `${last.message} (and ${more} more like it)` }]
}
