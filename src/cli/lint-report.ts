import type { Finding } from '../migration/finding.ts'
import type { MigrationSet, Script } from '../migration/migration.ts'
import { sanitize } from '../migration/sanitize.ts'
import { bold, red, yellow } from './output.ts'

/** Findings of one code that are shown with their line; of the others the place is named. */
const MOST_FRAMES: Readonly<Record<Finding['severity'], number>> = { error: 20, warning: 5 }
/** Characters of a line that are shown. */
const MOST_COLUMNS = 100

/**
 * Findings as compilers print them: errors first, by code and then by file, each with its line and a caret, a cure only
 * where it is another one than before, and how many there are at the end.
 */
export function reportLines(findings: readonly Finding[], files: MigrationSet, colour: boolean): string[] {
  const scripts = scriptsByFile(files)
  const errors = findings.filter(({ severity }) => severity === 'error')
  const warnings = findings.filter(({ severity }) => severity === 'warning')
  const groups = [errors, warnings].flatMap((each) => [...Map.groupBy(each, ({ code }) => code).values()])
  return [...groups.flatMap((group) => [...groupLines(group, scripts, colour), '']), summary(errors, warnings, files)]
}

function groupLines(group: readonly Finding[], scripts: Scripts, colour: boolean): string[] {
  const [first] = group
  if (first === undefined) return []
  const { severity, code } = first
  const byFile = [...Map.groupBy(group, ({ file = '' }) => file).values()].flat()
  const most = MOST_FRAMES[severity]
  const count = group.length === 1 ? '' : `: ${counted(group.length, 'finding')} in ${counted(filesOf(group), 'file')}`
  const head = `${severity === 'error' ? red(severity, colour) : yellow(severity, colour)}[${code}]${count}`
  const said = new Set<string>()
  const shown = byFile.slice(0, most).flatMap((each) => [...frame(each, scripts), ...cure(each, said)])
  return [bold(head, colour), ...shown, ...places(byFile.slice(most))]
}

/** The line that a finding is about, and what is wrong with it. */
function frame(finding: Finding, scripts: Scripts): string[] {
  const { file, line, message } = finding
  const said = sanitize(withoutPlace(finding))
  if (file === undefined) return [`  = ${said}`]
  const arrow = `  --> ${sanitize(file)}${line === undefined ? '' : `:${line}`}`
  const text = line === undefined ? undefined : lineOf(scripts.get(file) ?? [], line)
  if (text === undefined || text.trim() === '') return [arrow, `   = ${said}`]
  const named = /^ column (\d+) /.exec(message.slice(`${file} line ${line}`.length))?.[1]
  const column = named === undefined ? text.search(/\S/) : Number(named) - 1
  const start = column < MOST_COLUMNS - 20 ? 0 : column - 20
  const cut = sanitize(text.slice(start, start + MOST_COLUMNS).replaceAll('\t', ' '))
  const number = String(line)
  const margin = ' '.repeat(number.length)
  return [arrow, ` ${margin} |`, ` ${number} | ${cut}`, ` ${margin} | ${' '.repeat(column - start)}^ ${said}`]
}

/** A cure whose sentence was said before is only its SQL. */
function cure({ fix }: Finding, said: Set<string>): string[] {
  if (said.has(fix)) return []
  const [sentence = fix] = fix.split(/: (?=[A-Z]{3})/, 1)
  const rest = fix.slice(sentence.length + 2)
  const again = said.has(sentence) && rest !== ''
  said.add(fix).add(sentence)
  return [again ? `  fix: ${sanitize(rest)}` : `  fix: ${sanitize(fix)}`]
}

/** Where the others are, a line for each file. */
function places(findings: readonly Finding[]): string[] {
  if (findings.length === 0) return []
  const byFile = Map.groupBy(findings, ({ file = '' }) => file)
  const lines = [...byFile].map(([file, each]) => {
    const numbers = [...new Set(each.flatMap(({ line }) => line ?? []))]
    return `  --> ${sanitize(file)}${numbers.length === 0 ? '' : `:${numbers.join(', ')}`}`
  })
  return [`  and ${findings.length} more (-o json says what each is):`, ...lines]
}

function summary(errors: readonly Finding[], warnings: readonly Finding[], { migrations }: MigrationSet): string {
  const all = [...errors, ...warnings]
  if (all.length === 0) return `${counted(migrations.length, 'migration')}, no finding`
  const counts = [counted(errors.length, 'error'), counted(warnings.length, 'warning')]
  return `${counts.join(', ')} in ${counted(filesOf(all), 'file')} (${counted(migrations.length, 'migration')})`
}

const filesOf = (findings: readonly Finding[]) => new Set(findings.map(({ file }) => file)).size
const counted = (count: number, what: string) => `${count} ${what}${count === 1 ? '' : 's'}`

/** The place stands above it. */
function withoutPlace({ file = '', line, message }: Finding): string {
  const at = message.startsWith(`${file} line ${line} `) ? `${file} line ${line} ` : `${file} `
  const rest = file !== '' && message.startsWith(at) ? message.slice(at.length) : message
  return rest.replace(/^column \d+ /, '')
}

type Scripts = ReadonlyMap<string, readonly Script[]>

function scriptsByFile({ migrations }: MigrationSet): Scripts {
  const scripts = migrations.flatMap(({ up, down }) => (down === undefined ? [up] : [up, down]))
  return Map.groupBy(scripts, ({ file }) => file)
}

/** A line of a file, of which a script may be a part. */
function lineOf(scripts: readonly Script[], line: number): string | undefined {
  const script = scripts.findLast((each) => each.line <= line)
  return script?.text.split(/\r\n|\n/, line - script.line + 1)[line - script.line]
}
