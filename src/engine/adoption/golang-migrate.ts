import { crc32 } from 'node:zlib'
import { RunFailure } from '../../postgres/failure.ts'
import type { Session } from '../../postgres/session.ts'
import { type AdoptedTool, nameOf, shown, type ToolTable } from './tool.ts'

/**
 * golang-migrate: one row, the version that it moved to last; every file up to it is taken for applied. `dirty` is true
 * from the moment before a script runs until it is through (database/postgres, Run and SetVersion).
 */
export const golangMigrate: AdoptedTool = {
  name: 'golang-migrate',
  title: 'golang-migrate',
  columns: ['version', 'dirty'],
  tableNames: ['schema_migrations'],
  anyName: true,
  // Opened by a URL it takes the database's name from the path, with its slash; opened from Go code, without.
  lockKeys: (table, database) => [`/${database}`, database].map((each) => keyOf(table, each)),
  namesOnlyTheLast: true,
  async read(session, table) {
    const row = await look(session, table)
    if (row === undefined) return { applied: [], repeatables: [] }
    if (row.dirty) throw dirty(table, row.version)
    return {
      applied: [{ version: row.version, name: '', file: '', past: {} }],
      repeatables: [],
      allUpTo: row.version,
    }
  },
  keep: {
    kind: 'one-row',
    rights: ['INSERT', 'DELETE'],
    write: (table, mark, isDirty) => [
      `DELETE FROM ${nameOf(table)}`,
      // Below the first version it writes -1, but only while a script runs.
      ...(mark === undefined && !isDirty
        ? []
        : [`INSERT INTO ${nameOf(table)} (version, dirty) VALUES (${mark ?? '-1'}, ${isDirty})`]),
    ],
    look,
  },
}

/** `GenerateAdvisoryLockId` of its package database: CRC-32 of the names, times a salt, in 32 bits. */
const keyOf = ({ schema, name }: ToolTable, database: string): bigint =>
  BigInt(Math.imul(crc32(`${schema}\0${name}\0${database}`), 1_486_364_155) >>> 0)

async function look(session: Session, table: ToolTable): Promise<{ version: string; dirty: boolean } | undefined> {
  const rows = await session.rows(`select version::text as version, dirty from ${nameOf(table)} limit 2`)
  const [row, second] = rows
  if (second !== undefined) {
    throw new RunFailure(
      'in-doubt',
      `${shown(table)} has more than one row, and golang-migrate reads whichever comes first`,
      'delete all rows but the one with the version that the schema has, then adopt again',
    )
  }
  return row === undefined ? undefined : { version: String(row.version), dirty: row.dirty === true }
}

const dirty = (table: ToolTable, version: string) =>
  new RunFailure(
    'in-doubt',
    `${shown(table)} says that golang-migrate began to move to version ${version} and did not finish (dirty)`,
    `look at what that step left; finish it by hand and run \`migrate force ${version}\`, or undo it by hand and force the version before; then adopt again`,
    { version },
  )
