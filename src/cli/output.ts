import type { Finding } from '../migration/finding.ts'

/** Where a command writes: results to stdout, everything else to stderr. */
export interface Output {
  readonly json: boolean
  readonly quiet: boolean
  readonly colour: boolean
  /** A line of the result, for people. */
  print(line: string): void
  /** The result as one JSON document. */
  document(value: unknown): void
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
  const write = (line: string, stays: boolean) => {
    if (quiet) return
    process.stderr.write(`${living ? '\r\u001b[2K' : ''}${line}${stays ? '\n' : ''}`)
    living = !stays
  }
  return {
    terminal,
    json,
    quiet,
    colour: color && !json && process.stdout.isTTY === true && (process.env.NO_COLOR ?? '') === '',
    print: (line) => {
      if (!json) process.stdout.write(`${line}\n`)
    },
    document: (value) => {
      if (json) process.stdout.write(`${JSON.stringify(value, null, 2)}\n`)
    },
    say: (line) => write(line, true),
    live: (line) => write(terminal ? line.slice(0, (process.stderr.columns || 80) - 1) : line, !terminal),
  }
}

const paint = (code: number) => (text: string, on: boolean) => (on ? `\u001b[${code}m${text}\u001b[0m` : text)
export const red = paint(31)
export const green = paint(32)
export const yellow = paint(33)
export const bold = paint(1)

/** A finding as two lines: what and cure. */
export function describeFinding({ code, severity, file, line, message, fix }: Finding, colour: boolean): string {
  const place = file === undefined ? '' : `${file}${line === undefined ? '' : `:${line}`}: `
  const tone = severity === 'error' ? red : yellow
  return `${place}${tone(severity, colour)} ${code}: ${message}\n  fix: ${fix}`
}

/** Rows as columns that line up. */
export function table(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, i) => Math.max(...rows.map((row) => (row[i] ?? '').length)))
  return rows.map((row) =>
    row
      .map((cell, i) => cell.padEnd(widths[i] ?? 0))
      .join('  ')
      .trimEnd(),
  )
}
