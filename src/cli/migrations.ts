import { readFileSync, statSync } from 'node:fs'
import type { FormatName } from '../contract.ts'
import { filesBelow } from '../engine/read-folder.ts'
import { parsePlaceholders } from '../migration/formats/placeholder-list.ts'
import type { MigrationSet, RawFile } from '../migration/migration.ts'
import { readMigrations } from '../migration/read.ts'
import { type ConfigMapLike, filesOf } from '../migration/source.ts'
import { Problem } from '../problem.ts'

export interface MigrationOptions {
  readonly migrations?: readonly string[]
  readonly format?: FormatName
  readonly historySchema?: string
  /** `name=value`, each. */
  readonly placeholder?: readonly string[]
}

/** Migrations of folders, or of files that hold a ConfigMap manifest. */
export async function loadMigrations(options: MigrationOptions): Promise<MigrationSet> {
  const { migrations = ['migrations'], format, historySchema, placeholder = [] } = options
  const placeholders = parsePlaceholders(placeholder.join('\n').concat('\n'))
  if (placeholders === undefined) throw new Problem('a placeholder is no pair', 'write --placeholder name=value')
  const files = await Promise.all(migrations.map(filesAt))
  return readMigrations(files.flat(), { format, historySchema, placeholders })
}

/** The raw files at a path. Throws Problem. */
export async function filesAt(path: string): Promise<RawFile[]> {
  try {
    if (!statSync(path).isDirectory()) return await manifestFiles(path, readFileSync(path, 'utf8'))
    return await filesBelow(path)
  } catch (error) {
    if (error instanceof Problem) throw error
    const code = error instanceof Error && 'code' in error ? String(error.code) : String(error)
    throw new Problem(
      `the migrations at ${path} cannot be read (${code})`,
      'name the folder, or a ConfigMap manifest, with --migrations PATH',
    )
  }
}

/** The parser of YAML is loaded for a manifest only: a folder does not need it. */
async function manifestFiles(path: string, text: string): Promise<RawFile[]> {
  const { parseAllDocuments } = await import('yaml')
  const documents = parseAllDocuments(text)
  const broken = documents.flatMap(({ errors }) => errors)[0]
  if (broken !== undefined) throw new Problem(`${path} is no YAML: ${broken.message.split('\n')[0]}`)
  const maps = documents
    .map((document) => document.toJS() as (ConfigMapLike & { readonly kind?: string }) | null)
    .filter((each) => each?.kind === 'ConfigMap')
  if (maps.length === 0)
    throw new Problem(`${path} holds no ConfigMap`, 'name a folder of migration files, or a ConfigMap manifest')
  return maps.flatMap((map) => filesOf(map ?? {}))
}
