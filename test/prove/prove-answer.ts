import { majors, newest } from '../tools/majors.ts'
import { startServer } from '../tools/postgres.ts'
import { lockkeeper, withFolder } from '../tools/program.ts'

/** The JSON of `prove`. */
export interface Answer {
  readonly result: string
  readonly postgres: number
  readonly migrations: readonly {
    readonly version: string
    readonly result: string
    readonly remark?: string
    readonly differences: readonly { readonly object: string; readonly note: boolean }[]
    readonly losses: readonly {
      readonly object: string
      readonly rows: number
      readonly of: number
      readonly what: string
      readonly example: string
    }[]
    readonly unfilled: readonly { readonly table: string; readonly why: string }[]
    readonly findings: readonly Found[]
    readonly compared: Readonly<Record<string, string>>
  }[]
  readonly findings: readonly Found[]
}

interface Found {
  readonly code: string
  readonly severity: string
  readonly version?: string
  readonly file?: string
  readonly line?: number
  readonly message: string
  readonly fix: string
}

export type Files = Readonly<Record<string, string>>

/** What `prove` says of files. Throws what it says where it gives no answer. */
export const proved = (files: Files, ...args: string[]): Promise<Answer & { readonly code: number | null }> =>
  withFolder(files, (folder) => provedAt(folder, ...args))

export async function provedAt(folder: string, ...args: string[]): Promise<Answer & { readonly code: number | null }> {
  const { code, stdout, stderr } = await lockkeeper(['prove', '-m', folder, '-o', 'json', '-q', ...args])
  if (stdout === '') throw new Error(stderr)
  return { ...(JSON.parse(stdout) as Answer), code }
}

/** Versions and results. */
export const resultsOf = ({ migrations }: Answer): string[] =>
  migrations.map(({ version, result }) => `${version} ${result}`)

/** Files of golang-migrate: each an up and a down script, numbered from one. */
export const pairs = (...scripts: readonly (readonly [up: string, down: string])[]): Record<string, string> =>
  Object.fromEntries(
    scripts.flatMap(([up, down], i) => [
      [`${i + 1}_x.up.sql`, `${up}\n`],
      [`${i + 1}_x.down.sql`, `${down}\n`],
    ]),
  )

/** A server for a whole test file: a run on it need not make one of its own, which costs more than all the rest. */
export async function scratchServer(major: number): Promise<{ url: string; stop(): Promise<void> }> {
  const { server, stop } = await startServer({ major })
  return { url: `${server.url}/postgres`, stop }
}

/** The oldest and the newest major of this run: the catalogs of those between are one or the other. */
export const ends: readonly number[] = [...new Set([Math.min(...majors), newest])]
