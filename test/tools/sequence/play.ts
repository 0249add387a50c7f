import type { ChildProcess } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import type { TestDatabase } from '../postgres.ts'
import { type RunnerResult, runRunner } from '../runner.ts'
import type { Act, Intent, Sequence, WorkloadName } from './draw.ts'
import { Others } from './others.ts'
import { filesOf, floorsOf } from './scripts.ts'

/** One run of the runner, for a pod. */
export interface Pod {
  readonly intent: Intent
  readonly began: number
  /** When its process ended, and with what; undefined while it runs. */
  ended?: number
  result?: RunnerResult
  child?: ChildProcess
  readonly over: Promise<void>
}

/** A sequence on its way: what was deployed, and the pods that came of it. */
export class Play {
  readonly intents: Record<WorkloadName, Intent[]> = { a: [], b: [] }
  readonly pods: Pod[] = []
  readonly sequence: Sequence
  readonly #database: TestDatabase
  readonly #others: Others
  readonly #began = Date.now()

  constructor(sequence: Sequence, database: TestDatabase) {
    this.sequence = sequence
    this.#database = database
    this.#others = new Others(database)
  }

  /** Every act in turn, then the end of all that was begun. */
  async perform(): Promise<void> {
    for (const act of this.sequence.acts) await this.#act(act)
    await this.#others.free()
    await this.quiet()
  }

  /** Until no run of ours is alive. */
  async quiet(): Promise<void> {
    await Promise.all(this.pods.map(({ over }) => over))
    await this.#others.gone()
  }

  /** A pod of an intent, which runs until its application may start or it is refused. */
  start(intent: Intent, deadline = '2s'): Pod {
    const files = filesOf(this.sequence, intent)
    let pod: Pod
    const run = async () => {
      const result = await runRunner({
        url: this.#database.url,
        target: String(intent.target),
        token: intent.token,
        workload: `shop/Deployment/${intent.workload}`,
        files,
        env: {
          LOCKKEEPER_ON_ROLLBACK: intent.onRollback,
          LOCKKEEPER_STRATEGY: intent.strategy,
          LOCKKEEPER_FLOORS: floorsOf(this.sequence),
          LOCKKEEPER_DEADLINE: deadline,
        },
        started: (child) => {
          pod.child = child
        },
      })
      pod.ended = Date.now()
      pod.result = result
    }
    const begun = Promise.withResolvers<void>()
    pod = { intent, began: Date.now(), over: begun.promise }
    run().then(begun.resolve, begun.reject)
    this.pods.push(pod)
    return pod
  }

  newest(workload: WorkloadName): Intent | undefined {
    return this.intents[workload].at(-1)
  }

  /** What was deployed, and how each run of it ended, with what it printed. */
  describe(): string {
    const at = (time: number | undefined) => (time === undefined ? '?' : `${time - this.#began} ms`)
    const pods = this.pods.map(({ intent, began, ended, result }) => {
      const how = `${at(began)} to ${at(ended)}, ended with ${result?.code ?? result?.signal}`
      return `── ${intent.workload} to ${intent.target}, token ${intent.token}, ${how}\n${result?.output ?? ''}`
    })
    const { seed, versions, acts } = this.sequence
    const lines = [...versions.map((version, i) => ({ version: i + 1, ...version })), ...acts]
    return [`LOCKKEEPER_SEED=${seed}`, ...lines.map((each) => JSON.stringify(each)), ...pods].join('\n')
  }

  async #act(act: Act): Promise<void> {
    switch (act.kind) {
      case 'intent':
        return this.#deploy(act.intent)
      case 'pod':
      case 'late':
        return this.#pod(act.kind, act.workload, act.which)
      case 'kill':
      case 'stop':
      case 'cut':
        return this.#strike(act.kind, act.which)
      case 'during':
        return this.#during(act.ms)
      case 'over':
        return this.#over(act.workload)
      case 'reader':
        return this.#others.read(act.ms)
      case 'plant':
      case 'pull':
        return this.#others.plant(act.kind === 'plant')
      case 'wait':
        return sleep(act.ms)
      default:
        return this.#others[act.kind]()
    }
  }

  async #deploy(intent: Intent): Promise<void> {
    // Under Recreate the pods of before have ended when those of the new intent come.
    if (intent.strategy === 'Recreate') await this.#end(intent.workload)
    this.intents[intent.workload].push(intent)
    this.start(intent)
  }

  #pod(kind: 'pod' | 'late', workload: WorkloadName, which: number): void {
    const all = this.intents[workload]
    const intent = kind === 'pod' ? all.at(-1) : all[Math.floor(which * all.length)]
    // No pod of before a Recreate comes back.
    const since = all.findLastIndex(({ strategy }) => strategy === 'Recreate')
    if (intent !== undefined && all.indexOf(intent) >= since) this.start(intent)
  }

  async #strike(kind: 'kill' | 'stop' | 'cut', which: number): Promise<void> {
    const alive = this.pods.filter(({ ended }) => ended === undefined)
    const child = alive[Math.floor(which * alive.length)]?.child
    if (kind === 'kill') child?.kill('SIGKILL')
    else if (kind === 'stop') child?.kill('SIGTERM')
    else {
      await this.#database.sql(`select pg_terminate_backend(pid) from pg_stat_activity
        where datname = current_database() and application_name like 'lockkeeper%' order by pid desc limit 1`)
    }
  }

  /** Runs start slowly on a busy machine: this waits for a script, up to two seconds, and not for a time. */
  async #during(ms: number): Promise<void> {
    for (let tries = 0; tries < 100; tries++) {
      const running = await this.#database.sql(`select from pg_stat_activity where datname = current_database()
        and application_name like 'lockkeeper%' and state = 'active' and query ~ 'pg_sleep|CONCURRENTLY|LOCK TABLE base|REFERENCES base'`)
      if (running.length > 0) break
      if (this.pods.every(({ ended }) => ended !== undefined)) break
      await sleep(20)
    }
    await sleep(ms)
  }

  /** Whoever waits for something may take longer: at most a second and a half. */
  async #over(workload: WorkloadName): Promise<void> {
    const newest = this.pods.findLast(({ intent }) => intent.workload === workload)
    await Promise.race([newest?.over, sleep(1500)])
  }

  async #end(workload: WorkloadName): Promise<void> {
    const mine = this.pods.filter((pod) => pod.intent.workload === workload && pod.ended === undefined)
    for (const { child } of mine) child?.kill('SIGKILL')
    await Promise.all(mine.map(({ over }) => over))
  }
}
