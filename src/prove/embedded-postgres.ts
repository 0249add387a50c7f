import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { appendFileSync, chownSync, existsSync } from 'node:fs'
import { cp, lstat, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { createRequire as requireFrom } from 'node:module' // The bundle has a createRequire of its own.
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** A PostgreSQL server of our own, on loopback. */
export interface EmbeddedPostgres {
  readonly port: number
  /** URL of its superuser, without a database at the end. */
  readonly url: string
  readonly folder: string
  /** Stops it at once, as a power failure would (`immediate`), or orderly, and starts it again. */
  restart(mode: 'fast' | 'immediate'): Promise<void>
}

export interface EmbeddedOptions {
  readonly major?: number
  /** Lines for postgresql.conf. */
  readonly settings?: readonly string[]
  /** A stopped server's folder to copy; else a new one is made. */
  readonly template?: string
  /** Changes the data folder before the start. */
  readonly prepare?: (data: string) => Promise<void>
}

/** Root may not run PostgreSQL: then the account that owns nothing does (nobody, 65534). */
const nobody = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {}

/** Runs a server for the length of a callback; its folder is gone afterwards. */
export async function withPostgres<T>(
  options: EmbeddedOptions,
  use: (server: EmbeddedPostgres) => Promise<T>,
): Promise<T> {
  const binaries = await binariesOf(options.major ?? 18)
  const folder = await mkdtemp(join(tmpdir(), 'lockkeeper-pg-'))
  if (nobody.uid !== undefined) chownSync(folder, nobody.uid, nobody.gid)
  const data = join(folder, 'data')
  try {
    if (options.template === undefined) await makeData(binaries, data)
    else await run('cp', ['-a', options.template, data], { ...nobody, cwd: '/' })
    await options.prepare?.(data)
    const port = await freePort()
    appendFileSync(join(data, 'postgresql.conf'), settingsOf(port, folder, options.settings ?? []))
    let server = await start(binaries, data)
    try {
      return await use({
        port,
        folder,
        url: `postgresql://postgres@127.0.0.1:${port}`,
        restart: async (mode) => {
          await stop(server, mode)
          server = await start(binaries, data)
        },
      })
    } finally {
      await stop(server, 'immediate')
    }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** A data folder with a superuser `postgres` and trust for loopback. */
export async function makeData(binaries: string, data: string): Promise<void> {
  const options = ['-D', data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--locale=C', '--no-sync']
  await run(join(binaries, 'initdb'), options, { ...nobody, cwd: '/' })
}

function settingsOf(port: number, folder: string, more: readonly string[]): string {
  const own = [
    `port = ${port}`,
    `listen_addresses = '127.0.0.1'`,
    `unix_socket_directories = '${folder}'`,
    'fsync = off',
    'max_connections = 120',
  ]
  return `\n${[...own, ...more].join('\n')}\n`
}

async function start(binaries: string, data: string): Promise<ChildProcess> {
  const server = spawn(join(binaries, 'postgres'), ['-D', data], {
    ...nobody,
    cwd: '/',
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let log = ''
  server.stderr?.setEncoding('utf8')
  await new Promise<void>((resolve, reject) => {
    server.stderr?.on('data', (text: string) => {
      if (log.length < 100_000) log += text
      if (/database system is ready to accept (read-only )?connections/.test(log)) resolve()
    })
    server.once('exit', (code) => reject(new Error(`PostgreSQL ended with ${code}: ${log.slice(-2000)}`)))
    server.once('error', reject)
  })
  return server
}

async function stop(server: ChildProcess, mode: 'fast' | 'immediate'): Promise<void> {
  if (server.exitCode !== null || server.signalCode !== null) return
  const over = once(server, 'exit')
  server.kill(mode === 'fast' ? 'SIGINT' : 'SIGQUIT')
  await over
}

/** A port of loopback that nobody listens on now. */
export async function freePort(): Promise<number> {
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (address === null || typeof address === 'string') throw new Error('no free port')
  return address.port
}

/** The folder with initdb and postgres of a major. Its package is optional: not every platform has one. */
export async function binariesOf(major: number): Promise<string> {
  const name = `postgres-${major}-${process.platform}-${process.arch}`
  // Its exports name no file of it, so its folder is looked up where Node would.
  const folders = requireFrom(import.meta.url).resolve.paths(name) ?? []
  const root = folders.map((folder) => join(folder, name)).find((folder) => existsSync(folder))
  if (root === undefined) {
    throw new Error(
      `there are no binaries of PostgreSQL ${major} for ${process.platform} ${process.arch} (package ${name})`,
    )
  }
  const native = join(root, 'native')
  await restoreLinks(native)
  return readableByNobody(native, major)
}

/** npm drops symbolic links; the package lists them, for its install script to make them. */
async function restoreLinks(native: string): Promise<void> {
  const list = join(native, 'pg-symlinks.json')
  if (!existsSync(list)) return
  const links = JSON.parse(await readFile(list, 'utf8')) as { source: string; target: string }[]
  for (const { source, target } of links) {
    const path = join(native, '..', target)
    const there = await lstat(path).catch(() => undefined)
    if (there !== undefined) continue
    await symlink(basename(source), path).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error // Another process was faster.
    })
  }
}

/** A checkout below a folder that only root may enter: then the binaries are copied to where nobody can read them. */
async function readableByNobody(native: string, major: number): Promise<string> {
  const bin = join(native, 'bin')
  if (nobody.uid === undefined) return bin
  try {
    await run(join(bin, 'postgres'), ['--version'], { ...nobody, cwd: '/' })
    return bin
  } catch {
    const copy = join(tmpdir(), `lockkeeper-postgres-${major}-${process.pid}`)
    if (!existsSync(copy)) await cp(native, copy, { recursive: true, verbatimSymlinks: true })
    await writeFile(join(copy, 'README'), 'Binaries of PostgreSQL for the tests of Lockkeeper; may be deleted.\n')
    return join(copy, 'bin')
  }
}
