import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { Agent, request } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { admit, deployment, source } from '../tools/admission.ts'
import { release } from '../tools/example-files.ts'
import { startApiServer } from './api-server.ts'
import { percentile } from './figures.ts'
import { peakOf } from './process.ts'

const webhook = join(import.meta.dirname, '../../dist/webhook.js')
const SECONDS = 20
const RATE = 200
const IN_FLIGHT = 50
const PORT = 18_443

/** The bundled webhook on loopback, before an API server that only answers what it asks. */
export async function benchWebhook(): Promise<string[]> {
  const folder = await mkdtemp(join(tmpdir(), 'lockkeeper-bench-'))
  const api = await startApiServer(release(3))
  const kubeconfig = join(folder, 'kubeconfig')
  await writeFile(kubeconfig, kubeconfigFor(api.url))
  const env = {
    PATH: process.env.PATH,
    KUBECONFIG: kubeconfig,
    RUNNER_IMAGE: 'r',
    PORT: String(PORT),
    METRICS_PORT: String(PORT + 1),
    DRAIN_SECONDS: '0',
  }
  const began = performance.now()
  const child = spawn(process.execPath, ['--max-old-space-size=128', webhook], {
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const handled: number[] = []
  try {
    await untilReady(child, handled)
    const ready = performance.now() - began
    const { latencies, failed, skipped } = await load()
    const memory = peakOf(child)
    return [
      `webhook, start to ready: ${Math.round(ready)} ms`,
      `webhook, ${RATE} reviews/s of a 100 KB Deployment for ${SECONDS} s: ${latencies.length} answered, ${failed} failed, ${skipped} not sent (${IN_FLIGHT} in flight)`,
      `  handler p50 ${percentile(handled, 50)} ms, p99 ${percentile(handled, 99)} ms; seen by the client p50 ${percentile(latencies, 50).toFixed(1)} ms, p99 ${percentile(latencies, 99).toFixed(1)} ms; peak memory ${Math.round(memory)} MB`,
    ]
  } finally {
    child.kill('SIGTERM')
    api.stop()
    await rm(folder, { recursive: true, force: true })
  }
}

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

/** Open loop: a review is due every 5 ms, whether or not the last one was answered. */
async function load() {
  const bodies = reviews()
  const agent = new Agent({ keepAlive: true, rejectUnauthorized: false, maxSockets: IN_FLIGHT })
  const latencies: number[] = []
  const counts = { failed: 0, skipped: 0, inFlight: 0 }
  const began = performance.now()
  const pending: Promise<void>[] = []
  for (let i = 0; i < SECONDS * RATE; i++) {
    const due = began + (i * 1000) / RATE
    const wait = due - performance.now()
    if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait))
    if (counts.inFlight >= IN_FLIGHT) {
      counts.skipped++
      continue
    }
    counts.inFlight++
    const [path, body] = bodies[i % bodies.length] ?? ['', '']
    pending.push(
      post(agent, path, body).then((ok) => {
        counts.inFlight--
        if (ok) latencies.push(performance.now() - due)
        else counts.failed++
      }),
    )
  }
  await Promise.all(pending)
  agent.destroy()
  return { latencies, ...counts }
}

function post(agent: Agent, path: string, body: string): Promise<boolean> {
  return new Promise((resolve) => {
    const sent = request(
      {
        host: '127.0.0.1',
        port: PORT,
        path,
        method: 'POST',
        agent,
        headers: { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(body) },
      },
      (response) => {
        let text = ''
        response.setEncoding('utf8').on('data', (chunk: string) => {
          text += chunk
        })
        response.on('end', () => resolve(response.statusCode === 200 && text.includes('"allowed":true')))
      },
    )
    sent.once('error', () => resolve(false))
    sent.end(body)
  })
}

/** A rollout of a workload with 100 KB of its own, as both webhooks see it. */
function reviews(): [string, string][] {
  const big = (version: string) => {
    const object = deployment(
      { 'lockkeeper.dev/schema-version': version, 'lockkeeper.dev/migrations': 'm' },
      `orders:${version}`,
    )
    object.spec.template.spec.containers[0].env.push(
      ...Array.from({ length: 1000 }, (_, i) => ({ name: `VARIABLE_${i}`, value: 'x'.repeat(70) })),
    )
    return object
  }
  const old = admit(big('2'), undefined, { source: source(release(2)) }).object
  const fresh = admit(big('3'), old, { source: source(release(3)) }).object
  const review = (object: unknown) =>
    JSON.stringify({
      apiVersion: 'admission.k8s.io/v1',
      kind: 'AdmissionReview',
      request: {
        uid: 'u',
        operation: 'UPDATE',
        kind: { group: 'apps', version: 'v1', kind: 'Deployment' },
        namespace: 'shop',
        name: 'orders',
        object,
        oldObject: old,
      },
    })
  return [
    ['/mutate?timeout=5s', review(big('3'))],
    ['/validate?timeout=5s', review(fresh)],
  ]
}

const kubeconfigFor = (url: string) =>
  JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'bench', cluster: { server: url, 'insecure-skip-tls-verify': true } }],
    users: [{ name: 'bench', user: {} }],
    contexts: [{ name: 'bench', context: { cluster: 'bench', user: 'bench' } }],
    'current-context': 'bench',
  })
