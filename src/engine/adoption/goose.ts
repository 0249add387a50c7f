import { type AdoptedTool, moment, nameOf, type ToolRow, textOf } from './tool.ts'

/**
 * goose: of each version the newest row counts, and one with `is_applied` false (older releases wrote it on the way down)
 * says that the version is not applied; the row of version 0 is only there to begin with.
 */
export const goose: AdoptedTool = {
  name: 'goose',
  title: 'goose',
  columns: ['id', 'version_id', 'is_applied', 'tstamp'],
  tableNames: ['goose_db_version'],
  anyName: true,
  // Only where it was asked for (lock.NewPostgresSessionLocker).
  lockKeys: () => [4_097_083_626n],
  async read(session, table) {
    const rows = await session.rows(`
      select version, at from (
        select distinct on (version_id) version_id::text as version, is_applied, ${moment('tstamp')} as at
        from ${nameOf(table)} order by version_id, id desc) newest
      where is_applied and version <> '0'`)
    return {
      applied: rows.map(({ version, at }): ToolRow => {
        const appliedAt = textOf(at)
        return { version: String(version), name: '', file: '', past: appliedAt === '' ? {} : { appliedAt } }
      }),
      repeatables: [],
    }
  },
  keep: {
    kind: 'row-per-version',
    rights: ['INSERT', 'DELETE'],
    up: (table, { version }) => `INSERT INTO ${nameOf(table)} (version_id, is_applied) VALUES (${version}, true)`,
    down: (table, version) => `DELETE FROM ${nameOf(table)} WHERE version_id = ${version}`,
  },
}
