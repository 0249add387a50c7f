import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { lockkeeper } from '../program.ts'

export interface Finding {
  readonly code: string
  readonly severity: string
  readonly version?: string
  readonly message: string
}

/** What `prove` says of one migration. */
export interface Proven {
  readonly version: string
  readonly result: string
  readonly differences: readonly { readonly object: string; readonly note: boolean }[]
  readonly findings: readonly Finding[]
  readonly compared?: { readonly schema?: string }
}

/** The answer of `prove` on a folder; kept in `keep`, and found again there, since it takes minutes. */
export async function proven(folder: string, keep: string | undefined): Promise<readonly Proven[]> {
  const file = keep === undefined ? undefined : join(keep, `${basename(folder)}.json`)
  const kept = file === undefined ? undefined : await readFile(file, 'utf8').catch(() => undefined)
  const text = kept ?? (await lockkeeper(['prove', '-q', '-m', folder, '-o', 'json'])).stdout
  if (text === '') return [] // It says on stderr why it tries none.
  if (keep !== undefined && file !== undefined && kept === undefined) {
    await mkdir(keep, { recursive: true })
    await writeFile(file, text)
  }
  return (JSON.parse(text) as { migrations: Proven[] }).migrations
}
