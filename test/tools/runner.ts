import { type ChildProcess, spawn } from 'node:child_process'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { catalogueOf } from '../../src/migration/catalogue.ts'
import { digestOf } from '../../src/migration/digest.ts'
import { readMigrations } from '../../src/migration/read.ts'
import { type Direction, type ProxyFault, startFaultProxy } from './fault-proxy.ts'
import type { TestDatabase } from './postgres.ts'
import { builtRunner } from './postgres-setup.ts'

export type Files = Readonly<Record<string, string>>

export interface RunnerOptions {
  readonly url: string
  readonly target: string
  readonly files?: Files | undefined
  readonly token?: number
  readonly workload?: string
  readonly env?: Readonly<Record<string, string>>
  /** The file that is run; default: the runner as it was built for this run of the tests, else its sources. */
  readonly program?: string
  /** Called with the process as soon as it runs. */
  readonly started?: (child: ChildProcess) => void
}

export interface RunnerResult {
  readonly code: number | null
  readonly signal: string | null
  readonly events: readonly { event: string; level: string; version?: string; message?: string }[]
  readonly termination: Record<string, unknown> | undefined
  /** stdout and stderr together. */
  readonly output: string
}

const root = join(import.meta.dirname, '../..')

/** The digest that the webhook would have admitted. */
export function digestFor(files: Files, target: string): string {
  const set = readMigrations(Object.entries(files).map(([name, content]) => ({ name, content })))
  return digestOf(catalogueOf(set), target)
}

/** Runs the real runner as a process of its own, with the environment that the webhook would have written. */
export async function runRunner(options: RunnerOptions): Promise<RunnerResult> {
  const folder = await mkdtemp(join(tmpdir(), 'lockkeeper-runner-'))
  const migrations = join(folder, 'migrations')
  const log = join(folder, 'termination-log')
  try {
    if (options.files !== undefined) {
      await mkdir(migrations)
      for (const [name, text] of Object.entries(options.files)) await writeFile(join(migrations, name), text)
    }
    const child = spawn(process.execPath, [options.program ?? builtRunner() ?? join(root, 'sidecar/main.ts')], {
      env: {
        PATH: process.env.PATH,
        // Hundreds of runs load the same sources: what Node made of them is kept, which halves the time of a run.
        NODE_COMPILE_CACHE: join(root, 'node_modules/.cache/lockkeeper'),
        LOCKKEEPER_TARGET: options.target,
        LOCKKEEPER_DIGEST: options.files === undefined ? '-' : digestFor(options.files, options.target),
        LOCKKEEPER_TOKEN: String(options.token ?? 1),
        LOCKKEEPER_CLUSTER: 'cluster-a',
        LOCKKEEPER_WORKLOAD: options.workload ?? 'shop/Deployment/orders',
        LOCKKEEPER_MIGRATIONS: migrations,
        LOCKKEEPER_DATABASE_URL: options.url,
        LOCKKEEPER_TERMINATION_LOG: log,
        LOCKKEEPER_DEADLINE: '20s',
        LOCKKEEPER_HOLD_GRACE: '0s',
        ...options.env,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    options.started?.(child)
    let stdout = ''
    let stderr = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text
    })
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text
    })
    const [code, signal] = await new Promise<[number | null, string | null]>((resolve) => {
      child.once('close', (status, by) => resolve([status, by]))
    })
    // Killed while it writes, a process leaves an empty one.
    const termination = await readFile(log, 'utf8').catch(() => '')
    return {
      code,
      signal,
      events: stdout
        .split('\n')
        .filter((line) => line.startsWith('{') && line.endsWith('}'))
        .map((line) => JSON.parse(line)),
      termination: termination === '' ? undefined : JSON.parse(termination),
      output: stdout + stderr,
    }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** Of the connection, the process (`kill`: SIGKILL) or the server; the latter two come so long after the connection. */
export type Fault = ProxyFault | { readonly kind: 'kill' | 'restart'; readonly ms: number }

/** How a run went: milliseconds from its first connection to its end, and its messages. */
export interface Course {
  readonly ms: number
  readonly seen: Readonly<Record<Direction, number>>
}

export interface FaultyRun {
  readonly run: RunnerResult
  readonly fault: Fault | undefined
  /** Whether the fault came before the run was over. */
  readonly struck: boolean
  readonly course: Course
}

/** A run through a proxy to the database's server, with one fault on the way, or none. */
export async function runWithFault(
  { server, name }: TestDatabase,
  options: Omit<RunnerOptions, 'url'>,
  fault: Fault | undefined,
): Promise<FaultyRun> {
  let child: ChildProcess | undefined
  let restart: Promise<void> | undefined
  let began = 0
  let timer: NodeJS.Timeout | undefined
  const strike = () => {
    if (fault?.kind === 'kill') child?.kill('SIGKILL')
    if (fault?.kind === 'restart') restart = server.restart('immediate')
  }
  const connected = () => {
    if (began > 0) return
    began = Date.now()
    timer = setTimeout(strike, fault?.ms)
  }
  const onTheWay = fault !== undefined && 'direction' in fault ? fault : undefined
  const proxy = await startFaultProxy(server.port, { fault: onTheWay, connected })
  const started = (process: ChildProcess) => {
    child = process
  }
  const run = await runRunner({ ...options, started, url: `postgresql://postgres@127.0.0.1:${proxy.port}/${name}` })
  const course = { ms: Date.now() - began, seen: proxy.seen }
  clearTimeout(timer)
  await restart
  await proxy.close()
  return { run, fault, course, struck: proxy.struck || run.signal === 'SIGKILL' || restart !== undefined }
}
