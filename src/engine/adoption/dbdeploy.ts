import { RunFailure } from '../../postgres/failure.ts'
import { literal } from '../../postgres/sql.ts'
import { type AdoptedTool, moment, nameOf, shown, textOf } from './tool.ts'

/** DBDeploy 3: a row per change that ran, made by its users from its own script; it takes no lock. */
export const dbdeploy: AdoptedTool = {
  name: 'dbdeploy',
  title: 'DBDeploy',
  columns: ['change_number', 'complete_dt', 'applied_by', 'description'],
  tableNames: ['changelog'],
  anyName: true,
  lockKeys: () => [],
  async read(session, table) {
    const rows = await session.rows(`
      select change_number::text as number, ${moment('complete_dt')} as at, applied_by, description from ${nameOf(table)}`)
    const open = rows.find(({ at }) => at === null)
    if (open !== undefined) {
      throw new RunFailure(
        'in-doubt',
        `${shown(table)} says that change ${open.number} was begun and not completed`,
        `look at what it left; then set complete_dt of change ${open.number}, or take back what it did and delete the row; then adopt again`,
        { version: String(open.number) },
      )
    }
    return {
      applied: rows.map(({ number, at, applied_by, description }) => ({
        version: String(number),
        name: textOf(description),
        file: textOf(description),
        past: { appliedAt: textOf(at), appliedBy: textOf(applied_by) },
      })),
      repeatables: [],
    }
  },
  keep: {
    kind: 'row-per-version',
    rights: ['INSERT', 'DELETE'],
    up: (table, { version, up }) =>
      `INSERT INTO ${nameOf(table)} (change_number, complete_dt, applied_by, description)
  VALUES (${version}, now(), current_user, ${literal(up.file.slice(0, 500))})`,
    down: (table, version) => `DELETE FROM ${nameOf(table)} WHERE change_number = ${version}`,
  },
}
