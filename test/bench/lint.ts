import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { spread } from './figures.ts'

const program = join(import.meta.dirname, '../../dist/lockkeeper.js')
const RUNS = 5
const MIGRATIONS = 1000

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

/** 1,000 migrations, up and down, each as a whole process; beside it squawk on the same files, where it is installed. */
export function benchLint(): string[] {
  const folder = mkdtempSync(join(tmpdir(), 'lockkeeper-lint-'))
  try {
    const files = write(join(folder, 'migrations'))
    const own = Array.from({ length: RUNS }, () =>
      timed(process.execPath, [program, 'lint', '-o', 'json', '-m', join(folder, 'migrations')]),
    )
    const peer = Array.from({ length: RUNS }, () => timed('squawk', files)).flatMap((ms) => ms ?? [])
    const measured = own.flatMap((ms) => ms ?? [])
    const line = `lint of ${MIGRATIONS} migrations: ${spread(measured, 'ms')}`
    if (peer.length === 0) return [`${line}; squawk: not installed`]
    return [
      `${line}; squawk ${spread(peer, 'ms')}, ours in ${(median(measured) / median(peer)).toFixed(1)} times its time`,
    ]
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

const median = (figures: readonly number[]) => figures.toSorted((a, b) => a - b)[Math.floor(figures.length / 2)] ?? 0
