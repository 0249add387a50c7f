import type { TLSSocket } from 'node:tls'
import express, { type ErrorRequestHandler, type Express, type Request, type RequestHandler } from 'express'
import { answerReview, type Hook } from './answer-review.ts'
import { hurried, inTurn, waitedMs } from './in-turn.ts'
import type { Ports } from './ports.ts'
import { readBody, takeBody } from './read-body.ts'

const JSON_TYPE = 'application/json'
/** What is left of a review's time for everything but reading the source. */
const RESERVE = 500

/** Whose reviews are answered, where a client CA is configured. */
export interface Clients {
  /** Common names of their certificates; none: any that the CA issued. */
  readonly names: readonly string[]
}

/** The webhook's HTTP interface, without a server around it. `clients`: who asks has to show a certificate. */
export function createApp(ports: Ports, clients?: Clients): Express {
  const app = express()
  app.disable('x-powered-by')
  app.disable('etag') // An answer is never asked for again.
  app.get('/healthz', (_, response) => void response.send('ok'))
  app.get('/readyz', (_, response) => {
    const reason = ports.unready()
    response.status(reason === undefined ? 200 : 503).send(reason ?? 'ok')
  })
  const body = [
    ...(clients === undefined ? [] : [onlyKnown(clients)]),
    onlyJson,
    readBody({ refused: countError(ports) }),
    inTurn(),
  ]
  app.post('/mutate', ...body, review(ports, 'mutate'))
  app.post('/validate', ...body, review(ports, 'validate'))
  app.use((_, response) => void response.status(404).send('unknown path'))
  app.use(failed(ports))
  return app
}

/** The kubelet, which asks for health and readiness, has no certificate to show. */
function onlyKnown({ names }: Clients): RequestHandler {
  return (request, response, next) => {
    const socket = request.socket as Partial<TLSSocket>
    const name = socket.authorized === true ? socket.getPeerCertificate?.().subject?.CN : undefined
    const known = name !== undefined && (names.length === 0 || [name].flat().some((each) => names.includes(each)))
    if (known) return next()
    response
      .status(403)
      .set('Connection', 'close')
      .send('a review comes from the API server, with a certificate of the client CA')
  }
}

const onlyJson: RequestHandler = (request, response, next) => {
  if (request.is(JSON_TYPE)) return next()
  response.status(415).send('a review is application/json')
}

function review(ports: Ports, hook: Hook): RequestHandler {
  return async (request, response) => {
    const began = performance.now()
    const body = takeBody(response)
    if ('tooMany' in body) {
      countError(ports)(request)
      return void response.status(413).send(body.tooMany)
    }
    const patience = { ms: deadlineOf(request, waitedMs(response)), hurry: hurried(response) }
    const answered = await answerReview(ports, hook, body, patience)
    if ('problem' in answered) {
      countError(ports)(request)
      return void response.status(400).send(answered.problem)
    }
    response.json(answered.body)
    const seconds = (performance.now() - began) / 1000
    const { about, allowed, codes } = answered
    ports.metrics.reviewed(hook, about.operation, allowed ? 'allowed' : 'denied', seconds, codes)
    ports.log('info', { hook, ...about, allowed, codes, ms: Math.round(seconds * 10_000) / 10 }, 'review')
  }
}

/** Counts a request that was no review, or was not read as one. */
const countError =
  ({ metrics }: Ports) =>
  ({ path }: Pick<Request, 'path'>) => {
    const hook = path.slice(1)
    if (hook === 'mutate' || hook === 'validate') metrics.reviewed(hook, 'unknown', 'error', 0, [])
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
    countError(ports)(request)
    const text = status >= 500 ? 'an error of Lockkeeper; see its log' : error.message
    response.status(status).send(text)
  }
}
