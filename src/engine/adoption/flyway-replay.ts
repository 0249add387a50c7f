import { highestVersion, parseVersion } from '../../migration/version.ts'
import { RunFailure } from '../../postgres/failure.ts'
import { type Reading, shown, type ToolRow, type ToolTable, textOf } from './tool.ts'

/** A row of Flyway's table. */
export interface FlywayRow {
  /** Null for a repeatable migration. */
  readonly version: string | null
  readonly description: string
  readonly type: string
  readonly script: string
  readonly checksum: number | null
  readonly installed_by: string
  readonly at: string
  readonly execution_time: number
  readonly success: boolean
}

/**
 * What the rows come to, in the order of their ranks: DELETE and UNDO rows cancel what stands before them, a baseline
 * stands for everything below it, and of a repeatable migration the last row counts. A row of a failed step blocks Flyway
 * itself, until `flyway repair` takes it away.
 */
export function replay(table: ToolTable, rows: readonly FlywayRow[]): Reading {
  const live = new Map<string, FlywayRow>()
  const failed = new Map<string, FlywayRow>()
  for (const row of rows) {
    if (row.type === 'SCHEMA') continue
    const key = row.version === null ? `R ${row.description}` : versionOf(table, row.version)
    if (!row.success) failed.set(key, row)
    else if (!isCancel(row)) live.set(key, row)
    else {
      live.delete(key)
      failed.delete(key)
    }
  }
  const [broken] = failed.values()
  if (broken !== undefined) throw half(table, broken)
  const versioned = [...live].filter(([, { version }]) => version !== null)
  const baseline = highestVersion(versioned.filter(([, row]) => isBaseline(row)).map(([version]) => version))
  return {
    applied: versioned.map(([version, row]) => toolRow(version, row)),
    repeatables: [...live.values()].filter(({ version }) => version === null).map((row) => toolRow('', row)),
    ...(baseline !== undefined && { allUpTo: baseline }),
  }
}

const isCancel = ({ type }: FlywayRow) => type === 'DELETE' || type.startsWith('UNDO_')
/** BASELINE is a mere mark; SQL_BASELINE and JDBC_BASELINE ran a script. */
const isBaseline = ({ type }: FlywayRow) => type.endsWith('BASELINE')

function versionOf(table: ToolTable, text: string): string {
  const version = parseVersion(text)
  if (version !== undefined) return version
  throw new RunFailure(
    'bad-config',
    `${shown(table)} has "${text}" in column version, which is no version`,
    'take the database over by hand: lockkeeper adopt --at VERSION',
  )
}

const toolRow = (version: string, row: FlywayRow): ToolRow => ({
  version,
  name: row.description,
  file: row.script,
  ...(isBaseline(row) && { baseline: true }),
  ...(row.checksum !== null && { checksum: row.checksum }),
  past: { appliedAt: row.at, appliedBy: row.installed_by, durationMs: row.execution_time },
})

function half(table: ToolTable, { version, description, script }: FlywayRow): RunFailure {
  const what = version === null ? `the repeatable migration ${description}` : `version ${version}`
  return new RunFailure(
    'in-doubt',
    `${shown(table)} says that ${what} (${textOf(script)}) failed in Flyway, so what it left is not known`,
    'look at what it left and take that back by hand; then run `flyway repair`, and adopt again',
    version === null ? {} : { version },
  )
}
