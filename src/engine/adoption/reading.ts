import type { Past } from '../../history/write.ts'
import { blockingFinding } from '../../migration/blocking.ts'
import { checksumOf } from '../../migration/checksum.ts'
import { flywayChecksum } from '../../migration/formats/flyway/checksum.ts'
import type { Migration, MigrationSet } from '../../migration/migration.ts'
import { repeatableKey } from '../../migration/repeatable.ts'
import { compareVersions } from '../../migration/version.ts'
import { failureOfFinding, RunFailure, stateOf } from '../../postgres/failure.ts'
import type { Session } from '../../postgres/session.ts'
import { rawText } from './raw-text.ts'
import { type Adoption, nameOf, type Reading, shown, type ToolRow } from './tool.ts'

/** A migration that counts as applied from now on, and what the tool knows of that. */
export interface Imported {
  readonly migration: Migration
  readonly past: Past
}

export interface ImportPlan {
  /** Version order, repeatable ones (under their keys) last. */
  readonly rows: readonly Imported[]
  readonly warnings: readonly string[]
}

/** Reads the tool's table and pairs it with the files. Throws what keeps the database from being taken over. */
export async function planImport(
  session: Session,
  adoption: Adoption,
  mounted: MigrationSet | undefined,
): Promise<ImportPlan> {
  const { tool } = adoption
  const reading = await readTable(session, adoption)
  const set = filesOf(adoption, mounted, reading)
  const warnings: string[] = []
  const versioned = set.migrations.filter(({ kind }) => kind === 'versioned')
  const rows = reading.applied.map((row): Imported => {
    const isOf = ({ version }: Migration) => version === row.version
    const [file, base] = [versioned.find(isOf), set.baselines?.find(isOf)]
    if (file === undefined && tool.namesOnlyTheLast) throw notInFiles(adoption, row.version)
    if (!row.baseline && file === undefined) warnings.push(unknownScripts(adoption, row))
    const ran = row.baseline ? base : file
    if (ran !== undefined) warnings.push(...compare(adoption, row, ran))
    return { migration: file ?? ran ?? placeholder(row), past: row.past }
  })
  const { allUpTo } = reading
  for (const migration of versioned) {
    const covered = allUpTo !== undefined && compareVersions(migration.version, allUpTo) <= 0
    const named = reading.applied.some(({ version }) => version === migration.version)
    if (covered && !named) rows.push({ migration, past: {} })
  }
  rows.sort((a, b) => compareVersions(a.migration.version, b.migration.version))
  return { rows: [...rows, ...unchangedRepeatables(reading, set)], warnings }
}

export async function readTable(session: Session, { tool, table }: Adoption): Promise<Reading> {
  try {
    return await inTimeZoneOfRole(session, () => tool.read(session, table))
  } catch (error) {
    if (stateOf(error) !== '42501') throw error
    const message = `the table ${shown(table)} of ${tool.title} cannot be read: ${error instanceof Error ? error.message : error}`
    throw new RunFailure('no-rights', message, `GRANT SELECT ON ${nameOf(table)} to the migration role`)
  }
}

/** The tool wrote moments without a time zone in that of its session, which is the role's own. */
async function inTimeZoneOfRole<T>(session: Session, read: () => Promise<T>): Promise<T> {
  await session.execute('BEGIN; RESET timezone')
  try {
    return await read()
  } finally {
    await session.execute('ROLLBACK')
  }
}

/** The files that say what each version is. Without them, or with those of another format, nothing can be taken over. */
function filesOf(adoption: Adoption, mounted: MigrationSet | undefined, reading: Reading): MigrationSet {
  const { tool, table } = adoption
  if (mounted === undefined) {
    throw new RunFailure(
      'bad-config',
      `${shown(table)} says which versions are applied, but there are no files to take their scripts from`,
      `give the migrations of ${tool.title}, with those that are applied`,
    )
  }
  const named = new Set(reading.applied.map(({ version }) => version))
  const covered = (version: string) => reading.allUpTo !== undefined && compareVersions(version, reading.allUpTo) <= 0
  const read = new Set(mounted.migrations.map(({ version }) => version))
  const unchanged = new Map(
    unchangedRepeatables(reading, mounted).map(({ migration: { name, up } }) => [name, up.checksum]),
  )
  const blocking = blockingFinding(
    mounted,
    (version) => named.has(version) || (covered(version) && read.has(version)),
    (version) => named.has(version) || covered(version),
    (name) => unchanged.get(name),
  )
  if (blocking !== undefined) throw failureOfFinding(blocking)
  if (mounted.format === tool.name) return mounted
  throw new RunFailure(
    'bad-config',
    `the table ${shown(table)} is of ${tool.title}, but the files are written for ${mounted.format}`,
    `give the files that ${tool.title} ran (--format ${tool.name} where they are not recognised), or say which version the database has: lockkeeper adopt --at VERSION`,
  )
}

const notInFiles = ({ tool, table }: Adoption, version: string) =>
  new RunFailure(
    'bad-config',
    `${shown(table)} says that the schema is at version ${version}, which the files do not have, so what is applied is not known`,
    `give the files of the release that ${tool.title} ran last, with ${version} among them`,
    { version },
  )

const unknownScripts = ({ tool }: Adoption, { version, name }: ToolRow) =>
  `${tool.title} applied version ${version}${name === '' ? '' : ` (${name})`}, which the files do not have: it counts as applied, without scripts, and cannot be reverted; once its files are there: lockkeeper up --accept-changed ${version}`

/** A version whose scripts nobody has: an empty one stands for it, so that it never runs again. */
const placeholder = ({ version, name, file }: ToolRow): Migration => ({
  kind: 'versioned',
  version,
  name,
  up: { file, line: 1, text: '', checksum: checksumOf('') },
  transaction: { up: 'required', down: 'required' },
})

/** Throws where the file is not the script that ran; a warning where that cannot be told. */
function compare({ tool }: Adoption, { version, checksum }: ToolRow, { up, elsewhere }: Migration): string[] {
  if (checksum === undefined || elsewhere === true) return []
  const text = rawText(up)
  if (text === undefined) {
    return [`${up.file} has placeholders, so it is not compared with what ${tool.title} ran as version ${version}`]
  }
  if (flywayChecksum(text) === checksum) return []
  throw new RunFailure(
    'migration-changed',
    `${up.file} is not the script that ${tool.title} ran as version ${version}: its checksum is ${flywayChecksum(text)}, not ${checksum}`,
    `put the old text back; or, if the change does not matter, run \`flyway repair\` with these files, and adopt again`,
    { version, file: up.file },
  )
}

/** Repeatable migrations that ran with the text that they have now; the others run again with the next run. */
function unchangedRepeatables({ repeatables }: Reading, { migrations }: MigrationSet): Imported[] {
  return migrations.flatMap((migration): Imported[] => {
    if (migration.kind !== 'repeatable') return []
    const row = repeatables.find(({ name }) => name === migration.name)
    if (row === undefined || row.checksum !== flywayChecksum(migration.up.text)) return []
    return [{ migration: { ...migration, version: repeatableKey(migration.name) }, past: row.past }]
  })
}
