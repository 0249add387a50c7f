import { percentile, spread } from './figures.ts'
import type { LoadResult } from './load.ts'
import type { Subject } from './reviews.ts'
import { type Running, withNothing, withNothingInGo, withWebhook } from './webhook-process.ts'

const ROUNDS = 3
const PER_SECOND = 200
const WARM_UP = 200
const inOpenLoop = { reviews: PER_SECOND * 20, warmUp: WARM_UP, inFlight: 50, perSecond: PER_SECOND }
const asFastAsItGoes = { reviews: 4_000, warmUp: WARM_UP, inFlight: 50 }
const MANY = 50_000

/** The webhook service under the reviews of large rollouts. */
export async function benchRollouts(): Promise<string[]> {
  const rounds: (LoadResult & { ready: number; handled: readonly number[]; peak: number })[] = []
  for (let i = 0; i < ROUNDS; i++) {
    const round = await withWebhook('rollout', async (webhook) => {
      const result = await webhook.load({ subject: 'rollout', ...inOpenLoop })
      return { ...result, ready: webhook.ready, handled: webhook.handled.slice(WARM_UP), peak: webhook.peak() }
    })
    rounds.push(round)
  }
  const over = (figure: (each: (typeof rounds)[number]) => number, unit: string) => spread(rounds.map(figure), unit)
  const sum = (figure: (each: LoadResult) => number) => rounds.reduce((total, each) => total + figure(each), 0)
  return [
    `webhook, start to ready: ${over(({ ready }) => ready, 'ms')}`,
    `webhook, ${PER_SECOND} reviews/s of a 100 KB Deployment for 20 s after ${WARM_UP} to warm up, at most 50 in flight: ${sum(({ latencies }) => latencies.length)} answered, ${sum(({ failed }) => failed)} failed, ${sum(({ skipped }) => skipped)} not sent`,
    `  handler p50: ${over(({ handled }) => percentile(handled, 50), 'ms')}`,
    `  handler p99: ${over(({ handled }) => percentile(handled, 99), 'ms')}`,
    `  seen by the client p99: ${over(({ latencies }) => percentile(latencies, 99), 'ms')}`,
    `  peak memory: ${over(({ peak }) => peak, 'MB')}`,
  ]
}

export const benchCarried = () => benchBeside('carried', 'a label of a workload')
export const benchRebuilt = () => benchBeside('rebuilt', 'another image of a workload with 200 migrations')

interface Round {
  readonly ours: Beside
  readonly nothing: Beside
  /** Absent where there is no Go to build it with. */
  readonly go: Beside | undefined
}
interface Beside {
  readonly p50: number
  readonly p99: number
  readonly perSecond: number
  readonly failed: number
}

/** What we add to a review, and how many fit into a second, round by round beside a webhook that does nothing. */
async function benchBeside(subject: Subject, what: string): Promise<string[]> {
  const run = async (webhook: Running): Promise<Beside> => {
    const { latencies, failed } = await webhook.load({ subject, ...inOpenLoop })
    const full = await webhook.load({ subject, ...asFastAsItGoes })
    return {
      p50: percentile(latencies, 50),
      p99: percentile(latencies, 99),
      perSecond: full.latencies.length / full.seconds,
      failed: failed + full.failed,
    }
  }
  const rounds: Round[] = []
  for (let i = 0; i < ROUNDS; i++) {
    const both = [() => withNothing(run), () => withWebhook(subject, run)] as const
    const [nothing, ours] =
      i % 2 === 0
        ? [await both[0](), await both[1]()]
        : ([await both[1](), await both[0]()].reverse() as [Beside, Beside])
    rounds.push({ nothing, ours, go: await withNothingInGo(run) })
  }
  const failed = rounds.reduce((sum, { ours }) => sum + ours.failed, 0)
  const over = (figure: (each: Round) => number, unit: string) => spread(rounds.map(figure), unit)
  const beside = (name: string, other: (each: Round) => Beside) => [
    `  beside ${name}: added at the median: ${over((each) => each.ours.p50 - other(each).p50, 'ms')}, at p99: ${over((each) => each.ours.p99 - other(each).p99, 'ms')}`,
    `    as fast as it goes: ${over(({ ours }) => ours.perSecond, 'reviews/s')}, ratio ${over((each) => each.ours.perSecond / other(each).perSecond, '')}`,
  ]
  return [
    `webhook, ${PER_SECOND} reviews/s of ${what}: ${failed} failed`,
    ...beside('a webhook in Node that does nothing', ({ nothing }) => nothing),
    ...(rounds.every(({ go }) => go !== undefined)
      ? beside('one in Go that does nothing', ({ go }) => go as Beside)
      : ['  beside one in Go: skipped, since go is not there']),
  ]
}

/** Memory after many reviews: twice as many must not take more. */
export const benchMany = (): Promise<string[]> =>
  withWebhook('carried', async (webhook) => {
    const many = { subject: 'carried', reviews: MANY, warmUp: 0, inFlight: 20 } as const
    const first = await webhook.load(many)
    const half = webhook.resident()
    const second = await webhook.load(many)
    return [
      `webhook, memory after ${MANY} reviews: ${Math.round(half)} MB, after ${2 * MANY}: ${Math.round(webhook.resident())} MB, peak ${Math.round(webhook.peak())} MB, ${first.failed + second.failed} failed`,
    ]
  })
