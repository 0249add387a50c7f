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
  const fitting: string[] = []
  let left = room - MAX_LENGTH
  for (const line of lines) {
    left -= line.length
    if (left < 0) break
    fitting.push(line)
  }
  return [...fitting, `and ${texts.length - fitting.length} more lines: lockkeeper review -o json shows all`]
}

/** A finding as one warning, and its cure as another where both do not fit. */
export function warningOf({ code, message, fix }: Finding): string[] {
  const whole = `${code}: ${message}; ${fix}`
  return whole.length <= MAX_LENGTH ? [whole] : [`${code}: ${message}`, `  fix: ${fix}`]
}

/** The plan, at most 20 lines of it. */
export function planLines(lines: readonly string[]): string[] {
  return lines.length <= MAX_PLAN_LINES
    ? [...lines]
    : [...lines.slice(0, MAX_PLAN_LINES), `and ${lines.length - MAX_PLAN_LINES} more`]
}
