import { Agent, request } from 'node:https'
import { parentPort, workerData } from 'node:worker_threads'
import { admit, deployment, source } from '../tools/admission.ts'
import { release } from '../tools/example-files.ts'

/** What the load does; handed over as the worker's data. */
export interface LoadPlan {
  readonly port: number
  readonly perSecond: number
  readonly seconds: number
  readonly inFlight: number
  /** Reviews before that, one after the other. */
  readonly warmUp: number
}

export interface LoadResult {
  /** Milliseconds from the moment a review was due to its answer. */
  readonly latencies: readonly number[]
  readonly failed: number
  /** Due, but so many were in flight that it was not sent. */
  readonly skipped: number
}

/** Open loop: a review is due at fixed intervals, whether or not the last one was answered. */
async function load({ port, perSecond, seconds, inFlight, warmUp }: LoadPlan): Promise<LoadResult> {
  const agent = new Agent({ keepAlive: true, rejectUnauthorized: false, maxSockets: inFlight })
  const bodies = reviews()
  const post = (i: number): Promise<boolean> => {
    const [path, body] = bodies[i % bodies.length] ?? ['', Buffer.of()]
    return ask({ host: '127.0.0.1', port, path, agent }, body)
  }
  for (let i = 0; i < warmUp; i++) await post(i)
  const latencies: number[] = []
  const counts = { failed: 0, skipped: 0, inFlight: 0 }
  const pending: Promise<void>[] = []
  const began = performance.now()
  for (let i = 0; i < perSecond * seconds; i++) {
    const due = began + (i * 1000) / perSecond
    const wait = due - performance.now()
    if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait))
    if (counts.inFlight >= inFlight) {
      counts.skipped++
      continue
    }
    counts.inFlight++
    pending.push(
      post(i).then((ok) => {
        counts.inFlight--
        if (ok) latencies.push(performance.now() - due)
        else counts.failed++
      }),
    )
  }
  await Promise.all(pending)
  agent.destroy()
  return { latencies, failed: counts.failed, skipped: counts.skipped }
}

function ask(where: { host: string; port: number; path: string; agent: Agent }, body: Buffer): Promise<boolean> {
  return new Promise((resolve) => {
    const headers = { 'Content-Type': 'application/json', 'Content-Length': body.length }
    const sent = request({ ...where, method: 'POST', headers }, (response) => {
      let text = ''
      response.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk
      })
      response.on('end', () => resolve(response.statusCode === 200 && text.includes('"allowed":true')))
    })
    sent.once('error', () => resolve(false))
    sent.end(body)
  })
}

/** A rollout of a workload with 100 KB of its own, as both webhooks see it: new and old object in one review. */
function reviews(): [string, Buffer][] {
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
    Buffer.from(
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
      }),
    )
  return [
    ['/mutate?timeout=5s', review(big('3'))],
    ['/validate?timeout=5s', review(fresh)],
  ]
}

parentPort?.postMessage(await load(workerData as LoadPlan))
