import express, { type ErrorRequestHandler, type Express, type Request, type RequestHandler } from 'express'
import { answerReview, type Hook } from './answer-review.ts'
import { inTurn, waitedMs } from './in-turn.ts'
import type { Ports } from './ports.ts'

/** The API server's limit for an object is 3 MiB in etcd; a review holds two of them. */
const BODY_LIMIT = '7mb'
const MAX_IN_FLIGHT = 200
const JSON_TYPE = 'application/json'
/** What is left of a review's time for everything but reading the source. */
const RESERVE = 500

/** The webhook's HTTP interface, without a server around it. */
export function createApp(ports: Ports): Express {
  const app = express()
  app.disable('x-powered-by')
  app.disable('etag') // An answer is never asked for again.
  app.get('/healthz', (_, response) => void response.send('ok'))
  app.get('/readyz', (_, response) => {
    const reason = ports.unready()
    response.status(reason === undefined ? 200 : 503).send(reason ?? 'ok')
  })
  const body = [atMost(MAX_IN_FLIGHT), onlyJson, inTurn(), express.raw({ limit: BODY_LIMIT, type: JSON_TYPE })]
  app.post('/mutate', ...body, review(ports, 'mutate'))
  app.post('/validate', ...body, review(ports, 'validate'))
  app.use((_, response) => void response.status(404).send('unknown path'))
  app.use(failed(ports))
  return app
}

function atMost(limit: number): RequestHandler {
  let inFlight = 0
  return (_, response, next) => {
    if (inFlight >= limit) return void response.status(503).set('Retry-After', '1').send('too many reviews at once')
    inFlight++
    response.once('close', () => inFlight--)
    next()
  }
}

const onlyJson: RequestHandler = (request, response, next) => {
  if (request.is(JSON_TYPE)) return next()
  response.status(415).send('a review is application/json')
}

function review(ports: Ports, hook: Hook): RequestHandler {
  return async (request, response) => {
    const began = performance.now()
    const body: unknown = request.body
    const deadline = deadlineOf(request, waitedMs(response))
    const answered = await answerReview(ports, hook, Buffer.isBuffer(body) ? body : Buffer.of(), deadline)
    if ('problem' in answered) {
      ports.metrics.reviewed(hook, 'unknown', 'error', 0, [])
      return void response.status(400).send(answered.problem)
    }
    response.json(answered.body)
    const seconds = (performance.now() - began) / 1000
    const { about, allowed, codes } = answered
    ports.metrics.reviewed(hook, about.operation, allowed ? 'allowed' : 'denied', seconds, codes)
    ports.log('info', { hook, ...about, allowed, codes, ms: Math.round(seconds * 10_000) / 10 }, 'review')
  }
}

/** The API server says how long it waits: `?timeout=5s`. Some of that may have passed. */
function deadlineOf({ query }: Request, waited: number): number {
  const seconds = /^(\d+)s$/.exec(typeof query.timeout === 'string' ? query.timeout : '')?.[1]
  return Math.max(RESERVE, Number(seconds ?? 5) * 1000 - RESERVE - waited)
}

function failed(ports: Ports): ErrorRequestHandler {
  return (error: Error & { status?: number; type?: string }, request, response, _next) => {
    const status = error.status ?? 500
    if (status >= 500)
      ports.log('error', { path: request.path, error: error.stack ?? error.message }, 'a review failed')
    const hook = request.path.slice(1)
    if (hook === 'mutate' || hook === 'validate') ports.metrics.reviewed(hook, 'unknown', 'error', 0, [])
    const text =
      status === 413 ? 'a review may have 7 MiB' : status >= 500 ? 'an error of Lockkeeper; see its log' : error.message
    response.status(status).send(text)
  }
}
