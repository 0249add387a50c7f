import { elapsed } from '../../history/write.ts'
import { flywayChecksum } from '../../migration/formats/flyway/checksum.ts'
import type { Migration } from '../../migration/migration.ts'
import { literal } from '../../postgres/sql.ts'
import { type FlywayRow, replay } from './flyway-replay.ts'
import { rawText } from './raw-text.ts'
import { type AdoptedTool, moment, nameOf, type ToolTable } from './tool.ts'

/** Flyway: a row for all that ever ran, in the order of `installed_rank`; later rows may cancel earlier ones. */
export const flyway: AdoptedTool = {
  name: 'flyway',
  title: 'Flyway',
  columns: [
    ...['installed_rank', 'version', 'description', 'type', 'script', 'checksum', 'installed_by', 'installed_on'],
    ...['execution_time', 'success'],
  ],
  // Until Flyway 5 it was the other one; where both are, the newer name counts.
  tableNames: ['flyway_schema_history', 'schema_version'],
  anyName: true,
  lockKeys: ({ schema, name }) => [MAGIC + BigInt(javaHash(`${quoted(schema)}.${quoted(name)}`))],
  async read(session, table) {
    const rows = await session.rows(`
      select version, description, type, script, checksum, installed_by, ${moment('installed_on')} as at, execution_time, success
      from ${nameOf(table)} order by installed_rank`)
    return replay(table, rows as unknown as FlywayRow[])
  },
  keep: { kind: 'row-per-version', rights: ['INSERT'], up, down },
}

/** `flyway` in ASCII, as its PostgreSQLAdvisoryLockTemplate adds it to the hash of the table's name. */
const MAGIC = 0x466c79776179n

/** `String.hashCode` of Java: over UTF-16 units, in 32 bits. */
function javaHash(text: string): number {
  let hash = 0
  for (let i = 0; i < text.length; i++) hash = (Math.imul(31, hash) + text.charCodeAt(i)) | 0
  return hash
}

const quoted = (name: string) => `"${name.replaceAll('"', '""')}"`

/** The row that Flyway itself would write; a row of a script whose text as the file has it is not known has no checksum. */
function up(table: ToolTable, migration: Migration): string {
  const { kind, name, up: script } = migration
  const text = kind === 'repeatable' ? script.text : rawText(script)
  const values = [
    kind === 'repeatable' ? 'NULL' : literal(versionText(script.file) ?? migration.version),
    literal(name.length > 200 ? `${name.slice(0, 197)}...` : name),
    kind === 'baseline' ? "'SQL_BASELINE'" : "'SQL'",
    literal(script.file),
    text === undefined ? 'NULL' : String(flywayChecksum(text)),
  ]
  return insert(table, `SELECT ${nextRank(table)}, ${values.join(', ')}, current_user, ${elapsed}, true`)
}

/** As `flyway repair` cancels a row: a copy of it, of type DELETE. What only a baseline stands for has none. */
function down(table: ToolTable, version: string): string {
  return insert(
    table,
    `SELECT ${nextRank(table)}, version, description, 'DELETE', script, checksum, current_user, ${elapsed}, true
  FROM ${nameOf(table)} WHERE ${canonical} = ${literal(version)} AND type <> 'DELETE' AND type NOT LIKE 'UNDO%' AND type NOT LIKE '%BASELINE'
  ORDER BY installed_rank DESC LIMIT 1`,
  )
}

const insert = (table: ToolTable, rows: string) =>
  `INSERT INTO ${nameOf(table)}
  (installed_rank, version, description, type, script, checksum, installed_by, execution_time, success)
  ${rows}`

const nextRank = (table: ToolTable) => `(SELECT coalesce(max(installed_rank), 0) + 1 FROM ${nameOf(table)})`

/** The column `version` in the form of `parseVersion`: no leading zeros, no trailing zero parts. */
const canonical = `regexp_replace(regexp_replace(version, '(^|[.])0+([0-9])', ${literal('\\1\\2')}, 'g'), '([.]0+)+$', '')`

/** The version as the file's name has it: Flyway writes its `_` as dots and keeps its zeros. */
const versionText = (file: string): string | undefined =>
  /^[VB](.+?)(?:__.*)?\.[^.]*$/.exec(file.slice(file.lastIndexOf('/') + 1))?.[1]?.replaceAll('_', '.')
