import type { Finding } from '../migration/finding.ts'
import { plain } from './plain.ts'

/** Kubernetes: more than 120 characters may be cut, and 4096 in all are dropped; the mutating webhook has its share. */
export const MAX_LENGTH = 120
const MAX_TOTAL = 2_800
/** What findings may take of it: the plan gives way to them. */
const MAX_FINDINGS = 1_600
const MAX_PLAN_LINES = 20

/** Warnings as the API server passes them on: one line each, short, and not too many. */
export function fitWarnings(plan: readonly string[], others: readonly string[] = []): string[] {
  const said = within(others, MAX_FINDINGS)
  return [...within(plan, MAX_TOTAL - said.join('').length), ...said]
}

function within(texts: readonly string[], room: number): string[] {
  const lines = texts.slice(0, room).map((text) => plain(text, MAX_LENGTH).trimEnd())
  if (texts.length <= room && lines.join('').length <= room) return lines
  const kept: string[] = []
  let left = room - MAX_LENGTH
  for (const line of lines) {
    left -= line.length
    if (left < 0) break
    kept.push(line)
  }
  return [...kept, `and ${texts.length - kept.length} more lines: lockkeeper review -o json shows all`]
}

/** A finding as one warning, and its cure as another where both do not fit. */
export function warningOf({ code, message, fix }: Finding): string[] {
  const whole = `${code}: ${message}; ${fix}`
  return whole.length <= MAX_LENGTH ? [whole] : [`${code}: ${message}`, `  fix: ${fix}`]
}

/** Lines of warnings that may stand before a denial: clients print them first, and the reason would scroll away. */
const MAX_BEFORE_DENIAL = 2

/** What is said beside a denial, which is in the way of nothing: counted by code where it is more than a few lines. */
export function warningsBesideDenial(findings: readonly Finding[]): string[] {
  const lines = findings.flatMap(warningOf)
  if (lines.length <= MAX_BEFORE_DENIAL) return fitWarnings([], lines)
  const counts = [...Map.groupBy(findings, ({ code }) => code)].map(([code, each]) => `${each.length} ${code}`)
  const head = `${findings.length} warnings (lockkeeper review lists them): `
  return fitWarnings([], [head + fitting(counts, MAX_LENGTH - head.length)])
}

/** As many as fit, and an ellipsis for the others. */
function fitting(texts: readonly string[], room: number): string {
  let line = ''
  for (const text of texts) {
    const next = line === '' ? text : `${line}, ${text}`
    if (next.length > room - 3) return `${line}, …`
    line = next
  }
  return line
}

/** The plan, at most 20 lines of it. */
export function planLines(lines: readonly string[]): string[] {
  return lines.length <= MAX_PLAN_LINES
    ? [...lines]
    : [...lines.slice(0, MAX_PLAN_LINES), `and ${lines.length - MAX_PLAN_LINES} more`]
}
