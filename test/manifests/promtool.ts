import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** One alert's test: series from minute 0 on, and whether the alert fires at a minute. */
export interface AlertTest {
  readonly name: string
  /** Series in promtool's notation, a value a minute: `0+1x10`. */
  readonly series: Readonly<Record<string, string>>
  readonly alert: string
  /** Like `5m`. */
  readonly at: string
  /** Labels of the alert that fires, or undefined when none does. */
  readonly fires: Readonly<Record<string, string>> | undefined
}

/** Prometheus' own checker, from the PATH, else from Debian's package; undefined where neither is to be had. */
export function findPromtool(folder: string): string | undefined {
  if (spawnSync('promtool', ['--version']).status === 0) return 'promtool'
  const quiet = { cwd: folder, stdio: 'ignore', timeout: 60_000 } as const
  if (spawnSync('apt-get', ['-qq', 'download', 'prometheus'], quiet).status !== 0) return undefined
  const [archive = ''] = readdirSync(folder)
  if (spawnSync('dpkg-deb', ['-x', archive, '.'], quiet).status !== 0) return undefined
  return join(folder, 'usr/bin/promtool')
}

/** What promtool says about rules and their tests; throws when it finds anything wrong. */
export function checkRules(promtool: string, rules: object, tests: readonly AlertTest[]): string {
  const folder = mkdtempSync(join(tmpdir(), 'lockkeeper-rules-'))
  try {
    const file = (name: string, content: object) => writeFileSync(join(folder, name), JSON.stringify(content))
    file('rules.json', rules)
    file('tests.json', { rule_files: ['rules.json'], evaluation_interval: '1m', tests: tests.map(asPromtool) })
    const run = (...args: string[]) => execFileSync(promtool, args, { cwd: folder, encoding: 'utf8' })
    return run('check', 'rules', 'rules.json') + run('test', 'rules', 'tests.json')
  } finally {
    rmSync(folder, { recursive: true })
  }
}

const asPromtool = ({ name, series, alert, at, fires }: AlertTest) => ({
  name,
  interval: '1m',
  input_series: Object.entries(series).map(([each, values]) => ({ series: each, values })),
  alert_rule_test: [
    { eval_time: at, alertname: alert, exp_alerts: fires === undefined ? [] : [{ exp_labels: fires }] },
  ],
})
