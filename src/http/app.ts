import express, { type ErrorRequestHandler, type Express, type Request, type RequestHandler } from 'express'
import { answerMutation, answerVerdict } from '../admission/answer.ts'
import type { Facts, NamespaceFacts, SecretKeys, SourceOutcome, SourceRequest } from '../admission/facts.ts'
import { mutate } from '../admission/mutate.ts'
import { parseReview, type ReviewRequest } from '../admission/review.ts'
import { type Situation, situationOf } from '../admission/situation.ts'
import { secretNeeded, sourceNeeded } from '../admission/source-needed.ts'
import { validate } from '../admission/validate.ts'
import type { Metrics } from './metrics.ts'

/** What the app needs of the world. */
export interface Ports {
  namespace(name: string): Promise<NamespaceFacts | undefined>
  source(request: SourceRequest): Promise<SourceOutcome>
  /** Never rejects: what cannot be read is unknown. */
  secretKeys(namespace: string, name: string): Promise<SecretKeys>
  readonly cluster: string
  readonly runnerImage: string
  readonly imagePullPolicy: string
  now(): number
  /** Why the service is not ready, or undefined when it is. */
  unready(): string | undefined
  log(level: 'info' | 'error', fields: Record<string, unknown>, message: string): void
  readonly metrics: Metrics
}

/** The API server's limit for an object is 3 MiB in etcd; a review holds two of them. */
const BODY_LIMIT = '7mb'
const MAX_IN_FLIGHT = 200
/** What is left of a review's time for everything but reading the source. */
const RESERVE = 500

type Hook = 'mutate' | 'validate'

/** The webhook's HTTP interface, without a server around it. */
export function createApp(ports: Ports): Express {
  const app = express()
  app.disable('x-powered-by')
  app.get('/healthz', (_, response) => void response.send('ok'))
  app.get('/readyz', (_, response) => {
    const reason = ports.unready()
    response.status(reason === undefined ? 200 : 503).send(reason ?? 'ok')
  })
  const body = [atMost(MAX_IN_FLIGHT), onlyJson, express.json({ limit: BODY_LIMIT, strict: true })]
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
  if (request.is('application/json')) return next()
  response.status(415).send('a review is application/json')
}

function review(ports: Ports, hook: Hook): RequestHandler {
  return async (request, response) => {
    const began = performance.now()
    const parsed = parseReview(request.body)
    request.body = undefined // It would live until the answer is sent; many at once grow the heap.
    if ('problem' in parsed) return void response.status(400).send(parsed.problem)
    const answered = await answer(ports, hook, parsed, deadlineOf(request))
    response.json(answered.body)
    const seconds = (performance.now() - began) / 1000
    ports.metrics.reviewed(hook, parsed.operation, answered.allowed ? 'allowed' : 'denied', seconds, answered.codes)
    const { uid, kind, namespace, name, operation, user, dryRun } = parsed
    const { allowed, codes } = answered
    ports.log(
      'info',
      {
        hook,
        uid,
        kind,
        namespace,
        name,
        operation,
        user,
        dryRun,
        allowed,
        codes,
        ms: Math.round(seconds * 10_000) / 10,
      },
      'review',
    )
  }
}

async function answer(ports: Ports, hook: Hook, request: ReviewRequest, deadlineMs: number) {
  const { facts, situation } = await factsFor(ports, hook, request, deadlineMs)
  if (hook === 'mutate')
    return { body: answerMutation(request, mutate(request, facts, situation)), allowed: true, codes: [] }
  const verdict = validate(request, facts, situation)
  const codes = verdict.findings.map(({ code }) => code)
  return { body: answerVerdict(request, verdict), allowed: verdict.allowed, codes }
}

async function factsFor(
  ports: Ports,
  hook: Hook,
  request: ReviewRequest,
  deadlineMs: number,
): Promise<{ facts: Facts; situation: Situation }> {
  const none: NamespaceFacts = { name: request.namespace, labels: {}, annotations: {} }
  const namespace = request.workload === undefined ? none : ((await ports.namespace(request.namespace)) ?? none)
  const situation = situationOf(request, namespace)
  const needed = sourceNeeded(request, situation)
  const secret = hook === 'validate' ? secretNeeded(situation) : undefined
  const [source, secretKeys] = await Promise.all([
    needed &&
      inTime<SourceOutcome>(ports.source(needed), deadlineMs, (reason) => ({
        kind: 'failed',
        configMap: needed.configMaps[0] ?? '',
        reason,
      })),
    secret === undefined
      ? ('unknown' as const)
      : inTime<SecretKeys>(ports.secretKeys(request.namespace, secret), deadlineMs, () => 'unknown'),
  ])
  const { cluster, runnerImage, imagePullPolicy } = ports
  const facts = { namespace, source, secretKeys, cluster, runnerImage, imagePullPolicy, now: ports.now() }
  return { facts, situation }
}

/** What outlasts the review counts as failed: better a finding with its cure than a timeout of ours. */
async function inTime<T>(reading: Promise<T>, ms: number, late: (reason: string) => T): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const over = new Promise<T>((resolve) => {
    timer = setTimeout(() => resolve(late(`the API server did not answer within ${ms} ms`)), ms)
  })
  try {
    return await Promise.race([reading, over])
  } finally {
    clearTimeout(timer)
  }
}

/** The API server says how long it waits: `?timeout=5s`. */
function deadlineOf({ query }: Request): number {
  const seconds = /^(\d+)s$/.exec(typeof query.timeout === 'string' ? query.timeout : '')?.[1]
  return Math.max(RESERVE, Number(seconds ?? 5) * 1000 - RESERVE)
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
