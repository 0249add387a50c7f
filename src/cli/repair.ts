import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { MigrationSet } from '../migration/migration.ts'
import { compareVersions, highestVersion } from '../migration/version.ts'
import type { RepairedScript } from '../safety/repair.ts'
import type { MigrationOptions } from './migrations.ts'
import type { Output } from './output.ts'

/**
 * `lint --fix`: writes the files that can be put right without a decision, and says which. Only above `since`, or, where
 * that is not said, the newest migration: a database that has a migration refuses to go on when its file changes.
 * Returns how many were written.
 */
export function writeRepaired(
  output: Output,
  { migrations }: MigrationSet,
  repaired: readonly RepairedScript[],
  { since, migrations: folders = [] }: MigrationOptions & { readonly since: string | undefined },
): number {
  const versions = migrations.flatMap(({ kind, version }) => (kind === 'versioned' ? version : []))
  const newest = highestVersion(versions) ?? '0'
  const isMeant = ({ version }: RepairedScript) =>
    version !== undefined && (since === undefined ? version === newest : compareVersions(version, since) > 0)
  const written = repaired.filter(isMeant).filter((each) => write(folders, each))
  for (const { file, code } of written) output.say(`${file} written anew: ${code}`)
  const older = since === undefined ? repaired.filter((each) => !isMeant(each)).length : 0
  if (older > 0)
    output.say(`${older} in older migrations left as they are: --since VERSION says which no database has yet`)
  return written.length
}

/** Only a file that holds this script and nothing else; a BOM stays. */
function write(folders: readonly string[], { file, before, after }: RepairedScript): boolean {
  const paths = folders.filter((path) => statSync(path).isDirectory()).map((path) => join(path, file))
  const path = paths.find((each) => existsSync(each))
  if (path === undefined) return false
  const text = readFileSync(path, 'utf8')
  const bom = text.startsWith('\uFEFF') ? '\uFEFF' : ''
  if (text !== bom + before) return false
  writeFileSync(path, bom + after)
  return true
}
