import type { Finding } from '../finding.ts'
import { type Complaint, commentOf, hasMarker, type Line, linesOf, saysNothing, shown, unclear } from '../lines.ts'
import type { Format, Migration, SourceFile, TransactionMode } from '../migration.ts'
import { nextNumber, numberOf, titleOf } from '../scaffold.ts'
import { readSections, type Sections, sectionOf } from './sections.ts'

/** `20240131120000_name.sql`; the number may be followed by anything (dbmate 2.35, pkg/dbmate/db.go). */
const fileName = /^(\d+)[_\-. ]*([^/]*)\.sql$/

export const dbmate: Format = {
  name: 'dbmate',
  example: '20240131120000_add_email.sql, with the lines -- migrate:up and -- migrate:down',
  historyTable: 'schema_migrations',
  recognises: (file) => fileName.test(file.name) && hasMarker(file, /migrate/i, markerOf),
  owns: (name) => fileName.test(name),
  versionOf: numberOf,
  read(files) {
    const { migrations, findings } = readSections(files, { tool: 'dbmate', fileName, sectionsOf })
    return { migrations, findings: [...findings, ...ordersThatDiffer(migrations)] }
  },
  missingDown: ({ up }) => `add a section \`-- migrate:down\` to ${up.file}`,
  scaffold: (highest, name) => [
    { name: `${nextNumber(highest)}_${titleOf(name)}.sql`, content: '-- migrate:up\n\n\n-- migrate:down\n\n' },
  ],
}

interface Marker {
  readonly side: 'up' | 'down'
  readonly options: string
  /** dbmate itself reads it. */
  readonly exact: boolean
}

/** Go's `\s` is ASCII, and its `^` knows no CR: behind one, or with a no-break space, dbmate sees no marker. */
const exact = /^--[ \t\f]*migrate:(up|down)(?:[ \t\f]+(\S.*)?)?$/
const near = /^migrate\s*:\s*(up|down)\b/i

function markerOf(line: Line): Marker | undefined {
  const found = line.behindCr ? null : exact.exec(line.text)
  const meant = found ?? near.exec(commentOf(line.text)?.said ?? '')
  if (meant === null) return undefined
  const side = meant[1]?.toLowerCase() === 'up' ? 'up' : 'down'
  return { side, options: meant[2]?.trim() ?? '', exact: found !== null }
}

function sectionsOf(file: SourceFile): Sections {
  const findings: Finding[] = []
  const at: { up?: Line; down?: Line } = {}
  const transaction: { up: TransactionMode; down: TransactionMode } = { up: 'required', down: 'required' }
  let early: Line | undefined
  for (const line of linesOf(file.text)) {
    const marker = markerOf(line)
    if (marker === undefined) {
      if (at.up === undefined && at.down === undefined && !saysNothing(line)) early ??= line
      continue
    }
    const { side, options } = marker
    const complaint = complaintAbout(line, marker, at[side])
    if (complaint !== undefined) findings.push(unclear(file, line, complaint))
    if (at[side] === undefined && options === 'transaction:false') transaction[side] = 'none'
    at[side] ??= line
  }
  const { up, down } = at
  if (up === undefined) findings.push(unclear(file, undefined, noUp))
  else if (early !== undefined) findings.push(unclear(file, early, tooEarly))
  if (up === undefined) return { transaction, findings }
  if (down !== undefined && down.start < up.start) {
    return { transaction, findings: [...findings, unclear(file, down, wrongOrder)] }
  }
  return {
    up: sectionOf(file, undefined, down),
    ...(down && { down: sectionOf(file, down, undefined) }),
    transaction,
    findings,
  }
}

const noUp: Complaint = ['has no line `-- migrate:up`', 'write it above the up script']
const tooEarly: Complaint = [
  'stands in front of `-- migrate:up`, where dbmate allows only lines of comment that begin with --',
  'move it below the marker',
]
const wrongOrder: Complaint = [
  'has `-- migrate:down` in front of `-- migrate:up`',
  'put the up section first, as dbmate wants it',
]

function complaintAbout(line: Line, { side, options, exact }: Marker, first: Line | undefined): Complaint | undefined {
  if (!exact) {
    return [
      `has ${shown(line)}, which dbmate does not read as a marker`,
      `write \`-- migrate:${side}\`, at the left edge`,
    ]
  }
  if (first !== undefined) {
    const what = `has a second \`-- migrate:${side}\` (first: line ${first.number}); dbmate fails on such a file and still records it`
    return [what, 'move the section to a migration of its own']
  }
  if (!/^(?:transaction:(?:true|false))?$/.test(options)) {
    return [
      `has ${shown({ text: options, behindCr: false })} behind its marker, which dbmate passes over`,
      'remove it, or write transaction:false',
    ]
  }
  return undefined
}

/** dbmate runs files in the order of their names, Lockkeeper in that of their numbers: `9_` and `10_` tell them apart. */
function ordersThatDiffer(migrations: readonly Migration[]): Finding[] {
  return migrations.flatMap(({ version, up: { file } }, i): Finding[] => {
    const before = migrations[i - 1]?.up.file
    if (before === undefined || before < file) return []
    const [short, long] = digitsOf(before).length < digitsOf(file).length ? [before, file] : [file, before]
    const padded = digitsOf(short).padStart(digitsOf(long).length, '0') + short.slice(digitsOf(short).length)
    const message = `${before} comes before ${file} by its number and after it by its name, which is what dbmate goes by`
    return [{ code: 'version-invalid', severity: 'error', version, file, message, fix: `rename ${short} to ${padded}` }]
  })
}

const digitsOf = (file: string) => /^\d+/.exec(file)?.[0] ?? ''
