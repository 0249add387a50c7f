import { closeSync, openSync, readdirSync, readFileSync, readSync, statSync } from 'node:fs'
import { setImmediate as othersRun } from 'node:timers/promises'
import type { FormatName } from '../contract.ts'
import { LIMITS } from '../limits.ts'
import type { MigrationSet, RawFile } from '../migration/migration.ts'
import { readMigrations } from '../migration/read.ts'
import { RunFailure, stateOf } from '../postgres/failure.ts'

/**
 * The migrations of a mounted folder; undefined when there is none or it is empty (an optional ConfigMap that is gone).
 * The kubelet's own entries begin with two dots; the files are links into them.
 */
export async function readFolder(
  path: string,
  format: FormatName | undefined,
  historySchema: string,
  placeholders: Readonly<Record<string, string>> = {},
): Promise<MigrationSet | undefined> {
  try {
    const files = await filesBelow(path)
    return files.length === 0 ? undefined : readMigrations(files, { format, historySchema, placeholders })
  } catch (error) {
    if (stateOf(error) === 'ENOENT') return undefined
    throw new RunFailure(
      'source-unreadable',
      `the migrations in ${path} cannot be read (${stateOf(error)})`,
      'make the folder readable for the user of the container; a link must not lead back to its own folder',
    )
  }
}

const DEEPEST = 20

/** Files between two moments in which the connection that is being opened meanwhile may go on. */
const IN_ONE_GO = 32

/**
 * The files of a folder and its subfolders, whose names then hold `/`. One after the other is three times as fast as all
 * at once. Throws ELOOP below twenty folders: a link leads back.
 */
export async function filesBelow(path: string): Promise<RawFile[]> {
  const files: RawFile[] = []
  for (const { name, whole } of pathsBelow(path)) {
    files.push({ name, content: contentOf(whole) })
    if (files.length % IN_ONE_GO === 0) await othersRun()
  }
  return files
}

function* pathsBelow(
  path: string,
  prefix = '',
  depth = 0,
): Generator<{ readonly name: string; readonly whole: string }> {
  if (depth > DEEPEST) throw Object.assign(new Error(`${path} is too deep`), { code: 'ELOOP' })
  for (const entry of readdirSync(path, { withFileTypes: true })) {
    if (entry.name.startsWith('.')) continue
    const whole = `${path}/${entry.name}`
    const folder = entry.isDirectory() || (entry.isSymbolicLink() && statSync(whole).isDirectory())
    if (folder) yield* pathsBelow(whole, `${prefix}${entry.name}/`, depth + 1)
    else yield { name: `${prefix}${entry.name}`, whole }
  }
}

const LARGE = 1024 * 1024

/** A large file as text where it is UTF-8, and its bytes given back at once: nobody would collect them in a short run. */
function contentOf(path: string): Buffer | string {
  if (statSync(path).size > LIMITS.sourceBytes.value) return beginningOf(path)
  const bytes = readFileSync(path)
  if (bytes.length < LARGE) return bytes
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
    bytes.buffer.transfer(0)
    return text
  } catch {
    return bytes // The reader says where it is not UTF-8.
  }
}

/** Enough to be refused for its size: a file of gigabytes in an image must not end the pod for want of memory. */
function beginningOf(path: string): Buffer {
  const bytes = Buffer.alloc(LIMITS.sourceBytes.value + 1)
  const file = openSync(path, 'r')
  try {
    readSync(file, bytes)
  } finally {
    closeSync(file)
  }
  return bytes
}
