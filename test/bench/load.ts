import { Agent, request } from 'node:https'
import { parentPort, workerData } from 'node:worker_threads'
import { reviewsOf, type Subject } from './reviews.ts'

/** What the load does; handed over as the worker's data. */
export interface LoadPlan {
  readonly port: number
  readonly subject: Subject
  /** Reviews in all, after those that warm up one by one. */
  readonly reviews: number
  readonly warmUp: number
  readonly inFlight: number
  /** How many are due in a second, whether or not the last ones were answered; without it each answer brings the next. */
  readonly perSecond?: number
}

export interface LoadResult {
  /** Milliseconds from the moment a review was due to its answer. */
  readonly latencies: readonly number[]
  readonly failed: number
  /** Due, but so many were in flight that it was not sent. */
  readonly skipped: number
  /** From the first review to the last answer. */
  readonly seconds: number
}

async function load({ port, subject, reviews, warmUp, inFlight, perSecond }: LoadPlan): Promise<LoadResult> {
  const agent = new Agent({ keepAlive: true, rejectUnauthorized: false, maxSockets: inFlight })
  const bodies = reviewsOf(subject)
  const latencies: number[] = []
  const counts = { failed: 0, skipped: 0, inFlight: 0 }
  const post = (i: number): Promise<boolean> => {
    const [path, body] = bodies[i % bodies.length] ?? ['', Buffer.of()]
    return ask({ host: '127.0.0.1', port, path, agent }, body)
  }
  const measure = async (i: number, due: number) => {
    counts.inFlight++
    if (await post(i)) latencies.push(performance.now() - due)
    else counts.failed++
    counts.inFlight--
  }
  for (let i = 0; i < warmUp; i++) await post(i)
  const began = performance.now()
  if (perSecond === undefined) {
    let next = 0
    const worker = async () => {
      while (next < reviews) await measure(next++, performance.now())
    }
    await Promise.all(Array.from({ length: inFlight }, worker))
  } else {
    const pending: Promise<void>[] = []
    for (let i = 0; i < reviews; i++) {
      const due = began + (i * 1000) / perSecond
      const wait = due - performance.now()
      if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait))
      if (counts.inFlight >= inFlight) counts.skipped++
      else pending.push(measure(i, due))
    }
    await Promise.all(pending)
  }
  const seconds = (performance.now() - began) / 1000
  agent.destroy()
  return { latencies, failed: counts.failed, skipped: counts.skipped, seconds }
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

parentPort?.postMessage(await load(workerData as LoadPlan))
