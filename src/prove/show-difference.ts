import { type Difference, isFault } from './differences.ts'
import { hintFor } from './hint.ts'
import type { Facet, SchemaObject } from './schema.ts'

/** One difference as it is printed and as JSON holds it. */
export interface ShownDifference {
  readonly object: string
  readonly what: Difference['what']
  readonly facet?: string
  readonly before?: Facet
  readonly after?: Facet
  readonly note: boolean
  /** SQL that the down script lacks, where that is clear. */
  readonly hint?: string
}

export const shown = (difference: Difference, others: readonly Difference[]): ShownDifference => {
  const { what, object } = difference
  const hint = hintFor(difference, others)
  const sides =
    what === 'changed'
      ? { facet: difference.facet, before: difference.before, after: difference.after }
      : { [what === 'gone' ? 'before' : 'after']: object.facets }
  return {
    object: nameOf(object),
    what,
    ...defined(sides),
    note: !isFault(difference),
    ...(hint !== undefined && { hint }),
  }
}

const nameOf = ({ kind, name }: SchemaObject) => `${kind} ${name}`

const defined = (sides: Readonly<Record<string, unknown>>) =>
  Object.fromEntries(Object.entries(sides).filter(([, value]) => value !== undefined))

/** In a few words. */
export function sentenceOf({ object, what, facet, note }: ShownDifference): string {
  if (what === 'left') return `${object} is left`
  if (what === 'gone') return `${object} is gone`
  const inOrder = note && facet?.endsWith(' order') === true
  return inOrder ? `${object} has its columns in another order` : `${facet} of ${object} differs`
}

const MOST_LINES = 12

/** Lines of a diff: what, before, after, and the hint. */
export function diffLines(difference: ShownDifference): string[] {
  const { before, after, hint, note } = difference
  return [
    `${note ? 'note: ' : ''}${sentenceOf(difference)}`,
    ...block('-', before),
    ...block('+', after),
    ...(hint === undefined ? [] : [`  the down script lacks: ${oneLine(hint)}`]),
  ]
}

export const oneLine = (sql: string): string => {
  const line = sql.replace(/\s+/g, ' ')
  return `${line.length > 200 ? `${line.slice(0, 200)}…` : line}${line.endsWith(';') ? '' : ';'}`
}

function block(sign: '-' | '+', value: Facet | undefined): string[] {
  const text = value === undefined ? ['(nothing)'] : linesOf(value)
  const more = text.length > MOST_LINES ? [`… ${text.length - MOST_LINES} more lines`] : []
  return [...text.slice(0, MOST_LINES), ...more].map((line) => `  ${sign} ${line}`)
}

function linesOf(value: Facet): string[] {
  if (Array.isArray(value)) return value.length === 0 ? ['(none)'] : value.map((each) => linesOf(each).join(' '))
  if (typeof value !== 'object') return String(value).trimEnd().split('\n')
  return Object.entries(value).flatMap(([name, each]) => {
    const [first = '', ...rest] = linesOf(each)
    return [`${name}: ${first}`, ...rest.map((line) => `  ${line}`)]
  })
}
