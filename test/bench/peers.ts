import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { percentile } from './figures.ts'

/** The comparison with other tools is a program of its own, which installs them; where it is not there, nothing is said. */
const root = join(import.meta.dirname, '../..')
const comparison = process.env.LOCKKEEPER_BENCH_PEERS ?? join(root, '../shared/bench/run')
const program = join(root, 'dist/lockkeeper.js')
const ROUNDS = process.env.LOCKKEEPER_BENCH_ROUNDS ?? '5'

/** One run of one tool. It is `ok` when it ended well and left the right schema. */
interface Run {
  readonly ms?: number
  readonly ok: boolean
  readonly rssMb?: number
  readonly blocked?: number
}
type Runs = Readonly<Record<string, readonly Run[]>>
interface Results {
  readonly machine: string
  readonly versions: Readonly<Record<string, string>>
  readonly results: Readonly<Record<string, Runs>>
}

const questions: Readonly<Record<string, string>> = {
  fresh: '200 small migrations, empty database',
  noop: 'the same command with nothing to do',
  'herd-empty': '20 at once on an empty database, until the last ends',
  'herd-ready': '20 at once with nothing to do, until the last ends',
  stall: 'longest wait of a client while ALTER TABLE is behind a reader of 10 s',
  big: 'one file of 20 MB',
  crash: 'killed in a migration, then run again',
  'crash-index': 'killed in CREATE INDEX CONCURRENTLY, then run again',
  concurrently: 'two at once with CREATE INDEX CONCURRENTLY',
}
/** What is run beside us, and `psql`, which keeps no history and takes no lock. */
const tools = ['psql', 'golang-migrate', 'goose', 'dbmate', 'flyway', 'node-pg-migrate', 'node-pg-migrate wait']

/** Other tools and the program, interleaved, each as a whole process: a table of medians, and of ours as a ratio. */
export function benchPeers(): string[] {
  if (!existsSync(comparison))
    return [
      `other tools: not measured, since ${process.env.LOCKKEEPER_BENCH_PEERS ?? 'LOCKKEEPER_BENCH_PEERS'} is not there`,
    ]
  const out = mkdtempSync(join(tmpdir(), 'lockkeeper-peers-'))
  try {
    const scenarios = Object.keys(questions).join(',')
    execFileSync(
      comparison,
      ['--scenarios', scenarios, '--only', ['lockkeeper', ...tools].join(','), '--rounds', ROUNDS, '--out', out],
      {
        env: { ...process.env, LOCKKEEPER: `${process.execPath} ${program}` },
        stdio: ['ignore', 'ignore', 'inherit'],
      },
    )
    return tableOf(JSON.parse(readFileSync(join(out, 'results.json'), 'utf8')) as Results)
  } finally {
    rmSync(out, { recursive: true, force: true })
  }
}

/** Median milliseconds; `no` where a run failed or needed a person. */
export function tableOf({ machine, versions, results }: Results): string[] {
  const names = ['lockkeeper', ...tools].filter((name) => name in versions)
  const cell = (runs: readonly Run[] | undefined): string => {
    if (runs === undefined) return ''
    if (!runs.every(({ ok }) => ok)) return 'no'
    const memory = runs.flatMap(({ rssMb }) => rssMb ?? [])
    return `${Math.round(medianOf(runs))}${memory.length === 0 ? '' : ` (${Math.round(percentile(memory, 50))} MB)`}`
  }
  const rows = Object.entries(results).map(([scenario, runs]) =>
    [
      questions[scenario] ?? scenario,
      ...names.map((name) => cell(runs[name])),
      ratio(runs, 'psql'),
      ratio(runs, fastest(runs)),
    ].join(' | '),
  )
  return [
    `${machine}; ${Object.entries(versions)
      .map((each) => each.join(' '))
      .join(', ')}; ${ROUNDS} interleaved rounds`,
    '',
    `| median ms | ${names.join(' | ')} | × psql | × fastest peer |`,
    `| --- |${' --: |'.repeat(names.length + 2)}`,
    ...rows.map((row) => `| ${row} |`),
  ]
}

const medianOf = (runs: readonly Run[]) =>
  percentile(
    runs.map(({ ms }) => ms ?? Number.NaN),
    50,
  )

/** The fastest of the other tools that did it in every round. */
function fastest(runs: Runs): string | undefined {
  return Object.entries(runs)
    .filter(([name, all]) => name !== 'lockkeeper' && name !== 'psql' && all.every(({ ok }) => ok))
    .sort(([, a], [, b]) => medianOf(a) - medianOf(b))[0]?.[0]
}

/** Median of the ratios within each round, since a slow spell of the machine slows a whole round. */
function ratio(runs: Runs, to: string | undefined): string {
  const ours = runs.lockkeeper ?? []
  const theirs = to === undefined ? [] : (runs[to] ?? [])
  if (theirs.length === 0 || !theirs.every(({ ok }) => ok) || !ours.every(({ ok }) => ok)) return '-'
  const each = ours.map(({ ms }, round) => (ms ?? Number.NaN) / (theirs[round]?.ms ?? Number.NaN))
  return percentile(each, 50).toFixed(2)
}
