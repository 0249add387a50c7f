import { answerMutation, answerVerdict } from '../admission/answer.ts'
import type { Facts, NamespaceFacts, SecretKeys, SourceOutcome } from '../admission/facts.ts'
import { mutate } from '../admission/mutate.ts'
import { parseReview, type ReviewRequest } from '../admission/review.ts'
import { type Situation, situationOf } from '../admission/situation.ts'
import { secretNeeded, sourceNeeded } from '../admission/source-needed.ts'
import { validate } from '../admission/validate.ts'
import type { ReviewPorts } from './ports.ts'

export type Hook = 'mutate' | 'validate'

export interface Answered {
  /** The AdmissionReview to send. */
  readonly body: object
  readonly allowed: boolean
  readonly codes: readonly string[]
  /** What the log says of the request. */
  readonly about: Pick<ReviewRequest, 'uid' | 'kind' | 'namespace' | 'name' | 'operation' | 'user' | 'dryRun'>
}

/** How long a review waits for what has to be read; what is not read by then counts as failed. */
export interface Patience {
  readonly ms: number
  /** Resolves where it must not wait any longer. */
  readonly hurry?: Promise<void>
}

/** The answer to a review, or what is wrong with it in one line. */
export async function answerReview(
  ports: ReviewPorts,
  hook: Hook,
  body: Buffer,
  patience: Patience,
): Promise<Answered | { readonly problem: string }> {
  const request = requestIn(body)
  if ('problem' in request) return request
  const { uid, kind, namespace, name, operation, user, dryRun } = request
  const about = { uid, kind, namespace, name, operation, user, dryRun }
  const { facts, situation } = await factsFor(ports, hook, request, patience)
  if (hook === 'mutate')
    return { body: answerMutation(request, mutate(request, facts, situation)), allowed: true, codes: [], about }
  const verdict = validate(request, facts, situation)
  const codes = verdict.findings.map(({ code }) => code)
  return { body: answerVerdict(request, verdict), allowed: verdict.allowed, codes, about }
}

function requestIn(body: Buffer): ReviewRequest | { readonly problem: string } {
  try {
    return parseReview(JSON.parse(body.toString()))
  } catch (error) {
    if (error instanceof SyntaxError) return { problem: `no JSON: ${error.message}` }
    throw error
  }
}

async function factsFor(
  ports: ReviewPorts,
  hook: Hook,
  request: ReviewRequest,
  patience: Patience,
): Promise<{ facts: Facts; situation: Situation }> {
  const none: NamespaceFacts = { name: request.namespace, labels: {}, annotations: {} }
  const namespace = request.workload === undefined ? none : ((await ports.namespace(request.namespace)) ?? none)
  const situation = situationOf(request, namespace)
  const needed = sourceNeeded(request, situation)
  const secret = hook === 'validate' ? secretNeeded(situation) : undefined
  const [source, secretKeys] = await Promise.all([
    needed &&
      inTime<SourceOutcome>(ports.source(needed), patience, (reason) => ({
        kind: 'failed',
        configMap: needed.configMaps[0] ?? '',
        reason,
      })),
    secret === undefined
      ? ('unknown' as const)
      : inTime<SecretKeys>(ports.secretKeys(request.namespace, secret), patience, () => 'unknown'),
  ])
  const { cluster, runnerImage, imagePullPolicy } = ports
  const facts = { namespace, source, secretKeys, cluster, runnerImage, imagePullPolicy, now: ports.now() }
  return { facts, situation }
}

/** What outlasts the review counts as failed: better a finding with its cure than a timeout of ours. */
async function inTime<T>(reading: Promise<T>, { ms, hurry }: Patience, late: (reason: string) => T): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const over = new Promise<T>((resolve) => {
    timer = setTimeout(() => resolve(late(`it was not read within ${ms} ms`)), ms)
    void hurry?.then(() => resolve(late('too many reviews wait for their files at once')))
  })
  try {
    return await Promise.race([reading, over])
  } finally {
    clearTimeout(timer)
  }
}
