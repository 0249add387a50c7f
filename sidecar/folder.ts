import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { FormatName } from '../src/contract.ts'
import type { MigrationSet } from '../src/migration/migration.ts'
import { readMigrations } from '../src/migration/read.ts'
import { RunFailure, stateOf } from './failure.ts'

/**
 * The migrations of a mounted folder; undefined when there is none or it is empty (an optional ConfigMap that is gone).
 * The kubelet's own entries begin with two dots; the files are links into them.
 */
export async function readFolder(
  path: string,
  format: FormatName | undefined,
  historySchema: string,
): Promise<MigrationSet | undefined> {
  try {
    const names = (await readdir(path)).filter((name) => !name.startsWith('.'))
    if (names.length === 0) return undefined
    const files = await Promise.all(names.map(async (name) => ({ name, content: await readFile(join(path, name)) })))
    return readMigrations(files, { historySchema, ...(format !== undefined && { format }) })
  } catch (error) {
    if (stateOf(error) === 'ENOENT') return undefined
    throw new RunFailure(
      'source-unreadable',
      `the migrations in ${path} cannot be read (${stateOf(error)})`,
      'make the folder readable for the user of the container',
    )
  }
}
