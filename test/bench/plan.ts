import { spawn } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { withPostgres } from '../../src/prove/embedded-postgres.ts'
import { spread } from './figures.ts'
import { peakOf } from './process.ts'

const program = join(import.meta.dirname, '../../dist/lockkeeper.js')
const MIGRATIONS = 10_000
const ROUNDS = 5

/** `lockkeeper plan` of a folder that grew for years, on an empty database: nothing is applied, so all of it is planned. */
export async function benchPlan(): Promise<string[]> {
  return withPostgres({ major: 18 }, async ({ url }) => {
    const folder = await mkdtemp(join(tmpdir(), 'lockkeeper-bench-'))
    try {
      for (let n = 1; n <= MIGRATIONS; n++) {
        const column = `c${n % 1000}`
        await writeFile(join(folder, `${n}_step.up.sql`), `ALTER TABLE t${n % 50} ADD ${column} text;\n`)
        await writeFile(join(folder, `${n}_step.down.sql`), `ALTER TABLE t${n % 50} DROP ${column};\n`)
      }
      const rounds: Planned[] = []
      for (let round = 0; round < ROUNDS; round++) rounds.push(await plan(folder, `${url}/postgres`))
      const over = (figure: (each: Planned) => number, unit: string) => spread(rounds.map(figure), unit)
      return [
        `plan of ${MIGRATIONS} migrations in one folder, whole process: ${over(({ ms }) => ms, 'ms')} (wanted: below 2000), ` +
          `${over(({ megabytes }) => megabytes, 'MB')} (wanted: below 300)`,
      ]
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  })
}

interface Planned {
  readonly ms: number
  readonly megabytes: number
}

/** Runs the program to its end, and sees that it planned all of them. */
async function plan(folder: string, url: string): Promise<Planned> {
  const began = performance.now()
  const child = spawn(process.execPath, [program, 'plan', '-m', folder, '-o', 'json', '--database', url], {
    env: { PATH: process.env.PATH },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let text = ''
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk
  })
  let megabytes = 0
  const timer = setInterval(() => {
    megabytes = Math.max(megabytes, peakOf(child))
  }, 20)
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve))
  clearInterval(timer)
  const ms = performance.now() - began
  const { steps } = JSON.parse(text) as { steps: unknown[] }
  if (code !== 0 || steps.length !== MIGRATIONS) throw new Error(`plan ended with ${code}, ${steps.length} steps`)
  return { ms, megabytes }
}
