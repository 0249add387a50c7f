import { random } from '../crash.ts'
import type { Files } from '../runner.ts'

/** How a version is made. Its one object is named by it: `t3` a table, `i3` an index. */
export type Kind = 'table' | 'slow' | 'breaks' | 'unknown' | 'wrong' | 'index' | 'alone' | 'wrong-index'

export interface Version {
  readonly kind: Kind
  /** Of its script, in milliseconds. */
  readonly sleep: number
}

export type WorkloadName = 'a' | 'b'

/** What a person deploys. Tokens grow in the order of a sequence. */
export interface Intent {
  readonly workload: WorkloadName
  readonly target: number
  readonly token: number
  readonly onRollback: 'always' | 'auto' | 'keep'
  readonly strategy: 'RollingUpdate' | 'Recreate'
  /** Whether its files are without the mistakes of `wrong` and `wrong-index`. */
  readonly corrected: boolean
}

/** What happens, one after the other; runs go on meanwhile. Numbers from 0 to 1 choose among what is there then. */
export type Act =
  | { readonly kind: 'intent'; readonly intent: Intent }
  /** One more pod of the newest intent, or of an older one. */
  | { readonly kind: 'pod' | 'late'; readonly workload: WorkloadName; readonly which: number }
  /** SIGKILL or SIGTERM to a runner, or the end of its session on the server. */
  | { readonly kind: 'kill' | 'stop' | 'cut'; readonly which: number }
  /** An old snapshot on the table that is indexed, for which CONCURRENTLY waits. */
  | { readonly kind: 'reader'; readonly ms: number }
  /** Someone's trigger on the history, which swallows its rows; `pull` takes it away again. */
  | { readonly kind: 'plant' | 'pull' }
  | { readonly kind: 'wait'; readonly ms: number }
  /** Until a script runs on the server, and so long after that. */
  | { readonly kind: 'during'; readonly ms: number }

export interface Sequence {
  readonly seed: number
  readonly versions: readonly Version[]
  readonly acts: readonly Act[]
}

/** The first version stays: it holds the log and the table that is indexed. */
export const LOWEST = 1
const HIGHEST = 5

const kinds: readonly Kind[] = [
  ...(['table', 'slow', 'slow', 'slow', 'breaks', 'breaks', 'unknown'] as const),
  ...(['wrong', 'index', 'index', 'alone', 'wrong-index'] as const),
]

/** A sequence, the same for the same seed. Undos during steps are frequent: there the hard questions are. */
export function drawSequence(seed: number): Sequence {
  const next = random(seed)
  const below = (end: number) => Math.floor(next() * end)
  const one = <T>(of: readonly [T, ...T[]]): T => of[below(of.length)] ?? of[0]
  const versions = Array.from({ length: HIGHEST }, (_, i): Version => {
    const kind = i < LOWEST ? 'table' : (kinds[below(kinds.length)] ?? 'table')
    return { kind, sleep: kind === 'slow' || kind === 'breaks' ? 20 + below(260) : below(40) }
  })
  const names: readonly [WorkloadName, ...WorkloadName[]] = next() < 0.4 ? ['a'] : ['a', 'b']
  const habits = { a: habitOf(one), b: habitOf(one) }
  const targets = { a: 0, b: 0 }
  const acts: Act[] = []
  let token = 0
  const deploy = (workload: WorkloadName, by: number) => {
    token += 1
    targets[workload] = Math.min(HIGHEST, Math.max(LOWEST, targets[workload] + by))
    const intent = { workload, target: targets[workload], token, corrected: next() < 0.6, ...habits[workload] }
    acts.push({ kind: 'intent', intent })
  }
  deploy('a', 1 + below(2))
  const length = 6 + below(12)
  while (acts.length < length) {
    const workload = one(names)
    const chance = next()
    if (chance < 0.36) {
      deploy(workload, targets[workload] === 0 ? 1 + below(2) : one([-2, -1, 0, 1, 1, 2, 3]))
      if (next() < 0.6) {
        acts.push({ kind: 'during', ms: below(60) })
        deploy(workload, one([-1, -1, -2, 0]))
      }
    } else if (chance < 0.5) acts.push({ kind: 'pod', workload, which: next() })
    else if (chance < 0.62) acts.push({ kind: 'late', workload, which: next() })
    else if (chance < 0.76) acts.push({ kind: one(['kill', 'kill', 'stop', 'cut', 'cut']), which: next() })
    else if (chance < 0.79 && names.length > 1) {
      // A neighbour gets ready during a step.
      deploy(workload, one([1, 2]))
      acts.push({ kind: 'during', ms: 0 })
      deploy(workload === 'a' ? 'b' : 'a', one([-1, 0, 0]))
    } else if (chance < 0.83) acts.push({ kind: 'reader', ms: 100 + below(300) })
    else if (chance < 0.92) {
      if (next() < 0.8) {
        deploy(workload, one([1, 2]))
        acts.push({ kind: 'during', ms: 0 })
      }
      acts.push({ kind: 'plant' }, { kind: 'wait', ms: 50 + below(300) }, { kind: 'pull' })
    } else acts.push({ kind: 'wait', ms: below(200) })
  }
  return { seed, versions, acts }
}

const habitOf = (one: <T>(of: readonly [T, ...T[]]) => T): Pick<Intent, 'onRollback' | 'strategy'> => ({
  onRollback: one(['always', 'always', 'always', 'auto', 'auto', 'keep']),
  strategy: one(['RollingUpdate', 'RollingUpdate', 'RollingUpdate', 'Recreate']),
})

/** The lowest release that is known to work once a version is applied; undefined: not known. */
export function floorOf({ versions }: Sequence, version: number): number | undefined {
  const kind = versions[version - 1]?.kind
  return kind === 'unknown' ? undefined : kind === 'breaks' ? version : 0
}

/** As the webhook hands them to a runner. */
export const floorsOf = (sequence: Sequence): string =>
  sequence.versions
    .map((_, i) => [i + 1, floorOf(sequence, i + 1)])
    .filter(([, floor]) => floor !== 0)
    .map(([version, floor = '?']) => `${version}=${floor}`)
    .join(',') || '-'

/** The files of a release. Each script also writes into the log that it ran. */
export function filesOf({ versions }: Sequence, { target, corrected }: Pick<Intent, 'target' | 'corrected'>): Files {
  const files = versions.slice(0, target).flatMap((version, i): [string, string][] => {
    const n = i + 1
    const [up, down] = i < LOWEST ? firstScripts : scriptsOf(version, n, corrected)
    return [
      [`${n}_step.up.sql`, up],
      [`${n}_step.down.sql`, down],
    ]
  })
  return Object.fromEntries(files)
}

const firstScripts: readonly [up: string, down: string] = [
  `CREATE TABLE log (id bigint GENERATED ALWAYS AS IDENTITY, step text);
CREATE TABLE base (id int, twice int);
INSERT INTO base VALUES (1, 1), (2, 1);
INSERT INTO log (step) VALUES ('up 1');
`,
  'DROP TABLE log, base;\n',
]

function scriptsOf({ kind, sleep }: Version, n: number, corrected: boolean): readonly [up: string, down: string] {
  const ran = (way: 'up' | 'down') => `INSERT INTO log (step) VALUES ('${way} ${n}');\n`
  const wait = sleep === 0 ? '' : `SELECT pg_sleep(${sleep / 1000});\n`
  const index = `DROP INDEX CONCURRENTLY i${n};\n${ran('down')}`
  const alone = '-- lockkeeper: no-transaction\n'
  if (kind === 'index') return [`CREATE INDEX CONCURRENTLY i${n} ON base (id);\n${ran('up')}`, index]
  if (kind === 'wrong-index') {
    return [`CREATE ${corrected ? '' : 'UNIQUE '}INDEX CONCURRENTLY i${n} ON base (twice);\n${ran('up')}`, index]
  }
  if (kind === 'alone') {
    return [`${alone}CREATE TABLE t${n} ();\n${wait}${ran('up')}`, `${alone}DROP TABLE t${n};\n${wait}${ran('down')}`]
  }
  const mistake = kind === 'wrong' && !corrected ? 'SELECT 1 / 0;\n' : ''
  return [`CREATE TABLE t${n} ();\n${wait}${mistake}${ran('up')}`, `DROP TABLE t${n};\n${wait}${ran('down')}`]
}
