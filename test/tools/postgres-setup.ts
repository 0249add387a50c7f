import { spawnSync } from 'node:child_process'
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Where the files of one run find what is made once for all of them: see `keptData` and `builtRunner`. */
export const KEPT = 'LOCKKEEPER_TEST_KEPT'

/** Builds the runner as it ships, which starts three times as fast as its sources. */
export function setup(): () => void {
  const folder = mkdtempSync(join(tmpdir(), 'lockkeeper-kept-'))
  const built = spawnSync(process.execPath, [join(import.meta.dirname, 'build.ts'), 'runner', '--outdir', folder])
  if (built.status !== 0) throw new Error(String(built.stderr))
  // Servers run as another account where root runs the tests, and put their data here. The build makes the folder anew.
  chmodSync(folder, 0o1777)
  process.env[KEPT] = folder
  return () => rmSync(folder, { recursive: true, force: true })
}

/** The runner as it ships; undefined: this run has not built it. */
export const builtRunner = (): string | undefined =>
  process.env[KEPT] === undefined ? undefined : join(process.env[KEPT], 'runner.js')
