import { Worker } from 'node:worker_threads'
import type { PreparedSource } from '../migration/prepare-source.ts'
import type { Answer, Question } from './source-worker.ts'

export interface ThreadOptions {
  /** Megabytes of the thread's heap: a statement's tree takes 200 times its size. */
  readonly maxHeap: number
  /** UTF-16 units of SQL whose trees are kept from one source to the next. */
  readonly room: number
  /** Milliseconds without a question after which the thread ends and gives its memory back. */
  readonly idleMs: number
}

/** A question took longer than it may. */
export class Late extends Error {}

/** Milliseconds for a thread to begin, on a machine that has other things to do. */
const START_MS = 10_000

/**
 * A thread that reads sources, one at a time. It starts with the first, and again after one that was too much for it (for
 * its time, for its memory, or for the parser's stack).
 */
export class SourceThread {
  readonly #options: ThreadOptions
  #running: { readonly worker: Worker; readonly ready: Promise<void> } | undefined
  #idle: NodeJS.Timeout | undefined

  constructor(options: ThreadOptions) {
    this.#options = options
  }

  /** Rejects with Late after `ms`, and with what ended the thread otherwise. The bodies are handed over. */
  async ask(question: Question, ms: number): Promise<PreparedSource> {
    clearTimeout(this.#idle)
    this.#running ??= this.#start()
    const { worker, ready } = this.#running
    try {
      await within(ready, START_MS)
      const answer = answerOf(worker)
      worker.postMessage(question, question.bodies.map(({ buffer }) => buffer) as ArrayBuffer[])
      const { prepared, spent } = await within(answer, ms)
      if (spent) await this.close()
      return prepared
    } catch (error) {
      this.#running = undefined
      void worker.terminate()
      throw error
    } finally {
      this.#idle = setTimeout(() => void this.close(), this.#options.idleMs).unref()
    }
  }

  async close(): Promise<void> {
    clearTimeout(this.#idle)
    const running = this.#running
    this.#running = undefined
    await running?.worker.terminate()
  }

  #start() {
    // The bundle has it beside itself.
    const file = import.meta.url.endsWith('.ts') ? './source-worker.ts' : './webhook-source.js'
    const { maxHeap, room } = this.#options
    const worker = new Worker(new URL(file, import.meta.url), {
      resourceLimits: { maxOldGenerationSizeMb: maxHeap },
      workerData: { room },
    })
    worker.unref()
    // Else an error between two questions would end the process.
    worker.on('error', () => undefined)
    return { worker, ready: answerOf(worker).then(() => undefined) }
  }
}

/** The next that a thread says; rejects where it ends instead. */
function answerOf(worker: Worker): Promise<{ prepared: PreparedSource; spent: boolean }> {
  return new Promise((resolve, reject) => {
    const say = (answer: Answer) => over(() => resolve('prepared' in answer ? answer : nothing))
    const fail = (error: Error) => over(() => reject(error))
    const end = (code: number) => fail(new Error(`the thread ended (${code})`))
    const over = (then: () => void) => {
      worker.off('message', say).off('error', fail).off('exit', end)
      then()
    }
    worker.on('message', say).on('error', fail).on('exit', end)
  })
}

const nothing = { prepared: { versions: [], immutable: false, read: { flaw: '', fix: '' } }, spent: false }

async function within<T>(answer: Promise<T>, ms: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Late(`it took longer than ${ms} ms`)), ms)
  })
  try {
    return await Promise.race([answer, late])
  } finally {
    clearTimeout(timer)
  }
}
