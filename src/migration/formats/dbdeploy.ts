import type { Finding } from '../finding.ts'
import { commentOf, hasMarker, type Line, linesOf, shown, unclear } from '../lines.ts'
import type { Format, SourceFile } from '../migration.ts'
import { nextNumber, numberOf, titleOf } from '../scaffold.ts'
import { MAX_INT64, readSections, type Sections, sectionOf } from './sections.ts'

/** `3 add email.sql`: any file whose name begins with a number, whatever it ends in (DBDeploy, FilenameParser). */
const fileName = /^(\d+)[_\-. ]*([^/]*?)(?:\.[^./ ]*)?$/
/** A name that no other format suggests. */
const spacedName = /^\d+ [^/]*\.sql$/

export const dbdeploy: Format = {
  name: 'dbdeploy',
  example: '3 add email.sql (3_add_email.sql in a ConfigMap), with a line --//@UNDO',
  historyTable: 'changelog',
  recognises: (file) => spacedName.test(file.name) || (fileName.test(file.name) && hasMarker(file, /undo/i, markerOf)),
  owns: (name) => fileName.test(name),
  versionOf: numberOf,
  read: (files) => readSections(files, { tool: 'DBDeploy', fileName, most: MAX_INT64, sectionsOf }),
  missingDown: ({ up }) => `add a line \`--//@UNDO\` and what undoes it to ${up.file}`,
  scaffold: (highest, name) => [{ name: `${nextNumber(highest)}_${titleOf(name)}.sql`, content: '\n\n--//@UNDO\n\n' }],
}

/** Java's `trim` takes off more than spaces and tabs; other control characters beside a marker are refused. */
const exact = /^[ \t\f\v]*--\/\/@UNDO[ \t\f\v]*$/

/** Not exact: a person reads a marker, DBDeploy a comment. */
function markerOf({ text }: Line): { exact: boolean } | undefined {
  if (exact.test(text)) return { exact: true }
  const { signs, said } = commentOf(text) ?? { signs: '', said: '' }
  return /^@\s*undo\b/i.test(said) || (signs.includes('//') && /^undo\b/i.test(said)) ? { exact: false } : undefined
}

/** Everything in front of the marker is the up script, everything behind it the down script (ChangeScript). */
function sectionsOf(file: SourceFile): Sections {
  const findings: Finding[] = []
  let undo: Line | undefined
  for (const line of linesOf(file.text)) {
    const marker = markerOf(line)
    if (marker === undefined) continue
    if (!marker.exact) {
      const what = `has ${shown(line)}, a mere comment to DBDeploy: it would run the undo as part of the change`
      findings.push(unclear(file, line, [what, 'write `--//@UNDO`, with nothing else on the line']))
    } else if (undo !== undefined) {
      const what = `has a second \`--//@UNDO\` (first: line ${undo.number}), which DBDeploy drops`
      findings.push(unclear(file, line, [what, 'keep one of them']))
    }
    undo ??= line
  }
  return {
    up: sectionOf(file, undefined, undo),
    ...(undo && { down: sectionOf(file, undo, undefined) }),
    transaction: { up: 'required', down: 'required' },
    findings,
  }
}
