import type { ChildProcess } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { Client } from 'pg'
import type { TestDatabase } from '../postgres.ts'
import { type RunnerResult, runRunner } from '../runner.ts'
import { type Act, filesOf, floorsOf, type Intent, type Sequence, type WorkloadName } from './draw.ts'

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
  /** When each of our readers lets go. */
  readonly #readers: Promise<void>[] = []
  readonly sequence: Sequence
  readonly #database: TestDatabase
  readonly #program: string
  readonly #began = Date.now()

  /** `program`: the runner, as it ships. */
  constructor(sequence: Sequence, database: TestDatabase, program: string) {
    this.sequence = sequence
    this.#database = database
    this.#program = program
  }

  /** Every act in turn, then the end of all that was begun. */
  async perform(): Promise<void> {
    for (const act of this.sequence.acts) await this.#act(act)
    await this.quiet()
  }

  /** Until no run of ours is alive. */
  async quiet(): Promise<void> {
    await Promise.all([...this.pods.map(({ over }) => over), ...this.#readers])
    await this.#plant(false)
  }

  /** A pod of an intent, which runs until its application may start or it is refused. */
  start(intent: Intent, deadline = '2s'): Pod {
    const files = filesOf(this.sequence, intent)
    let pod: Pod
    const run = async () => {
      const result = await runRunner({
        url: this.#database.url,
        program: this.#program,
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
    if (act.kind === 'intent') {
      // Under Recreate the pods of before have ended when those of the new intent come.
      const { workload, strategy } = act.intent
      if (strategy === 'Recreate') await this.#end(workload)
      this.intents[workload].push(act.intent)
      this.start(act.intent)
    } else if (act.kind === 'wait') await sleep(act.ms)
    else if (act.kind === 'during') await this.#during(act.ms)
    else if (act.kind === 'reader') this.#readers.push(this.#read(act.ms))
    else if ('workload' in act) this.#pod(act)
    else if ('which' in act) await this.#strike(act)
    else await this.#plant(act.kind === 'plant')
  }

  #pod({ kind, workload, which }: Extract<Act, { kind: 'pod' | 'late' }>): void {
    const all = this.intents[workload]
    const intent = kind === 'pod' ? all.at(-1) : all[Math.floor(which * all.length)]
    // No pod of before a Recreate comes back.
    const since = all.findLastIndex(({ strategy }) => strategy === 'Recreate')
    if (intent !== undefined && all.indexOf(intent) >= since) this.start(intent)
  }

  async #strike({ kind, which }: Extract<Act, { kind: 'kill' | 'stop' | 'cut' }>): Promise<void> {
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
        and application_name like 'lockkeeper%' and state = 'active' and query ~ 'pg_sleep|CONCURRENTLY'`)
      if (running.length > 0) break
      if (this.pods.every(({ ended }) => ended !== undefined)) break
      await sleep(20)
    }
    await sleep(ms)
  }

  async #end(workload: WorkloadName): Promise<void> {
    const mine = this.pods.filter((pod) => pod.intent.workload === workload && pod.ended === undefined)
    for (const { child } of mine) child?.kill('SIGKILL')
    await Promise.all(mine.map(({ over }) => over))
  }

  async #read(ms: number): Promise<void> {
    const client = new Client({ connectionString: this.#database.url })
    await client.connect()
    try {
      await client.query('begin isolation level repeatable read; select 1 from pg_class limit 1')
      await sleep(ms)
    } finally {
      await client.end()
    }
  }

  /** It does nothing where there is no history yet. */
  async #plant(there: boolean): Promise<void> {
    const [row] = await this.#database.sql<{ yes: boolean }>(
      `select to_regclass('lockkeeper.migration') is not null as yes`,
    )
    if (row?.yes !== true) return
    const swallow = `create or replace function public.swallow() returns trigger language plpgsql as 'begin return null; end';
      create trigger swallow before insert on lockkeeper.migration for each row execute function public.swallow()`
    const pull = 'drop trigger if exists swallow on lockkeeper.migration'
    // A step that is just writing its row holds it up for a moment.
    await this.#database.sql(there ? `${pull}; ${swallow}` : pull)
  }
}
