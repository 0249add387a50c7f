import { formatDuration } from '../migration/duration.ts'
import type { Finding } from '../migration/finding.ts'
import type { Outcome, Result } from '../prove/outcome.ts'
import { diffLines } from '../prove/show-difference.ts'
import { bold, describeFinding, green, type Output, red, yellow } from './output.ts'

/** All that a run of the prover found. */
export interface Report {
  readonly postgres: number
  readonly outcomes: readonly Outcome[]
  /** Of no single migration. */
  readonly findings: readonly Finding[]
}

/** `unreached` is said of what is behind a failed one. */
const good: readonly Result[] = ['proven', 'cached', 'irreversible']
export const isGood = ({ outcomes, findings }: Report): boolean =>
  outcomes.every(({ result }) => good.includes(result)) && findings.every(({ severity }) => severity !== 'error')

export const findingsOf = ({ findings, outcomes }: Report): Finding[] => [
  ...findings,
  ...outcomes.flatMap((outcome) => outcome.findings),
]

/** One JSON document. */
export const documentOf = (report: Report) => ({
  postgres: report.postgres,
  result: isGood(report) ? 'proven' : 'failed',
  migrations: report.outcomes.map(({ compared, ...outcome }) => ({
    ...outcome,
    compared: Object.fromEntries((compared ?? []).map(({ what, result }) => [what, result])),
  })),
  findings: findingsOf(report),
})

const tones: Readonly<Record<Result, (text: string, on: boolean) => string>> = {
  proven: green,
  cached: green,
  failed: red,
  irreversible: yellow,
  unreached: yellow,
}

/** The line of one migration, which is its progress too. */
export function lineOf({ version, file, result, durationMs, remark }: Outcome, colour: boolean): string {
  const more = [remark, durationMs === undefined ? undefined : formatDuration(durationMs)].filter(
    (each) => each !== undefined,
  )
  return `${tones[result](result.padEnd(12), colour)}  ${version}  ${file}${more.length === 0 ? '' : ` (${more.join(', ')})`}`
}

/** For people: what is not proven, with its diff, and how many are. */
export function printReport(output: Output, report: Report): void {
  for (const finding of report.findings) output.print(describeFinding(finding, output.colour))
  for (const outcome of report.outcomes) printOutcome(output, outcome)
  const count = (result: Result) => report.outcomes.filter((outcome) => outcome.result === result).length
  const counts = (['proven', 'cached', 'failed', 'irreversible', 'unreached'] as const)
    .filter((result) => count(result) > 0)
    .map((result) => `${count(result)} ${result}`)
  output.print(`${counts.length === 0 ? 'no migration to prove' : counts.join(', ')} (PostgreSQL ${report.postgres})`)
}

function printOutcome(output: Output, outcome: Outcome): void {
  const { findings, differences, losses, unfilled, result } = outcome
  const silent = result === 'proven' || result === 'cached' || result === 'unreached'
  if (silent && findings.length + differences.length + unfilled.length === 0) return
  output.print(bold(lineOf(outcome, output.colour), output.colour))
  for (const finding of findings) output.print(indented(describeFinding(finding, output.colour)))
  for (const difference of differences)
    output.print(indented(coloured(diffLines(difference), output.colour).join('\n')))
  for (const { object, rows, of, what, example } of losses) {
    output.print(`  ${object}: ${of === 0 ? what : `${what} (${rows} of ${of})`}: ${example}`)
  }
  for (const { table, why } of unfilled) output.print(`  no row could be made for ${table}: ${why}`)
}

const indented = (text: string) => text.replace(/^/gm, '  ')
const coloured = (lines: readonly string[], on: boolean) =>
  lines.map((line) => (/^ {2}- /.test(line) ? red(line, on) : /^ {2}\+ /.test(line) ? green(line, on) : line))
