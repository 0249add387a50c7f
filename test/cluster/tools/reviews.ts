import { spawn } from 'node:child_process'
import { Agent, request } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'

/** What became of the requests that were due while something happened. */
export interface Counted {
  readonly answered: number
  /** Answered with anything but success: what the API server said. */
  readonly failed: readonly string[]
  /** The API server itself was away. */
  readonly unreached: number
}

/** Requests a second: each is two reviews, or three where the mutation is asked again. */
const PER_SECOND = 50

/**
 * Server-side applies of a Deployment as dry runs, at a fixed rate, while something happens: one half changes a label,
 * the other the image, so that nothing is read and that the ConfigMap is.
 */
export async function withReviews(object: Applied, during: () => Promise<void>): Promise<Counted> {
  const proxy = await startProxy()
  const agent = new Agent({ keepAlive: true, maxSockets: 100 })
  const counts = { answered: 0, failed: [] as string[], unreached: 0 }
  const state = { over: false }
  const path = `/apis/apps/v1/namespaces/${object.metadata.namespace}/deployments/${object.metadata.name}?dryRun=All&fieldManager=load&force=true`
  const ask = async (i: number) => {
    const { status, body } = await patch({ port: proxy.port, path, agent }, changed(object, i))
    if (status === 200) counts.answered++
    else if (status === undefined || status === 502 || isAway(body)) counts.unreached++
    else counts.failed.push(`${new Date().toISOString()} ${status} ${body.slice(0, 300)}`)
  }
  const pending: Promise<void>[] = []
  const sending = (async () => {
    const began = performance.now()
    for (let i = 0; !state.over; i++) {
      pending.push(ask(i))
      await sleep(Math.max(0, began + ((i + 1) * 1000) / PER_SECOND - performance.now()))
    }
  })()
  try {
    await sleep(1000)
    await during()
    await sleep(1000)
  } finally {
    state.over = true
    await sending
    await Promise.all(pending)
    agent.destroy()
    proxy.stop()
  }
  return counts
}

/** What `kubectl proxy` and an API server that is going say for it, not for a webhook. */
const isAway = (body: string) =>
  /^dial tcp |apiserver is shutting down|^(unexpected )?EOF|connection reset by peer/.test(body)

export interface Applied {
  readonly metadata: { readonly name: string; readonly namespace: string; readonly labels?: object }
  readonly spec: { readonly template: { readonly spec: { readonly containers: readonly { readonly name: string }[] } } }
}

function changed(object: Applied, i: number): string {
  if (i % 2 === 0) return JSON.stringify({ ...object, metadata: { ...object.metadata, labels: { turn: String(i) } } })
  const copy = structuredClone(object)
  Object.assign(copy.spec.template.spec.containers[0] ?? {}, { image: `orders:${i}` })
  return JSON.stringify(copy)
}

/** `kubectl proxy` knows how to speak to any cluster. */
async function startProxy(): Promise<{ port: number; stop(): void }> {
  const child = spawn('kubectl', ['proxy', '--port=0', '--address=127.0.0.1'], {
    env: { ...process.env, KUBECONFIG: process.env.LOCKKEEPER_TEST_KUBECONFIG },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const port = await new Promise<number>((resolve, reject) => {
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      const found = /127\.0\.0\.1:(\d+)/.exec(text)?.[1]
      if (found !== undefined) resolve(Number(found))
    })
    child.once('exit', (code) => reject(new Error(`kubectl proxy ended with ${code}`)))
  })
  return { port, stop: () => child.kill() }
}

/** Without a status when nobody answered. */
function patch(
  where: { port: number; path: string; agent: Agent },
  body: string,
): Promise<{ status?: number; body: string }> {
  return new Promise((resolve) => {
    const headers = { 'Content-Type': 'application/apply-patch+yaml', 'Content-Length': Buffer.byteLength(body) }
    const sent = request({ ...where, host: '127.0.0.1', method: 'PATCH', headers }, (response) => {
      let text = ''
      response.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk
      })
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body: text }))
      response.on('error', () => resolve({ body: '' }))
    })
    sent.once('error', () => resolve({ body: '' }))
    sent.end(body)
  })
}
