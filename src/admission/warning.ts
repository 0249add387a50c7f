import type { Finding } from '../migration/finding.ts'

/** Kubernetes: more than 120 characters may be cut, and 4096 in all are dropped; the mutating webhook has its share. */
const MAX_LENGTH = 120
const MAX_TOTAL = 2_800
const MAX_PLAN_LINES = 20

/** Warnings as the API server passes them on: one line each, short, and not too many. */
export function fitWarnings(texts: readonly string[]): string[] {
  const fitting: string[] = []
  let total = 0
  for (const text of texts) {
    const line = fitLine(text)
    if (total + line.length > MAX_TOTAL) return [...fitting, 'and more: see lockkeeper review']
    total += line.length
    fitting.push(line)
  }
  return fitting
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is taken out
const control = /[\x00-\x1f\x7f-\x9f]+/g

function fitLine(text: string): string {
  const line = text.replace(control, ' ').trimEnd()
  return line.length <= MAX_LENGTH ? line : `${line.slice(0, MAX_LENGTH - 1)}…`
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
