import { withPostgres } from '../../../src/prove/embedded-postgres.ts'
import { Judge } from './judge.ts'
import { copyDatabase, runLockkeeper, runPsql } from './sides.ts'
import type { Section, SourceFile } from './source-files.ts'
import { compareSchemas, noiseBetween, type State, stateOf } from './state.ts'

/** What psql makes of a down script right after its up script; `again`: the schema is restored, but not by a second up. */
export type Verdict = 'restored' | 'differs' | 'fails' | 'again'

export interface Options {
  /** Folder with psql and pg_dump. */
  readonly programs: string
  readonly major: number
  readonly folder: string
  readonly files: readonly SourceFile[]
}

export interface Course {
  readonly judge: Judge
  readonly verdicts: ReadonlyMap<string, Verdict>
}

/** Takes the scripts up and down by psql on one server and by Lockkeeper on others, and compares after each step. */
export async function runCourse(options: Options): Promise<Course> {
  const server = { major: options.major, settings: [`timezone = 'UTC'`] }
  return withPostgres(server, ({ url: psql }) =>
    withPostgres(server, ({ url: twin }) =>
      withPostgres(server, ({ url: ours }) =>
        withPostgres(server, async ({ url: whole }) => {
          const course = new Steps(options, { psql, twin, ours, whole })
          const top = await course.up()
          if (top >= 0) await course.down(top)
          return course
        }),
      ),
    ),
  )
}

interface Servers {
  readonly psql: string
  /** Psql does it a second time, to learn which values are another each time. */
  readonly twin: string
  readonly ours: string
  /** Where Lockkeeper does in one run what it does step by step elsewhere. */
  readonly whole: string
}

class Steps implements Course {
  readonly judge = new Judge()
  readonly verdicts = new Map<string, Verdict>()
  readonly options: Options
  readonly servers: Servers

  constructor(options: Options, servers: Servers) {
    this.options = options
    this.servers = servers
  }

  /** Index of the last file that both applied. */
  async up(): Promise<number> {
    const { files, folder } = this.options
    let before = await this.state(at(this.servers.psql))
    let top = -1
    for (const [index, file] of files.entries()) {
      const ups = ['up', '--to', file.version, '-m', folder]
      const ours = await runLockkeeper(at(this.servers.ours), ups)
      // What Lockkeeper does not try may not be in the way when both go down again.
      const url = ours?.refused === true ? await copyDatabase(this.servers.psql, 'probe') : at(this.servers.psql)
      const stops = [await runPsql(this.options.programs, url, file.up), ours] as const
      const states = await this.states(at(this.servers.psql), at(this.servers.ours))
      if (ours?.refused !== true) await this.learnNoise(file.up, states[0])
      if (!this.judge.judge('ups', { what: `${file.name} up`, stops, states })) break
      top = index
      if (file.down !== undefined) await this.tryDown(file, file.down, below(files, index), before, states[0])
      before = states[0]
    }
    const last = files[top]
    if (last !== undefined) await this.inOneRun(['up', '--to', last.version, '-m', folder], before)
    return top
  }

  async learnNoise(up: Section, psql: State): Promise<void> {
    await runPsql(this.options.programs, at(this.servers.twin), up)
    const twin = await this.state(at(this.servers.twin))
    for (const each of noiseBetween(psql, twin)) this.judge.noise.add(each)
  }

  /** On copies, so that what it leaves behind does not trouble the migrations above. */
  async tryDown(file: SourceFile, down: Section, to: string, before: State, applied: State): Promise<void> {
    const [copy, ourCopy] = await Promise.all([
      copyDatabase(this.servers.psql, 'probe'),
      copyDatabase(this.servers.ours, 'probe'),
    ])
    const stops = await this.run(copy, down, ourCopy, ['down', '--to', to])
    const states = await this.states(copy, ourCopy)
    this.judge.judge('downs', { what: `${file.name} down`, stops, states })
    if (stops[0] !== undefined) this.verdicts.set(file.version, 'fails')
    else if (compareSchemas(before.schema, states[0].schema).length > 0) this.verdicts.set(file.version, 'differs')
    else {
      const again = await runPsql(this.options.programs, copy, file.up)
      const isSame = compareSchemas(applied.schema, (await this.state(copy)).schema).length === 0
      this.verdicts.set(file.version, again === undefined && isSame ? 'restored' : 'again')
    }
  }

  /** All down scripts one after another, as far as both go. */
  async down(top: number): Promise<void> {
    const { files } = this.options
    let reached: { readonly to: string; readonly state: State } | undefined
    for (let index = top; index >= 0; index -= 1) {
      const { name, down } = files[index] ?? {}
      if (down === undefined) {
        this.judge.remarks.push(`the way down ends at ${name}, which has no down script`)
        break
      }
      const to = below(files, index)
      const stops = await this.run(at(this.servers.psql), down, at(this.servers.ours), ['down', '--to', to])
      const states = await this.states(at(this.servers.psql), at(this.servers.ours))
      if (!this.judge.judge('way down', { what: `${name} on the way down`, stops, states })) break
      reached = { to, state: states[0] }
    }
    if (reached !== undefined) await this.inOneRun(['down', '--to', reached.to], reached.state)
  }

  async inOneRun(args: readonly string[], psql: State): Promise<void> {
    const stop = await runLockkeeper(at(this.servers.whole), args)
    const states = [psql, await this.state(at(this.servers.whole))] as const
    this.judge.judge('in one run', {
      what: `${args.slice(0, 3).join(' ')} in one run`,
      stops: [undefined, stop],
      states,
    })
  }

  run(url: string, section: Section, ourUrl: string, args: readonly string[]) {
    return Promise.all([runPsql(this.options.programs, url, section), runLockkeeper(ourUrl, args)])
  }

  state(url: string): Promise<State> {
    return stateOf(this.options.programs, url)
  }

  states(one: string, other: string) {
    return Promise.all([this.state(one), this.state(other)])
  }
}

const at = (server: string) => `${server}/postgres`
const below = (files: readonly SourceFile[], index: number) => files[index - 1]?.version ?? 'none'
