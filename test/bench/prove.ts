import { spawn } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { spread } from './figures.ts'

const program = join(import.meta.dirname, '../../dist/lockkeeper.js')
const MIGRATIONS = 200
const ROUNDS = 3
/** The bound of the product, on two cores. */
const BOUND_S = 30

/** `prove` of 200 small migrations on embedded servers, whole process, and again with all of them proven but the last. */
export async function benchProve(): Promise<string[]> {
  const folder = await mkdtemp(join(tmpdir(), 'lockkeeper-bench-'))
  try {
    for (const [name, text] of migrations()) await writeFile(join(folder, name), text)
    const whole: number[] = []
    const again: number[] = []
    for (let round = 0; round < ROUNDS; round++) {
      const proof = join(folder, `.proof-${round}`)
      whole.push(await seconds(['prove', '-q', '-m', folder, '--proof', proof]))
      await writeFile(join(folder, `${MIGRATIONS}_step.down.sql`), `DROP TABLE t${MIGRATIONS}; -- ${round}\n`)
      again.push(await seconds(['prove', '-q', '-m', folder, '--proof', proof]))
    }
    return [
      `prove, ${MIGRATIONS} small migrations, whole process: ${spread(whole, 's')}, bound ${BOUND_S} s`,
      `  the same with the last one changed: ${spread(again, 's')}`,
    ]
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** A table; then a column, an index and a foreign key on it, in turn. */
function* migrations(): Generator<[name: string, text: string]> {
  for (let n = 1; n <= MIGRATIONS; n++) {
    const [up, down] = n === MIGRATIONS ? makeTable(n) : (steps[n % steps.length] ?? makeTable)(n)
    yield [`${n}_step.up.sql`, `${up}\n`]
    yield [`${n}_step.down.sql`, `${down}\n`]
  }
}

type Step = (n: number) => readonly [up: string, down: string]
const makeTable: Step = (n) => [
  `CREATE TABLE t${n} (id bigint PRIMARY KEY, name text NOT NULL, made timestamptz DEFAULT now());`,
  `DROP TABLE t${n};`,
]
const steps: readonly Step[] = [
  (n) => [`ALTER TABLE t${n - 3} ADD parent bigint REFERENCES t${n - 3};`, `ALTER TABLE t${n - 3} DROP parent;`],
  makeTable,
  (n) => [`ALTER TABLE t${n - 1} ADD note text DEFAULT '';`, `ALTER TABLE t${n - 1} DROP note;`],
  (n) => [`CREATE INDEX t${n - 2}_name ON t${n - 2} (name);`, `DROP INDEX t${n - 2}_name;`],
]

async function seconds(args: readonly string[]): Promise<number> {
  const began = performance.now()
  const child = spawn(process.execPath, [program, ...args], { stdio: ['ignore', 'ignore', 'inherit'] })
  const code = await new Promise<number | null>((resolve) => child.once('exit', resolve))
  if (code !== 0) throw new Error(`prove ended with ${code}`)
  return (performance.now() - began) / 1000
}
