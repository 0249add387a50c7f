import { LIMITS } from '../limits.ts'
import type { PreparedSource, SourceQuestion } from '../migration/prepare-source.ts'
import { Late, SourceThread } from './source-thread.ts'

export interface ThreadsOptions {
  readonly quickMs?: number
  readonly sourceMs?: number
  readonly quickHeap?: number
  readonly slowHeap?: number
  readonly idleMs?: number
  /** Told where the SQL of a release could not be judged, or a source not be read. */
  readonly log?: (message: string) => void
}

/** See `Prepare` and `LoadSource` in `kubernetes/sources.ts`. */
type LoadSource = (most: number) => Promise<Uint8Array[] | undefined>

interface Job {
  readonly asker: string
  readonly load: LoadSource
  readonly question: SourceQuestion
  readonly done: (prepared: PreparedSource) => void
  readonly failed: (reason: unknown) => void
}

/** One of the two places where sources are read. */
interface Lane {
  readonly thread: SourceThread
  readonly quick: boolean
  busy: boolean
}

/**
 * Reads and judges sources in threads of their own, so that reviews go on meanwhile. Namespaces take turns, and each has
 * one source read at a time. There are two threads: a source begins in the one for quick ones; what is too much for that
 * is begun again in the other, where the namespaces with large sources wait for each other. So one that takes all the time
 * that it may keeps others waiting for a moment once, and then only those like itself.
 */
export class SourceThreads {
  readonly #options: Required<ThreadsOptions>
  readonly #lanes: readonly Lane[]
  readonly #waiting = new Map<string, Job[]>()
  readonly #running = new Set<string>()
  readonly #slow = new Set<string>()

  constructor(options: ThreadsOptions = {}) {
    const { quickMs = LIMITS.quickMs.value, sourceMs = LIMITS.sourceMs.value, idleMs = 30_000 } = options
    const { quickHeap = 64, slowHeap = 128, log = () => undefined } = options
    this.#options = { quickMs, sourceMs, idleMs, quickHeap, slowHeap, log }
    this.#lanes = [
      { thread: new SourceThread({ maxHeap: quickHeap, room: 200_000, idleMs }), quick: true, busy: false },
      { thread: new SourceThread({ maxHeap: slowHeap, room: 200_000, idleMs }), quick: false, busy: false },
    ]
  }

  /** Rejects with what `load` rejects with, and where too many wait. */
  prepare(asker: string, load: LoadSource, question: SourceQuestion): Promise<PreparedSource> {
    const own = this.#waiting.get(asker) ?? []
    const most = LIMITS.waitingSources.value
    if (own.length >= most) return Promise.reject(new Error(`${most} sources of namespace ${asker} wait already`))
    return new Promise((done, failed) => {
      this.#waiting.set(asker, [...own, { asker, load, question, done, failed }])
      this.#next()
    })
  }

  async close(): Promise<void> {
    await Promise.all(this.#lanes.map(({ thread }) => thread.close()))
  }

  #next(): void {
    for (const lane of this.#lanes) {
      if (lane.busy) continue
      const job = this.#takeFor(lane)
      if (job !== undefined) void this.#run(lane, job)
    }
  }

  /** The job of the namespace whose turn it is. */
  #takeFor({ quick }: Lane): Job | undefined {
    for (const [asker, own] of this.#waiting) {
      if (this.#running.has(asker) || this.#slow.has(asker) === quick) continue
      const [job, ...rest] = own
      this.#waiting.delete(asker)
      if (rest.length > 0) this.#waiting.set(asker, rest)
      return job
    }
    return undefined
  }

  async #run(lane: Lane, job: Job): Promise<void> {
    lane.busy = true
    this.#running.add(job.asker)
    try {
      const prepared = lane.quick ? await this.#quickly(lane, job) : await this.#slowly(lane, job)
      if (prepared !== undefined) job.done(prepared)
      else {
        this.#slow.add(job.asker)
        this.#waiting.set(job.asker, [job, ...(this.#waiting.get(job.asker) ?? [])])
      }
    } catch (error) {
      job.failed(error)
    }
    this.#running.delete(job.asker)
    lane.busy = false
    this.#next()
  }

  /** Undefined: it is too much for the thread of quick ones. */
  async #quickly({ thread }: Lane, { load, question }: Job): Promise<PreparedSource | undefined> {
    const bodies = await load(LIMITS.quickJson.value)
    if (bodies === undefined) return undefined
    return await thread.ask({ bodies, question }, this.#options.quickMs).catch(() => undefined)
  }

  async #slowly({ thread }: Lane, { asker, load, question }: Job): Promise<PreparedSource> {
    const { sourceMs, quickMs, log } = this.#options
    const bodies = await load(LIMITS.sourceJson.value)
    if (bodies === undefined) return tooLarge
    const began = performance.now()
    try {
      const prepared = await thread.ask({ bodies, question }, sourceMs)
      if (performance.now() - began < quickMs / 2) this.#slow.delete(asker)
      return prepared
    } catch (error) {
      const why = reasonOf(error)
      log(`the SQL of a release in namespace ${asker} could not be judged: ${String(error)}`)
      const again = await load(LIMITS.sourceJson.value)
      if (again === undefined) return tooLarge
      const read = await thread.ask({ bodies: again, question, unjudged: why }, sourceMs).catch(unreadable)
      return { ...read, passing: true }
    }
  }
}

function reasonOf(error: unknown): string {
  if (error instanceof Late) return error.message
  const memory = error instanceof Error && 'code' in error && error.code === 'ERR_WORKER_OUT_OF_MEMORY'
  return memory ? 'it took more memory than there is for it' : 'an error of Lockkeeper; see its log'
}

const unreadable = (error: unknown): PreparedSource => ({
  versions: [],
  immutable: false,
  read: { flaw: `its files alone: ${reasonOf(error)}`, fix: 'make the files fewer or smaller' },
})

const tooLarge: PreparedSource = {
  versions: [],
  immutable: false,
  read: {
    flaw: `the ConfigMaps have more than ${LIMITS.sourceJson.value / 1024 / 1024} MiB together, as the API server sends them`,
    fix: 'load bulk data outside the migrations',
  },
}
