import type { Finding } from '../migration/finding.ts'
import { safeJson, sanitize, sanitizeLines } from '../migration/sanitize.ts'
import { commandLineCure } from './command-line-cure.ts'

/** Where a command writes: results to stdout, everything else to stderr. */
export interface Output {
  readonly json: boolean
  readonly quiet: boolean
  readonly colour: boolean
  /** A line of the result, for people. */
  print(line: string): void
  /** The result as one JSON document. */
  document(value: unknown): void
  /** Why it failed; said also where progress is not. */
  fail(line: string): void
  /** Progress and remarks. */
  say(line: string): void
  /** On a terminal: a line that the next one takes the place of. Elsewhere like `say`. */
  live(line: string): void
  /** Whether somebody watches the progress. */
  readonly terminal: boolean
}

export interface OutputOptions {
  readonly output?: string
  readonly quiet?: boolean
  readonly color?: boolean
}

/** Colour only on a terminal, and not where NO_COLOR (no-color.org) or --no-color says so. */
export function createOutput({ output = 'text', quiet = false, color = true }: OutputOptions): Output {
  const json = output === 'json'
  const terminal = process.stderr.isTTY === true && !quiet
  let living = false
  const colour = color && !json && process.stdout.isTTY === true && (process.env.NO_COLOR ?? '') === ''
  const write = (line: string, stays: boolean) => {
    process.stderr.write(`${living ? '\r\u001b[2K' : ''}${safe(line, colour)}${stays ? '\n' : ''}`)
    living = !stays
  }
  return {
    terminal,
    json,
    quiet,
    colour,
    print: (line) => {
      if (!json) process.stdout.write(`${safe(line, colour)}\n`)
    },
    document: (value) => {
      if (json) process.stdout.write(`${safeJson(value, 2)}\n`)
    },
    fail: (line) => write(line, true),
    say: (line) => {
      if (!quiet) write(line, true)
    },
    live: (line) => {
      if (!quiet) write(terminal ? line.slice(0, (process.stderr.columns || 80) - 1) : line, !terminal)
    },
  }
}

/** The colours of our own, and of what others wrote only what is safe. */
const safe = (line: string, colour: boolean): string =>
  colour
    ? line
        .split(painted)
        .map((part, i) => (i % 2 === 1 ? part : sanitizeLines(part)))
        .join('')
    : sanitizeLines(line)
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what paint writes.
const painted = /(\u001b\[(?:0|1|31|32|33)m)/

const paint = (code: number) => (text: string, on: boolean) => (on ? `\u001b[${code}m${text}\u001b[0m` : text)
export const red = paint(31)
export const green = paint(32)
export const yellow = paint(33)
export const bold = paint(1)

/** A finding as two lines: what and cure. */
export function describeFinding({ code, severity, file, line, message, fix }: Finding, colour: boolean): string {
  const place = file === undefined ? '' : `${file}${line === undefined ? '' : `:${line}`}: `
  const tone = severity === 'error' ? red : yellow
  return `${sanitize(place)}${tone(severity, colour)} ${code}: ${sanitize(message)}\n  fix: ${sanitize(fix)}`
}

/** A failure as two lines: what and cure. */
export const describeFailure = (
  { code, message, fix }: { readonly code: string; readonly message: string; readonly fix: string },
  colour: boolean,
): string => `${red(code, colour)}: ${sanitize(message)}\n  fix: ${sanitize(commandLineCure(fix))}`

/** Rows as columns that line up, one line each whatever the cells hold. */
export function table(cells: readonly (readonly string[])[]): string[] {
  const rows = cells.map((row) => row.map(sanitize))
  const widths = (rows[0] ?? []).map((_, i) => Math.max(...rows.map((row) => (row[i] ?? '').length)))
  return rows.map((row) =>
    row
      .map((cell, i) => cell.padEnd(widths[i] ?? 0))
      .join('  ')
      .trimEnd(),
  )
}
