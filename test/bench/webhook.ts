import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { release } from '../tools/example-files.ts'
import { startApiServer } from './api-server.ts'
import { percentile, spread } from './figures.ts'
import type { LoadPlan, LoadResult } from './load.ts'
import { peakOf } from './process.ts'

const root = join(import.meta.dirname, '../..')
const PORT = 18_443
const ROUNDS = 3
const plan: LoadPlan = { port: PORT, perSecond: 200, seconds: 20, inFlight: 50, warmUp: 200 }

interface Round extends LoadResult {
  /** Milliseconds from the start of the process until it is ready. */
  readonly ready: number
  /** Milliseconds from a parsed review to its answer, as the service logs them. */
  readonly handled: readonly number[]
  /** The most memory that the process had resident, MB. */
  readonly peak: number
}

/** The bundled webhook on loopback, started as its image starts it, before an API server that only answers what it asks. */
export async function benchWebhook(): Promise<string[]> {
  const rounds: Round[] = []
  for (let i = 0; i < ROUNDS; i++) rounds.push(await round())
  const over = (figure: (each: Round) => number, unit: string) => spread(rounds.map(figure), unit)
  const sum = (figure: (each: Round) => number) => rounds.reduce((total, each) => total + figure(each), 0)
  return [
    `webhook, start to ready: ${over(({ ready }) => ready, 'ms')}`,
    `webhook, ${plan.perSecond} reviews/s of a 100 KB Deployment for ${plan.seconds} s after ${plan.warmUp} to warm up, at most ${plan.inFlight} in flight: ${sum(({ latencies }) => latencies.length)} answered, ${sum(({ failed }) => failed)} failed, ${sum(({ skipped }) => skipped)} not sent`,
    `  handler p50: ${over(({ handled }) => percentile(handled, 50), 'ms')}`,
    `  handler p99: ${over(({ handled }) => percentile(handled, 99), 'ms')}`,
    `  seen by the client p99: ${over(({ latencies }) => percentile(latencies, 99), 'ms')}`,
    `  peak memory: ${over(({ peak }) => peak, 'MB')}`,
  ]
}

async function round(): Promise<Round> {
  const folder = await mkdtemp(join(tmpdir(), 'lockkeeper-bench-'))
  const api = await startApiServer(release(3))
  const kubeconfig = join(folder, 'kubeconfig')
  await writeFile(kubeconfig, api.kubeconfig)
  const { flags, environment } = await imageSettings()
  const env = {
    PATH: process.env.PATH,
    ...environment,
    KUBECONFIG: kubeconfig,
    RUNNER_IMAGE: 'r',
    PORT: String(PORT),
    METRICS_PORT: String(PORT + 1),
    DRAIN_SECONDS: '0',
  }
  const began = performance.now()
  const child = spawn(process.execPath, [...flags, join(root, 'dist/webhook.js')], {
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const handled: number[] = []
  try {
    await untilReady(child, handled)
    const ready = performance.now() - began
    const result = await load()
    return { ...result, ready, handled: handled.slice(plan.warmUp), peak: peakOf(child) }
  } finally {
    const ended = once(child, 'exit')
    child.kill('SIGTERM')
    await ended
    api.stop()
    await rm(folder, { recursive: true, force: true })
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
const load = (): Promise<LoadResult> =>
  new Promise((resolve, reject) => {
    const worker = new Worker(new URL('./load.ts', import.meta.url), { workerData: plan })
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
