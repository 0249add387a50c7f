import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'

/** SQL as a person would give it to psql. */
export interface Section {
  readonly sql: string
  /** With `psql -1`: all of it in one transaction. */
  readonly together: boolean
}

export interface SourceFile {
  readonly version: string
  readonly name: string
  readonly up: Section
  /** Undefined: there is no down script. */
  readonly down: Section | undefined
}

export interface Source {
  readonly format: 'golang-migrate' | 'goose' | 'dbmate'
  readonly files: readonly SourceFile[]
}

/**
 * The scripts of a folder in three formats, cut out with a few patterns. On purpose it shares nothing with `src/migration`,
 * since it is what that is compared with.
 */
export async function readSource(folder: string): Promise<Source> {
  const names = (await readdir(folder)).filter((name) => /^\d+.*\.sql$/.test(name))
  const texts = new Map<string, string>()
  for (const name of names) texts.set(name, await readFile(join(folder, name), 'utf8'))
  const ups = names.filter((name) => name.endsWith('.up.sql'))
  if (ups.length > 0) return { format: 'golang-migrate', files: inOrder(ups.map((name) => pairOf(name, texts))) }
  const isGoose = [...texts.values()].some((text) => /^-- \+goose Up/m.test(text))
  const files = [...texts].map(([name, text]) => (isGoose ? gooseFile(name, text) : dbmateFile(name, text)))
  return { format: isGoose ? 'goose' : 'dbmate', files: inOrder(files) }
}

const inOrder = (files: readonly SourceFile[]) =>
  [...files].sort((a, b) => (BigInt(a.version) < BigInt(b.version) ? -1 : 1))

const versionOf = (name: string) => BigInt(/^\d+/.exec(name)?.[0] ?? '0').toString()

function pairOf(name: string, texts: ReadonlyMap<string, string>): SourceFile {
  const down = [...texts].find(([other]) => other.endsWith('.down.sql') && versionOf(other) === versionOf(name))?.[1]
  return {
    version: versionOf(name),
    name,
    up: section(texts.get(name) ?? ''),
    down: down === undefined ? undefined : section(down),
  }
}

function gooseFile(name: string, text: string): SourceFile {
  const [, up = '', down] = text.split(/^-- \+goose (?:Up|Down)\b.*$/m)
  const apart = /^-- \+goose NO TRANSACTION/m.test(text)
  return { version: versionOf(name), name, up: section(up, apart), down: optional(down, apart) }
}

function dbmateFile(name: string, text: string): SourceFile {
  const [, , upOptions = '', up = '', , downOptions = '', down] = text.split(/^--\s*migrate:(up|down)(.*)$/m)
  const apart = (options: string) => /transaction\s*:\s*false/.test(options)
  return { version: versionOf(name), name, up: section(up, apart(upOptions)), down: optional(down, apart(downOptions)) }
}

const optional = (sql: string | undefined, apart: boolean) => (sql === undefined ? undefined : section(sql, apart))

const section = (sql: string, apart = false): Section => ({ sql, together: !apart && !needsNoTransaction(sql) })

/** Statements that PostgreSQL refuses in a transaction, outside comments and the bodies of functions. */
function needsNoTransaction(sql: string): boolean {
  const bare = sql
    .replace(/\/\*[\s\S]*?\*\//g, ' ')
    .replace(/--.*$/gm, ' ')
    .replace(/(\$\w*\$)[\s\S]*?\1/g, ' ')
  return /\b(index|reindex\b[^;]*|detach\s+partition\b[^;]*)\s+concurrently\b|(^|;)\s*(vacuum|(create|drop)\s+database|alter\s+system)\b/i.test(
    bare,
  )
}
