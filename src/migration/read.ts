import { DEFAULTS, type FormatName, INTENT } from '../contract.ts'
import { LIMITS } from '../limits.ts'
import { programFindings, sortFiles, strayFinding } from './beside.ts'
import type { Finding } from './finding.ts'
import { formats } from './formats/formats.ts'
import { inspectAll } from './inspect-all.ts'
import type { Format, Migration, MigrationSet, ParsedFiles, RawFile, SourceFile } from './migration.ts'
import { decodeSource } from './source.ts'
import { tooMany } from './too-many.ts'
import { compareVersions } from './version.ts'

export interface ReadOptions {
  readonly format?: FormatName | undefined
  readonly historySchema?: string | undefined
  readonly placeholders?: Readonly<Record<string, string>>
}

/** Files to migrations in version order. What is wrong with them are findings; nothing throws. */
export function readMigrations(files: readonly RawFile[], options: ReadOptions = {}): MigrationSet {
  const below = files.some(({ name }) => name.includes('/'))
  const deep = below && formats.some((format) => looksBelow(format, files, options.format))
  const visible = files.filter(({ name }) => !name.split('/').some((part) => part.startsWith('.')))
  const wanted = deep ? visible : visible.filter(({ name }) => !name.includes('/'))
  const size = wanted.reduce((sum, { content }) => sum + content.length, 0)
  if (size > LIMITS.sourceBytes.value) return nothing(options, tooLarge(size))
  if (wanted.length > LIMITS.files.value) return nothing(options, tooMany('files', wanted.length))
  const decoded = wanted.map(decodeSource)
  const sources = decoded.map(({ source }) => source)
  const unread = decoded.flatMap(({ finding }) => finding ?? [])
  const format = recognise(sources, options.format)
  if (format === undefined) return nothing(options, ...(unread.length > 0 ? unread : [unrecognised(wanted)]))
  if ('code' in format) return nothing(options, format)

  const { own, programs, strays, passedOver } = sortFiles(sources, format)
  const around = { format, historySchema: options.historySchema ?? DEFAULTS.historySchema }
  const raw = format.read(own, { placeholders: options.placeholders ?? {} })
  const excess = excessOf(raw)
  if (excess !== undefined) return nothing({ format: format.name }, excess)
  const read = inspectAll(raw, around)
  const ignored = new Set(passedOver)
  const needed = unread.filter(({ file }) => !ignored.has(file ?? ''))
  const parsed = needed.length === 0 ? read : withUnread(read, needed)
  const findings = [
    ...strays.map((name) => strayFinding(name, format)),
    ...programFindings(programs, parsed.migrations, format),
    ...parsed.findings,
  ].sort(byPlace)
  const left = [...passedOver, ...(deep ? [] : visible.flatMap(({ name }) => (name.includes('/') ? name : [])))]
  return { format: format.name, ...parsed, findings, ...(left.length > 0 && { passedOver: left }) }
}

/**
 * Files whose text is not known. They belong to a version all the same, which may have been applied long ago; but a down
 * script of which a character was replaced must never run.
 */
function withUnread(parsed: ParsedFiles, unread: readonly Finding[]): ParsedFiles {
  const files = new Set(unread.map(({ file }) => file))
  const versions = new Map<string, string>()
  const migrations = parsed.migrations.map((migration): Migration => {
    const { up, down, version, kind, ...rest } = migration
    for (const script of [up, down]) if (script && kind === 'versioned') versions.set(script.file, version)
    return { ...rest, kind, version, up, ...(down !== undefined && !files.has(down.file) && { down }) }
  })
  const placed = unread.map((finding): Finding => {
    const version = versions.get(finding.file ?? '')
    return version === undefined ? finding : { ...finding, version }
  })
  return { ...parsed, migrations, findings: [...placed, ...parsed.findings] }
}

/** More versions, or more beside them, than a set may have. */
function excessOf({ migrations, callbacks = [], baselines = [] }: ParsedFiles): Finding | undefined {
  const versions = migrations.filter(({ kind }) => kind === 'versioned').length
  const others = migrations.length - versions + callbacks.length + baselines.length
  if (versions > LIMITS.versions.value) return tooMany('versions', versions)
  return others > LIMITS.unversioned.value ? tooMany('unversioned', others) : undefined
}

/** Whether subfolders count: they do for a format that looks there and whose names there are, or that is asked for. */
const looksBelow = (
  { recurses, name, recognises }: Format,
  files: readonly RawFile[],
  wanted: FormatName | undefined,
) =>
  recurses === true &&
  (wanted === undefined ? files.some((file) => recognises({ name: file.name, text: '' })) : wanted === name)

/** The one format that the files say they are of; a finding when they say two. */
function recognise(files: readonly SourceFile[], wanted: FormatName | undefined): Format | Finding | undefined {
  if (wanted !== undefined) {
    return formats.find(({ name, owns }) => name === wanted && files.some((file) => owns(file.name)))
  }
  const said = formats.flatMap((format) => {
    const file = files.find((each) => format.recognises(each))
    return file === undefined ? [] : [{ format, file }]
  })
  const [one, other] = said
  return one === undefined || other === undefined ? one?.format : mixed(one, other)
}

interface Said {
  readonly format: Format
  readonly file: SourceFile
}
const mixed = (one: Said, other: Said): Finding => ({
  code: 'source-unreadable',
  severity: 'error',
  file: other.file.name,
  message: `${one.file.name} is written for ${one.format.name} and ${other.file.name} for ${other.format.name}`,
  fix: `keep the files of one format, or say which it is (--format, annotation ${INTENT.format})`,
})

const nothing = ({ format }: ReadOptions, ...findings: Finding[]): MigrationSet => ({
  format: format ?? 'golang-migrate',
  migrations: [],
  findings,
})

const byPlace = (a: Finding, b: Finding) =>
  compareVersions(a.version ?? '0', b.version ?? '0') ||
  (a.file ?? '').localeCompare(b.file ?? '') ||
  (a.line ?? 0) - (b.line ?? 0)

const unrecognised = (files: readonly RawFile[]): Finding => ({
  code: 'source-unreadable',
  severity: 'error',
  message:
    files.length === 0
      ? 'there is no migration file'
      : `none of ${files.length} files is named as a migration (first: ${files[0]?.name})`,
  fix: 'name the files like 000001_create_orders.up.sql and 000001_create_orders.down.sql',
})

const tooLarge = (size: number): Finding => ({
  code: 'source-too-large',
  severity: 'error',
  message: `the files hold ${Math.ceil(size / 1024 / 1024)} MiB, more than 20 MiB in all`,
  fix: 'load bulk data outside the migrations',
})
