import { type Complaint, commentOf, type Line, shown } from '../lines.ts'

/** Every annotation there is (internal/sqlparser/parser.go), upper case, and as people write it. */
const words = new Map(
  ['Up', 'Down', 'StatementBegin', 'StatementEnd', 'NO TRANSACTION', 'ENVSUB ON', 'ENVSUB OFF'].map((word) => [
    word.toUpperCase(),
    word,
  ]),
)

/** A line for goose, not for the server. */
export interface Annotation {
  /** As people write it; undefined where none is meant that there is. */
  readonly word: string | undefined
  /** goose itself reads it. */
  readonly exact: boolean
}

/** What a line tells goose, or was meant to. It takes every line of comment with `+goose` for an annotation. */
export function annotationOf(line: Line): Annotation | undefined {
  const found = line.behindCr ? null : /^--[ \t]*\+goose[ \t]*(.*)$/.exec(line.text)
  const word = words.get(found?.[1]?.trim().toUpperCase() ?? '')
  if (word !== undefined) return { word, exact: true }
  const said = commentOf(line.text)?.said ?? ''
  const meant = words.get(said.replace(/^\+?\s*goose[\s:]*/i, '').toUpperCase())
  const mentions = /\+\s*goose/i.test(said) || (meant !== undefined && /^goose/i.test(said))
  return mentions ? { word: meant, exact: false } : undefined
}

/** For telling whose file it is: prose about goose makes none of a file. */
export const knownAnnotation = (line: Line) => {
  const annotation = annotationOf(line)
  return annotation?.word === undefined ? undefined : annotation
}

/** What was met so far, in the order of the lines. */
export interface Seen {
  up?: Line
  down?: Line
  begin?: Line
  noTransaction: boolean
  readonly blocks: { readonly begin: Line; readonly end: Line }[]
}

/** Takes an annotation in, and says what is wrong with it where it stands. */
export function take(seen: Seen, { word, exact }: Annotation, line: Line): Complaint | undefined {
  const { up, down, begin } = seen
  switch (word) {
    case 'Up':
      if (up !== undefined) return second(word, up)
      seen.up = line
      break
    case 'Down':
      if (down !== undefined) return second(word, down)
      seen.down = line
      if (up === undefined) return ['has `-- +goose Down` in front of `-- +goose Up`', 'put the up section first']
      delete seen.begin
      if (begin !== undefined) return [`begins the down section inside the block of line ${begin.number}`, endIt]
      break
    case 'StatementBegin':
      if (begin !== undefined) return second(word, begin)
      seen.begin = line
      if (up === undefined) return ['has `-- +goose StatementBegin` outside a section', 'move it below `-- +goose Up`']
      break
    case 'StatementEnd':
      if (begin === undefined) return ['has `-- +goose StatementEnd` and no StatementBegin before it', 'remove it']
      seen.blocks.push({ begin, end: line })
      delete seen.begin
      break
    case 'NO TRANSACTION':
      seen.noTransaction = true
      break
    case 'ENVSUB ON':
      return environment
  }
  return exact ? undefined : misread(line, word)
}

/** The cure of a block without an end. */
export const endIt = 'write `-- +goose StatementEnd` where it ends'
const environment: Complaint = [
  'takes values from the environment, so what runs would not be what was admitted',
  'write the values, and remove the line',
]
const second = (word: string, first: Line): Complaint => [
  `has a second \`-- +goose ${word}\` (first: line ${first.number})`,
  'remove one of them',
]
const misread = (line: Line, word: string | undefined): Complaint => [
  `has ${shown(line)}, which is no annotation to goose`,
  word === undefined
    ? `write one of ${[...words.values()].join(', ')} behind +goose, or word the comment without +goose`
    : `write \`-- +goose ${word}\`, at the left edge`,
]
