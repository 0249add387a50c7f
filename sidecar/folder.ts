import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { FormatName } from '../src/contract.ts'
import type { MigrationSet } from '../src/migration/migration.ts'
import { readMigrations } from '../src/migration/read.ts'
import { RunFailure, stateOf } from './failure.ts'

/**
 * The migrations of a mounted folder; undefined when there is none or it is empty (an optional ConfigMap that is gone).
 * The kubelet's own entries begin with two dots; the files are links into them.
 */
export function readFolder(
  path: string,
  format: FormatName | undefined,
  historySchema: string,
): MigrationSet | undefined {
  try {
    // Nothing else is to be done meanwhile, and one after the other is three times as fast as all at once.
    const names = readdirSync(path).filter((name) => !name.startsWith('.'))
    if (names.length === 0) return undefined
    const files = names.map((name) => ({ name, content: readFileSync(join(path, name)) }))
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
