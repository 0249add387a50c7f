import { Worker } from 'node:worker_threads'
import type { MigrationSet } from '../migration/migration.ts'
import type { SqlFacts } from '../migration/sql-facts.ts'
import type { Answer, Question } from './worker.ts'

/** Megabytes of the worker's heap: a statement takes 150 times its size while it is parsed. */
const MAX_HEAP = 160

type Waiting = PromiseWithResolvers<SqlFacts>

/**
 * Reads SQL in a thread of its own: a set of many megabytes takes seconds, and reviews must not wait for that of others.
 * The thread starts with the first set, and again after one that was too much for it.
 */
export class Judges {
  #worker: Worker | undefined
  #last = 0
  readonly #waiting = new Map<number, Waiting>()
  readonly #maxHeap: number

  constructor(maxHeap = MAX_HEAP) {
    this.#maxHeap = maxHeap
  }

  /** Rejects where the thread ends over it (memory, or a defect): the next call starts another. */
  judge({ migrations }: Pick<MigrationSet, 'migrations'>, since?: string): Promise<SqlFacts> {
    this.#worker ??= this.#start()
    const id = ++this.#last
    const answer = Promise.withResolvers<SqlFacts>()
    this.#waiting.set(id, answer)
    this.#worker.postMessage({ id, migrations, ...(since !== undefined && { since }) } satisfies Question)
    return answer.promise
  }

  async close(): Promise<void> {
    await this.#worker?.terminate()
  }

  #start(): Worker {
    // The bundle has it beside itself.
    const file = import.meta.url.endsWith('.ts') ? './worker.ts' : './webhook-judge.js'
    const worker = new Worker(new URL(file, import.meta.url), {
      resourceLimits: { maxOldGenerationSizeMb: this.#maxHeap },
    })
    worker.unref()
    worker.on('message', ({ id, facts }: Answer) => {
      this.#waiting.get(id)?.resolve(facts)
      this.#waiting.delete(id)
    })
    worker.on('error', (error) => this.#end(worker, error))
    worker.on('exit', (code) => this.#end(worker, new Error(`the thread ended (${code})`)))
    return worker
  }

  #end(worker: Worker, error: Error): void {
    if (this.#worker !== worker) return
    this.#worker = undefined
    for (const { reject } of this.#waiting.values()) reject(error)
    this.#waiting.clear()
  }
}
