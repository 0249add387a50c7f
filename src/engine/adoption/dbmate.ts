import { parseVersion } from '../../migration/version.ts'
import { RunFailure } from '../../postgres/failure.ts'
import { literal } from '../../postgres/sql.ts'
import { type AdoptedTool, nameOf, shown, type ToolRow, type ToolTable } from './tool.ts'

/** dbmate: a row per applied version, a text as the file's name has it, and nothing else; it takes no lock. */
export const dbmate: AdoptedTool = {
  name: 'dbmate',
  title: 'dbmate',
  columns: ['version'],
  tableNames: ['schema_migrations'],
  anyName: false,
  lockKeys: () => [],
  async read(session, table) {
    const rows = await session.rows(`select version::text as version from ${nameOf(table)}`)
    const applied = new Map<string, string>()
    for (const { version } of rows) {
      const text = String(version)
      const number = parseVersion(text)
      if (number === undefined || text.includes('.')) throw noVersion(table, text)
      const other = applied.get(number)
      if (other !== undefined) throw twice(table, other, text)
      applied.set(number, text)
    }
    return {
      applied: [...applied.keys()].map((version): ToolRow => ({ version, name: '', file: '', past: {} })),
      repeatables: [],
    }
  },
  keep: {
    kind: 'row-per-version',
    rights: ['INSERT', 'DELETE'],
    up: (table, { version, up }) =>
      `INSERT INTO ${nameOf(table)} (version) VALUES (${literal(/^\d+/.exec(up.file)?.[0] ?? version)})`,
    down: (table, version) =>
      `DELETE FROM ${nameOf(table)} WHERE ltrim(version, '0') = ltrim(${literal(version)}, '0')`,
  },
}

const noVersion = (table: ToolTable, text: string) =>
  new RunFailure(
    'bad-config',
    `${shown(table)} has "${text}", which is no version of a file of dbmate`,
    'see whose table it is; to take the database over by hand: lockkeeper adopt --at VERSION',
  )

const twice = (table: ToolTable, one: string, other: string) =>
  new RunFailure(
    'bad-config',
    `${shown(table)} has ${one} and ${other}, which are two versions to dbmate and one to Lockkeeper`,
    'keep one of the two rows and of their files, then adopt again',
  )
