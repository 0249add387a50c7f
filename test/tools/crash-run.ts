import { spawnSync } from 'node:child_process'
import { join } from 'node:path'

/**
 * `npm run crash`: 500 faults over all majors, then 500 random sequences on each of PostgreSQL 15 and 18. The numbers and
 * majors may be set (`LOCKKEEPER_FAULTS`, `LOCKKEEPER_SEQUENCES`, `LOCKKEEPER_TEST_MAJORS`); 0 leaves one out.
 */
const { env } = process
const vitest = join(import.meta.dirname, '../../node_modules/vitest/vitest.mjs')

const run = (file: string, more: Readonly<Record<string, string>>) =>
  spawnSync(process.execPath, [vitest, 'run', '--project', 'postgres', file], {
    stdio: 'inherit',
    env: { ...more, ...env },
  }).status ?? 1

const runs = [
  { file: 'test/engine/faults.pg.test.ts', more: { LOCKKEEPER_FAULTS: '500' } },
  { file: 'test/engine/sequences.pg.test.ts', more: { LOCKKEEPER_SEQUENCES: '500', LOCKKEEPER_TEST_MAJORS: '15,18' } },
]
for (const { file, more } of runs) {
  const [name = ''] = Object.keys(more)
  if (env[name] !== '0' && run(file, more) !== 0) process.exitCode = 1
}
