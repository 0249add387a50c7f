import type { Finding } from './finding.ts'
import type { SourceFile } from './migration.ts'

/** A line of a file, as far as a marker depends on it. */
export interface Line {
  /** Without its end. */
  readonly text: string
  /** Offset in the file. */
  readonly start: number
  /** 1-based; only LF counts, as in `lineOf`. */
  readonly number: number
  /** It begins behind a CR without LF: a line to PostgreSQL and Java, but not to Go. */
  readonly behindCr: boolean
}

/** The lines of a text, one at a time: it may be many megabytes. */
export function* linesOf(text: string): Generator<Line> {
  const end = /\r\n|\n|\r/g
  let start = 0
  let number = 1
  let behindCr = false
  for (let found = end.exec(text); found !== null; found = end.exec(text)) {
    yield { text: text.slice(start, found.index), start, number, behindCr }
    start = end.lastIndex
    behindCr = found[0] === '\r'
    if (!behindCr) number++
  }
  yield { text: text.slice(start), start, number, behindCr }
}

/** The signs that open a line's first comment, and what stands behind them; undefined where none opens. */
export function commentOf(text: string): { signs: string; said: string } | undefined {
  const at = text.search(/--|\/\*/)
  if (at < 0) return undefined
  const comment = text.slice(at)
  const [signs = ''] = /^[-*/\s]+/.exec(comment) ?? []
  const said = comment.slice(signs.length).trimEnd()
  return { signs, said: said.endsWith('*/') ? said.slice(0, -2).trimEnd() : said }
}

/** Blank, or a comment of one line: all that may stand in front of the first marker. */
export const saysNothing = ({ text }: Line): boolean => /^\s*(?:--|$)/.test(text)

/** A name that golang-migrate takes too. */
const isPairName = (name: string) => /^\d+_.*\.(?:up|down)\.[^/]*$/.test(name)

/**
 * Whether a file has a marker of its format. Near misses count, but not in a file that is named for golang-migrate: there
 * only a marker that the tool itself reads makes two formats of it. `sign` is what every marker holds, near misses too:
 * most files of a folder do not have it, and need no look at their lines.
 */
export function hasMarker(
  { name, text }: SourceFile,
  sign: RegExp,
  markerOf: (line: Line) => { readonly exact: boolean } | undefined,
): boolean {
  if (!sign.test(text)) return false
  const pair = isPairName(name)
  for (const line of linesOf(text)) {
    const marker = markerOf(line)
    if (marker !== undefined && (marker.exact || !pair)) return true
  }
  return false
}

/** What is wrong with a marker, and the cure. */
export type Complaint = readonly [what: string, fix: string]

/** A marker that could be read in two ways, or, without a line, the lack of one. */
export const unclear = ({ name }: SourceFile, line: Line | undefined, [what, fix]: Complaint): Finding => ({
  code: 'marker-unclear',
  severity: 'error',
  file: name,
  line: line?.number ?? 1,
  message: `${name} ${line === undefined ? '' : `line ${line.number} `}${what}`,
  fix,
})

/** Text of a file as a message shows it: what the eye would miss is written out. */
export function shown({ text, behindCr }: Pick<Line, 'text' | 'behindCr'>): string {
  const visible = text.replace(/(?! )[\p{C}\p{Z}]/gu, (char) => `\\u{${char.codePointAt(0)?.toString(16)}}`)
  const whole = (behindCr ? '\\r' : '') + visible
  return `\`${whole.length > 60 ? `${whole.slice(0, 59)}…` : whole}\``
}
