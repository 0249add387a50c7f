import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Client } from 'pg'
import { writeFloors } from '../../src/migration/floor-list.ts'
import { withPostgres } from '../../src/prove/embedded-postgres.ts'
import { query } from '../tools/postgres.ts'
import { digestFor } from '../tools/runner.ts'
import { percentile, spread } from './figures.ts'
import { measure } from './process.ts'

const runner = join(import.meta.dirname, '../../dist/runner.js')
const MIGRATIONS = 200
const ROUNDS = 7
const STARTS = 20
/** Pods of one rollout. */
const HERD = 20

/** The runner against a local server: with nothing to do, and with 200 small migrations beside a plain session. */
export async function benchRunner(): Promise<string[]> {
  return withPostgres({ major: 18, settings: ['fsync = on'] }, async (server) => {
    const folder = await mkdtemp(join(tmpdir(), 'lockkeeper-bench-'))
    const files = Object.fromEntries(
      Array.from({ length: MIGRATIONS }, (_, i) => i + 1).flatMap((n) => [
        [
          `${n}_step.up.sql`,
          `CREATE TABLE t${n} (id bigint PRIMARY KEY, name text NOT NULL, made timestamptz DEFAULT now());\n`,
        ],
        [`${n}_step.down.sql`, `DROP TABLE t${n};\n`],
      ]),
    )
    for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text)
    const env = (url: string) => ({
      LOCKKEEPER_TARGET: String(MIGRATIONS),
      LOCKKEEPER_DIGEST: digestFor(files, String(MIGRATIONS)),
      LOCKKEEPER_TOKEN: '1',
      // As the webhook hands them over: older code works with a table that is new.
      LOCKKEEPER_FLOORS: writeFloors([{ version: '1', floor: '0' }]) ?? '',
      LOCKKEEPER_CLUSTER: 'bench',
      LOCKKEEPER_WORKLOAD: 'bench/Deployment/bench',
      LOCKKEEPER_MIGRATIONS: folder,
      LOCKKEEPER_DATABASE_URL: url,
      LOCKKEEPER_TERMINATION_LOG: join(folder, '.termination-log'),
    })
    try {
      const ours: number[] = []
      const moving: number[] = []
      const plain: number[] = []
      for (let round = 0; round < ROUNDS; round++) {
        for (const kind of round % 2 === 0 ? ['ours', 'plain'] : ['plain', 'ours']) {
          const name = `bench_${kind}_${round}`
          await query(`${server.url}/postgres`, `create database ${name}`)
          const url = `${server.url}/${name}`
          if (kind === 'ours') {
            const { ms, output } = await measure(runner, env(url))
            ours.push(ms)
            moving.push(timeOf(output, 'done') - timeOf(output, 'locked'))
          } else
            plain.push(
              await plainSession(
                url,
                folder,
                Object.keys(files).filter((file) => file.includes('.up.')),
              ),
            )
        }
      }
      const last = `${server.url}/bench_ours_${ROUNDS - 1}`
      const starts = []
      for (let i = 0; i < STARTS; i++) starts.push(await measure(runner, env(last)))
      return [
        `runner, nothing to do, whole process: ${spread(
          starts.map(({ ms }) => ms),
          'ms',
        )}, ${spread(
          starts.map(({ megabytes }) => megabytes),
          'MB',
        )}`,
        `${MIGRATIONS} migrations by the runner, from the lock to the end: ${spread(moving, 'ms')}; whole process: ${spread(ours, 'ms')}`,
        `${MIGRATIONS} files by ${psql ? 'psql' : 'a plain client'}, one session, a transaction a file, nothing recorded, whole process: ${spread(plain, 'ms')}`,
        `  ratio to that, round by round: from the lock ${ratio(moving, plain)}, whole process ${ratio(ours, plain)}`,
        await herds(server.url, env),
      ]
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  })
}

async function herds(server: string, env: (url: string) => Readonly<Record<string, string>>): Promise<string> {
  const empty: number[] = []
  const current: number[] = []
  for (let round = 0; round < ROUNDS; round++) {
    await query(`${server}/postgres`, `create database herd_${round}`)
    const url = `${server}/herd_${round}`
    empty.push(await herd(env(url)))
    current.push(await herd({ ...env(url), LOCKKEEPER_TOKEN: '2' }))
  }
  return `${HERD} runners at once, until the last ends: on an empty database ${spread(empty, 'ms')}; in a new rollout on a current one ${spread(current, 'ms')}`
}

/** Until the last of them ends. */
async function herd(env: Readonly<Record<string, string>>): Promise<number> {
  const began = performance.now()
  await Promise.all(Array.from({ length: HERD }, () => measure(runner, env)))
  return performance.now() - began
}

/** When an event line was written, ms of the epoch. */
function timeOf(output: string, event: string): number {
  const line = output.split('\n').find((each) => each.includes(`"event":"${event}"`))
  return Date.parse((JSON.parse(line ?? '{}') as { time?: string }).time ?? '')
}

const ratio = (ours: readonly number[], theirs: readonly number[]): string =>
  percentile(
    ours.map((ms, i) => ms / (theirs[i] ?? Number.NaN)),
    50,
  ).toFixed(2)

/** One session, a transaction a file: psql where it is installed, else the same by a client without anything around it. */
async function plainSession(url: string, folder: string, names: readonly string[]): Promise<number> {
  const began = performance.now()
  if (psql) {
    const steps = names.flatMap((name) => ['-c', 'BEGIN', '-f', join(folder, name), '-c', 'COMMIT'])
    execFileSync('psql', ['-X', '-q', '-v', 'ON_ERROR_STOP=1', url, ...steps], { stdio: 'ignore' })
    return performance.now() - began
  }
  const client = new Client({ connectionString: url })
  await client.connect()
  for (const name of names) {
    await client.query('BEGIN')
    await client.query(await readFile(join(folder, name), 'utf8'))
    await client.query('COMMIT')
  }
  await client.end()
  return performance.now() - began
}

const psql = spawnSync('psql', ['--version']).status === 0
