import type { Finding } from '../finding.ts'
import { lex, OpenText } from '../lexer.ts'
import { type Complaint, hasMarker, type Line, linesOf, saysNothing, unclear } from '../lines.ts'
import type { Format, SourceFile } from '../migration.ts'
import { nextNumber, numberOf, titleOf } from '../scaffold.ts'
import { annotationOf, endIt, knownAnnotation, type Seen, take } from './goose-annotations.ts'
import { MAX_INT64, readSections, type Sections, sectionOf } from './sections.ts'

/** `00001_name.sql` (goose 3.27, migration.go). Its migrations in Go are named in the same way. */
const fileName = /^(\d+)_([^/]*)\.sql$/

export const goose: Format = {
  name: 'goose',
  example: '00003_add_email.sql, with the lines -- +goose Up and -- +goose Down',
  historyTable: 'goose_db_version',
  recognises: (file) => fileName.test(file.name) && hasMarker(file, /goose/i, knownAnnotation),
  owns: (name) => fileName.test(name),
  versionOf: numberOf,
  read: (files) => readSections(files, { tool: 'goose', fileName, least: '1', most: MAX_INT64, sectionsOf }),
  missingDown: ({ up }) => `add a section \`-- +goose Down\` to ${up.file}`,
  scaffold: (highest, name) => [
    { name: `${nextNumber(highest)}_${titleOf(name)}.sql`, content: '-- +goose Up\n\n\n-- +goose Down\n\n' },
  ],
}

function sectionsOf(file: SourceFile): Sections {
  const transaction = { up: 'required', down: 'required' } as const
  const findings: Finding[] = []
  const seen: Seen = { noTransaction: false, blocks: [] }
  let early: Line | undefined
  for (const line of linesOf(file.text)) {
    const annotation = annotationOf(line)
    if (annotation !== undefined) {
      const complaint = take(seen, annotation, line)
      if (complaint !== undefined) findings.push(unclear(file, line, complaint))
    } else if (seen.up === undefined && seen.down === undefined && !saysNothing(line)) early ??= line
  }
  const { up, down, begin, blocks, noTransaction } = seen
  if (begin !== undefined) findings.push(unclear(file, begin, neverEnded))
  if (up === undefined) return { transaction, findings: [...findings, unclear(file, undefined, noUp)] }
  if (down !== undefined && down.start < up.start) return { transaction, findings }
  if (early !== undefined) findings.push(unclear(file, early, tooEarly))
  for (const { begin, end } of blocks) {
    const rest = file.text.slice(end.start, down !== undefined && down.start > end.start ? down.start : undefined)
    if (runsOn(file.text.slice(begin.start, end.start), rest)) findings.push(unclear(file, end, noSemicolon))
  }
  return {
    up: sectionOf(file, undefined, down),
    ...(down && { down: sectionOf(file, down, undefined) }),
    transaction: noTransaction ? { up: 'none', down: 'none' } : transaction,
    findings,
  }
}

const neverEnded: Complaint = ['opens a block that no `-- +goose StatementEnd` ends', endIt]
const noUp: Complaint = ['has no line `-- +goose Up`', 'write it above the up script']
const tooEarly: Complaint = [
  'stands in front of `-- +goose Up`, where goose allows only lines of comment that begin with --',
  'move it below the annotation',
]
const noSemicolon: Complaint = [
  'ends a statement for goose, but not for PostgreSQL: it has no `;`, and another follows',
  'write `;` in front of `-- +goose StatementEnd`',
]

/** Whether the last statement of a block lacks its `;` and another follows. */
function runsOn(block: string, rest: string): boolean {
  try {
    let last = ';'
    for (const { kind, start, end } of lex(block)) if (kind !== 'comment') last = block.slice(start, end)
    if (last === ';') return false
    for (const { kind, start, end } of lex(rest)) if (kind !== 'comment') return rest.slice(start, end) !== ';'
  } catch (error) {
    // A quote that stays open is found where the whole script is inspected.
    if (!(error instanceof OpenText)) throw error
  }
  return false
}
