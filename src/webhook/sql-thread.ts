import { createHash } from 'node:crypto'
import { Worker } from 'node:worker_threads'
import type { MigrationSet } from '../migration/migration.ts'
import type { SqlFacts } from '../migration/sql-facts.ts'
import type { Answer, Question } from './sql-worker.ts'

export interface JudgesOptions {
  /** Megabytes of the thread's heap: a statement takes 150 times its size while it is parsed. */
  readonly maxHeap?: number
  /** Milliseconds without a question after which the thread ends and gives its memory back. */
  readonly idleMs?: number
}

/** Sets whose answers are kept; one of 200 migrations has some 20 KB. */
const MAX_KEPT = 100

/**
 * Reads SQL in a thread of its own: a set of many megabytes takes seconds, and reviews must not wait for that of others.
 * The thread starts with the first set, and again after one that was too much for it. A set that was read is never read
 * again, whatever ConfigMap it comes in.
 */
export class Judges {
  #worker: Worker | undefined
  #idle: NodeJS.Timeout | undefined
  readonly #waiting = new Map<string, PromiseWithResolvers<SqlFacts>>()
  readonly #kept = new Map<string, Promise<SqlFacts>>()
  readonly #maxHeap: number
  readonly #idleMs: number

  constructor({ maxHeap = 160, idleMs = 30_000 }: JudgesOptions = {}) {
    this.#maxHeap = maxHeap
    this.#idleMs = idleMs
  }

  /** Rejects where the thread ends over it (memory, or a defect): the next call starts another. */
  judge({ migrations }: Pick<MigrationSet, 'migrations'>, since?: string): Promise<SqlFacts> {
    const question = { migrations, ...(since !== undefined && { since }) }
    const id = createHash('sha256').update(JSON.stringify(question)).digest('hex')
    const known = this.#kept.get(id)
    if (known !== undefined) return known
    const answer = this.#ask({ id, ...question })
    this.#kept.set(id, answer)
    answer.catch(() => this.#kept.delete(id))
    const [oldest] = this.#kept.keys()
    if (this.#kept.size > MAX_KEPT && oldest !== undefined) this.#kept.delete(oldest)
    return answer
  }

  async close(): Promise<void> {
    clearTimeout(this.#idle)
    await this.#worker?.terminate()
  }

  #ask(question: Question): Promise<SqlFacts> {
    clearTimeout(this.#idle)
    this.#worker ??= this.#start()
    const answer = Promise.withResolvers<SqlFacts>()
    this.#waiting.set(question.id, answer)
    this.#worker.postMessage(question)
    return answer.promise
  }

  #start(): Worker {
    // The bundle has it beside itself.
    const file = import.meta.url.endsWith('.ts') ? './sql-worker.ts' : './webhook-judge.js'
    const limits = { maxOldGenerationSizeMb: this.#maxHeap }
    const worker = new Worker(new URL(file, import.meta.url), { resourceLimits: limits })
    worker.unref()
    worker.on('message', ({ id, facts }: Answer) => {
      this.#waiting.get(id)?.resolve(facts)
      this.#waiting.delete(id)
      if (this.#waiting.size === 0) this.#idle = setTimeout(() => this.#dismiss(worker), this.#idleMs).unref()
    })
    worker.on('error', (error) => this.#end(worker, error))
    worker.on('exit', (code) => this.#end(worker, new Error(`the thread ended (${code})`)))
    return worker
  }

  /** Forgotten first: a question that comes while it ends is for the next one. */
  #dismiss(worker: Worker): void {
    if (this.#worker === worker) this.#worker = undefined
    void worker.terminate()
  }

  #end(worker: Worker, error: Error): void {
    if (this.#worker !== worker) return
    this.#worker = undefined
    for (const { reject } of this.#waiting.values()) reject(error)
    this.#waiting.clear()
  }
}
