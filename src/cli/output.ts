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
}

export interface OutputOptions {
  readonly output?: string
  readonly quiet?: boolean
  readonly color?: boolean
}

/** Colour only on a terminal, and not where NO_COLOR (no-color.org) or --no-color says so. */
export function createOutput({ output = 'text', quiet = false, color = true }: OutputOptions): Output {
  const json = output === 'json'
  return {
    json,
    quiet,
    colour: color && !json && process.stdout.isTTY === true && (process.env.NO_COLOR ?? '') === '',
    print: (line) => {
      if (!json) process.stdout.write(`${line}\n`)
    },
    document: (value) => {
      if (json) process.stdout.write(`${JSON.stringify(value, null, 2)}\n`)
    },
    say: (line) => {
      if (!quiet) process.stderr.write(`${line}\n`)
    },
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
