import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/**
 * `npm test`: the projects that can run here, and one line for each that cannot. Arguments go on to vitest:
 * `npm test -- test/migration` runs one folder, `npm test -- --project unit` one project.
 */
const kubeconfig = process.env.LOCKKEEPER_TEST_KUBECONFIG
const given = process.argv.slice(2)
const projects = given.some((each) => each.startsWith('--project'))
  ? []
  : ['unit', 'postgres', ...(kubeconfig ? ['cluster'] : [])].map((name) => `--project=${name}`)

if (Number(process.versions.node.split('.')[0]) < 22) {
  console.error(`Node ${process.version} runs this; the tests need 24. Run \`npm ci\` without --ignore-scripts.`)
  process.exit(2)
}
if (!kubeconfig)
  console.log('skipped: cluster tests (set LOCKKEEPER_TEST_KUBECONFIG to a cluster of your own for them)')

const folder = mkdtempSync(join(tmpdir(), 'lockkeeper-test-'))
const report = join(folder, 'report.json')
const vitest = join(import.meta.dirname, '../../node_modules/vitest/vitest.mjs')
const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`]
const run = spawnSync(process.execPath, [vitest, 'run', ...projects, ...reporters, ...given], { stdio: 'inherit' })

try {
  const counts = JSON.parse(readFileSync(report, 'utf8'))
  console.log(`${counts.numPassedTests} passed, ${counts.numFailedTests} failed, ${counts.numPendingTests} skipped`)
  if (counts.numTotalTests === 0) process.exitCode = 1
} catch (error) {
  console.error(`no test report: ${error instanceof Error ? error.message : error}`)
  process.exitCode = 1
} finally {
  rmSync(folder, { recursive: true, force: true })
}
if (run.status !== 0) process.exitCode = run.status ?? 1
