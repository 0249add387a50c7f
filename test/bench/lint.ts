import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { percentile, spread } from './figures.ts'

const program = join(import.meta.dirname, '../../dist/lockkeeper.js')
/** The peer: a linter of migrations, on the PATH unless it is named. */
const squawk = process.env.LOCKKEEPER_BENCH_SQUAWK ?? 'squawk'
const RUNS = 5
const MIGRATIONS = 1000
/** The bound of the product. */
const BOUND_MS = 3000

/** What a release does, over and over: a table, a column, an index, a view with its function. */
const steps: readonly (readonly [up: string, down: string])[] = [
  ['CREATE TABLE t (id bigint PRIMARY KEY, note text NOT NULL);\nCREATE INDEX t_note ON t (note);', 'DROP TABLE t;'],
  ["ALTER TABLE t_before ADD COLUMN state text NOT NULL DEFAULT 'new';", 'ALTER TABLE t_before DROP COLUMN state;'],
  ['CREATE INDEX CONCURRENTLY t_i ON orders (note);', 'DROP INDEX CONCURRENTLY t_i;'],
  [
    'CREATE FUNCTION t_f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;\nCREATE VIEW t_v AS SELECT id, note FROM orders;',
    'DROP VIEW t_v;\nDROP FUNCTION t_f();',
  ],
]

/** 1,000 migrations, up and down, as a whole process; in turn with it squawk on the same files, where it is installed. */
export function benchLint(): string[] {
  const folder = mkdtempSync(join(tmpdir(), 'lockkeeper-lint-'))
  try {
    const files = write(join(folder, 'migrations'))
    const rounds = Array.from({ length: RUNS }, () => ({
      own: timed(process.execPath, [program, 'lint', '-o', 'json', '-m', join(folder, 'migrations')]) ?? Number.NaN,
      peer: timed(squawk, files),
    }))
    const own = rounds.map((round) => round.own)
    const peer = rounds.flatMap((round) => round.peer ?? [])
    const line = `lint of ${MIGRATIONS} migrations, whole process: ${spread(own, 'ms')}, bound ${BOUND_MS} ms`
    if (peer.length === 0) return [line, `  squawk: skipped, since ${squawk} is not there (LOCKKEEPER_BENCH_SQUAWK)`]
    // Round by round, since a slow spell of the machine slows both.
    const ratio = percentile(
      rounds.map((round) => round.own / (round.peer ?? Number.NaN)),
      50,
    )
    return [line, `  ${versionOf(squawk)} on the same files: ${spread(peer, 'ms')}, ratio ${ratio.toFixed(1)}`]
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function write(folder: string): string[] {
  mkdirSync(folder)
  return Array.from({ length: MIGRATIONS }, (_, i) => {
    const [up = '', down = ''] = steps[i % steps.length] ?? []
    const own = (text: string) => text.replaceAll('t_before', `t${i - 1}`).replace(/\bt(_\w+)?\b/g, `t${i}$1`)
    const files = [
      [`${i + 1}_step.up.sql`, own(up)],
      [`${i + 1}_step.down.sql`, own(down)],
    ] as const
    return files.map(([name, text]) => {
      writeFileSync(join(folder, name), text)
      return join(folder, name)
    })
  }).flat()
}

/** Milliseconds of a whole run; undefined: there is no such program. Findings are no failure. */
function timed(command: string, args: readonly string[]): number | undefined {
  const began = performance.now()
  const { error, signal } = spawnSync(command, args, { stdio: ['ignore', 'ignore', 'inherit'] })
  if (error !== undefined && 'code' in error && error.code === 'ENOENT') return undefined
  if (error !== undefined || signal !== null) throw error ?? new Error(`${command} was ended by ${signal}`)
  return performance.now() - began
}

const versionOf = (command: string) => spawnSync(command, ['--version'], { encoding: 'utf8' }).stdout.trim()
