import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { issueBundle } from '../../certs/issue.ts'
import { RUNNER_IMAGE } from '../tools/admission.ts'
import { startApiServer } from './api-server.ts'
import type { LoadPlan, LoadResult } from './load.ts'
import { peakOf, residentOf } from './process.ts'
import { filesOf, type Subject } from './reviews.ts'

const root = join(import.meta.dirname, '../..')
export const PORT = 18_443

/** A webhook that runs as a process of its own. */
export interface Running {
  /** Milliseconds from its start until it was ready. */
  readonly ready: number
  /** Milliseconds from a parsed review to its answer, as the service logs them. */
  readonly handled: number[]
  /** The most memory that it had resident so far, and what it has now, MB. */
  peak(): number
  resident(): number
  load(plan: Omit<LoadPlan, 'port'>): Promise<LoadResult>
  /** It has not ended so far. */
  alive(): boolean
}

/** The bundled webhook on loopback, started as its image starts it, before an API server that only answers what it asks. */
export async function withWebhook<T>(
  subject: Subject,
  use: (webhook: Running) => Promise<T>,
  hostile?: Parameters<typeof startApiServer>[1],
): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'lockkeeper-bench-'))
  const api = await startApiServer(filesOf(subject), hostile)
  const kubeconfig = join(folder, 'kubeconfig')
  await writeFile(kubeconfig, api.kubeconfig)
  const { flags, environment } = await imageSettings()
  const settings = {
    KUBECONFIG: kubeconfig,
    RUNNER_IMAGE,
    METRICS_PORT: String(PORT + 1),
    DRAIN_SECONDS: '0',
  }
  try {
    return await withProcess([...flags, join(root, 'dist/webhook.js')], { ...environment, ...settings }, use)
  } finally {
    api.stop()
    await rm(folder, { recursive: true, force: true })
  }
}

/** A webhook in Node that does nothing, in the same place. */
export const withNothing = <T>(use: (webhook: Running) => Promise<T>): Promise<T> =>
  withProcess([join(import.meta.dirname, 'nothing.ts')], {}, use)

/** One in Go. Undefined where there is no Go to build it with. */
export async function withNothingInGo<T>(use: (webhook: Running) => Promise<T>): Promise<T | undefined> {
  const folder = await mkdtemp(join(tmpdir(), 'lockkeeper-bench-'))
  const [program, CERT, KEY] = ['webhook', 'tls.crt', 'tls.key'].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ]
  try {
    const built = spawnSync('go', ['build', '-o', program, '.'], { cwd: join(import.meta.dirname, 'go-webhook') })
    if (built.status !== 0) return undefined
    const { cert, key } = await issueBundle({ names: ['localhost'], now: new Date() })
    await Promise.all([writeFile(CERT, cert), writeFile(KEY, key, { mode: 0o600 })])
    return await withProcess([], { CERT, KEY }, use, program)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function withProcess<T>(
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  use: (webhook: Running) => Promise<T>,
  program = process.execPath,
): Promise<T> {
  const began = performance.now()
  const child = spawn(program, args, {
    env: { PATH: process.env.PATH, PORT: String(PORT), ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const handled: number[] = []
  try {
    await untilReady(child, handled)
    const ready = performance.now() - began
    return await use({
      ready,
      handled,
      peak: () => peakOf(child),
      resident: () => residentOf(child),
      load,
      alive: () => child.exitCode === null && child.signalCode === null,
    })
  } finally {
    const ended = once(child, 'exit')
    child.kill('SIGTERM')
    await ended
  }
}

/** Node's flags and environment of the stage `webhook` in the Dockerfile. */
async function imageSettings(): Promise<{ flags: string[]; environment: Record<string, string> }> {
  const stages = (await readFile(join(root, 'Dockerfile'), 'utf8')).split(/^FROM /m)
  const stage = stages.find((text) => /^\S+ AS webhook\n/.test(text)) ?? ''
  const command = JSON.parse(/^CMD (\[.*\])$/m.exec(stage)?.[1] ?? '[]') as string[]
  const pairs = [...stage.matchAll(/^ENV (.*)$/gm)].flatMap(([, text = '']) => text.split(' '))
  return { flags: command.slice(1, -1), environment: Object.fromEntries(pairs.map((pair) => pair.split('='))) }
}

/** On a thread of its own, so that the load's own work does not delay the API server's answers. */
const load = (plan: Omit<LoadPlan, 'port'>): Promise<LoadResult> =>
  new Promise((resolve, reject) => {
    const worker = new Worker(new URL('./load.ts', import.meta.url), { workerData: { ...plan, port: PORT } })
    worker.once('message', resolve)
    worker.once('error', reject)
  })

function untilReady(child: ChildProcess, handled: number[]): Promise<void> {
  return new Promise((resolve, reject) => {
    let rest = ''
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      const lines = (rest + text).split('\n')
      rest = lines.pop() ?? ''
      for (const line of lines) {
        const { msg, ms } = JSON.parse(line) as { msg: string; ms?: number }
        if (msg === 'ready for reviews') resolve()
        if (msg === 'review' && ms !== undefined) handled.push(ms)
      }
    })
    child.once('exit', (code) => reject(new Error(`the webhook ended with ${code}`)))
  })
}
