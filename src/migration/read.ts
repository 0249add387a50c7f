import { DEFAULTS, type FormatName } from '../contract.ts'
import type { Finding } from './finding.ts'
import { formats } from './formats.ts'
import { inspectMigration } from './inspect.ts'
import type { Format, MigrationSet, RawFile, SourceFile } from './migration.ts'
import { decodeSource, MAX_SOURCE_BYTES } from './source.ts'
import { compareVersions } from './version.ts'

export interface ReadOptions {
  readonly format?: FormatName
  readonly historySchema?: string
}

/** Files to migrations in version order. What is wrong with them are findings; nothing throws. */
export function readMigrations(files: readonly RawFile[], options: ReadOptions = {}): MigrationSet {
  const wanted = files.filter((file) => !file.name.startsWith('.'))
  const size = wanted.reduce((sum, { content }) => sum + content.length, 0)
  if (size > MAX_SOURCE_BYTES) return nothing(options, tooLarge(size))
  const decoded = wanted.map(decodeSource)
  const sources = decoded.filter((each): each is SourceFile => 'text' in each)
  const findings: Finding[] = decoded.filter((each): each is Finding => 'code' in each)
  const format = recognise(sources, options.format)
  if (format === undefined) return nothing(options, ...(findings.length > 0 ? findings : [unrecognised(wanted)]))

  const own = sources.filter((file) => format.recognises(file))
  for (const file of sources) if (!own.includes(file) && /\.sql$/i.test(file.name)) findings.push(stray(file, format))
  const parsed = format.read(own)
  const guarded = { schema: options.historySchema ?? DEFAULTS.historySchema, tables: ['schema_migrations'] }
  const inspected = parsed.migrations.map((migration) => inspectMigration(migration, guarded))
  return {
    format: format.name,
    migrations: inspected.map(({ migration }) => migration),
    findings: [...findings, ...parsed.findings, ...inspected.flatMap((each) => each.findings)].sort(byPlace),
  }
}

const recognise = (files: readonly SourceFile[], wanted: FormatName | undefined): Format | undefined =>
  formats.find((format) => (wanted ?? format.name) === format.name && files.some((file) => format.recognises(file)))

const nothing = ({ format }: ReadOptions, ...findings: Finding[]): MigrationSet => ({
  format: format ?? 'golang-migrate',
  migrations: [],
  findings,
})

const byPlace = (a: Finding, b: Finding) =>
  compareVersions(a.version ?? '0', b.version ?? '0') ||
  (a.file ?? '').localeCompare(b.file ?? '') ||
  (a.line ?? 0) - (b.line ?? 0)

const stray = (file: SourceFile, format: Format): Finding => ({
  code: 'version-invalid',
  severity: 'error',
  file: file.name,
  message: `${file.name} is not named as a migration of the format ${format.name}`,
  fix: `name it like 000042_add_email.up.sql or 000042_add_email.down.sql, or move it away`,
})

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
