import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { createMetrics } from '../../src/webhook/metrics.ts'
import { chartFolder, hasHelm, type Manifest, only, render } from './chart.ts'
import { type AlertTest, checkRules, findPromtool } from './promtool.ts'

const folder = mkdtempSync(join(tmpdir(), 'lockkeeper-promtool-'))
const promtool = findPromtool(folder)
if (promtool === undefined) console.log('skipped: promtool (neither on the PATH nor as a Debian package)')
afterAll(() => rmSync(folder, { recursive: true }))

const monitoring = (part: string, more: object = {}, rest: object = {}) =>
  render({ ...rest, monitoring: { [part]: { enabled: true, ...more } } })
const rulesOf = (rest: object = {}): Manifest => only(monitoring('rules', {}, rest), 'PrometheusRule').spec
const dashboard = JSON.parse(readFileSync(join(chartFolder, 'dashboards/lockkeeper.json'), 'utf8'))

/** The API server's own metrics (Kubernetes metrics reference), which the cluster test sees on a real one. */
const ofApiServer = [
  'apiserver_admission_webhook_rejection_count',
  'apiserver_admission_webhook_admission_duration_seconds',
]

/** Metrics that PromQL expressions name, without the suffixes of a histogram. */
const metricsIn = (expressions: readonly string[]): string[] => [
  ...new Set(
    expressions
      .join('\n')
      .match(/\b(lockkeeper|apiserver|process|nodejs)_[a-z0-9_]+/g)
      ?.map((name) => name.replace(/_bucket$/, '')),
  ),
]

describe('the dashboard', () => {
  const expressions: string[] = dashboard.panels.flatMap(({ targets }: Manifest) =>
    targets.map(({ expr }: Manifest) => expr),
  )

  test('shows every metric of ours, and no metric that nobody exports', async () => {
    const exported = (await createMetrics().registry.getMetricsAsArray()).map(({ name }) => name)
    const shown = metricsIn(expressions)
    expect(shown.filter((name) => !exported.includes(name) && !ofApiServer.includes(name))).toEqual([])
    const ours = exported.filter((name) => name.startsWith('lockkeeper_'))
    expect(ours.filter((name) => !shown.includes(name))).toEqual([])
  })

  test('asks the data source and the namespace that are chosen, in panels that have a title and say what they show', () => {
    const names = dashboard.templating.list.map(({ name }: Manifest) => name)
    expect(names).toEqual(['datasource', 'namespace'])
    const ids = dashboard.panels.map(({ id }: Manifest) => id)
    expect(new Set(ids).size).toBe(ids.length)
    for (const { title, description, targets, gridPos } of dashboard.panels) {
      expect([title, description]).not.toContain('')
      expect(gridPos.x + gridPos.w).toBeLessThanOrEqual(24)
      for (const { expr, datasource } of targets) {
        expect(datasource.uid).toMatch(/^\$\{datasource\}$/)
        expect(expr).toMatch(/namespace=~"\$namespace"|apiserver_/)
      }
    }
  })

  test.skipIf(!hasHelm)('is the file of the chart, in a ConfigMap that Grafana’s sidecar finds', () => {
    const map = only(monitoring('dashboard'), 'ConfigMap')
    expect(JSON.parse(map.data['lockkeeper.json'])).toEqual(dashboard)
    expect(map.metadata.labels.grafana_dashboard).toBe('1')
    const own = { labels: { grafana: 'yes' }, annotations: { folder: 'Databases' } }
    const { labels, annotations } = only(monitoring('dashboard', own), 'ConfigMap').metadata
    expect([labels.grafana, annotations]).toEqual(['yes', own.annotations])
  })

  test.skipIf(promtool === undefined)('has no query that Prometheus cannot read', () => {
    const rules = expressions.map((expr, i) => ({ record: `r${i}`, expr: expr.replaceAll('$namespace', 'x') }))
    const said = checkRules(promtool ?? '', { groups: [{ name: 'dashboard', rules }] }, [])
    expect(said).toContain(`SUCCESS: ${expressions.length} rules found`)
  })
})

describe.skipIf(!hasHelm)('the service monitor', () => {
  test('finds the metrics port of the Service, with the labels that a Prometheus selects by', () => {
    const manifests = monitoring('serviceMonitor', { interval: '10s', labels: { release: 'prometheus' } })
    const { metadata, spec } = only(manifests, 'ServiceMonitor')
    const service = only(manifests, 'Service')
    expect(service.metadata.labels).toMatchObject(spec.selector.matchLabels)
    expect(spec.endpoints).toEqual([{ port: 'metrics', interval: '10s' }])
    expect(service.spec.ports.map(({ name }: Manifest) => name)).toContain('metrics')
    expect(metadata.labels.release).toBe('prometheus')
  })
})

const requests = (labels: string) => `lockkeeper_admission_requests_total{${labels}}`
const denied = requests('hook="validate",operation="UPDATE",result="denied"')
const rejected = 'apiserver_admission_webhook_rejection_count{name="validate.lockkeeper.dev",error_type="KIND"}'
const expiry = 'lockkeeper_certificate_expiry_timestamp_seconds{pod="a"}'
const severity = (value: string) => ({ severity: value })
const days = (count: number) => `${count * 86_400}x20`

const alerts: AlertTest[] = [
  { name: 'no pod is scraped', series: {}, alert: 'LockkeeperDown', at: '3m', fires: severity('critical') },
  { name: 'a pod is scraped', series: { [expiry]: days(30) }, alert: 'LockkeeperDown', at: '3m', fires: undefined },
  {
    name: 'calls fail',
    series: { [rejected.replace('KIND', 'calling_webhook_error')]: '0+1x10' },
    alert: 'LockkeeperCallsFail',
    at: '5m',
    fires: { ...severity('critical'), name: 'validate.lockkeeper.dev' },
  },
  {
    name: 'calls fail of another webhook',
    series: {
      [rejected.replace('KIND', 'calling_webhook_error').replace('validate.lockkeeper.dev', 'other')]: '0+1x10',
    },
    alert: 'LockkeeperCallsFail',
    at: '5m',
    fires: undefined,
  },
  {
    name: 'a refusal is no failed call',
    series: { [rejected.replace('KIND', 'no_error')]: '0+1x10' },
    alert: 'LockkeeperCallsFail',
    at: '5m',
    fires: undefined,
  },
  {
    name: 'reviews end in errors',
    series: { [requests('hook="mutate",result="error"')]: '0+1x20' },
    alert: 'LockkeeperReviewsFail',
    at: '10m',
    fires: { ...severity('warning'), hook: 'mutate' },
  },
  {
    name: 'reviews are answered',
    series: { [requests('hook="mutate",result="allowed"')]: '0+9x20' },
    alert: 'LockkeeperReviewsFail',
    at: '10m',
    fires: undefined,
  },
  {
    name: 'one pod of two serves what expires in six days',
    series: { [expiry]: days(6), [expiry.replace('"a"', '"b"')]: days(30) },
    alert: 'LockkeeperCertificateExpires',
    at: '20m',
    fires: severity('critical'),
  },
  {
    name: 'a certificate that is about to be renewed',
    series: { [expiry]: days(9) },
    alert: 'LockkeeperCertificateExpires',
    at: '20m',
    fires: undefined,
  },
  {
    name: 'nobody leads',
    series: { 'lockkeeper_leader{pod="a"}': '0x20', 'lockkeeper_leader{pod="b"}': '0x20' },
    alert: 'LockkeeperNoLeader',
    at: '15m',
    fires: severity('warning'),
  },
  {
    name: 'one of two leads',
    series: { 'lockkeeper_leader{pod="a"}': '0x20', 'lockkeeper_leader{pod="b"}': '1x20' },
    alert: 'LockkeeperNoLeader',
    at: '15m',
    fires: undefined,
  },
  {
    name: 'a quiet day, then three refusals a minute',
    series: { [denied]: '0x1425 0+3x15' },
    alert: 'LockkeeperDenialsSpike',
    at: '1440m',
    fires: severity('info'),
  },
  {
    name: 'as many refusals as ever',
    series: { [denied]: '0+3x1440' },
    alert: 'LockkeeperDenialsSpike',
    at: '1440m',
    fires: undefined,
  },
]

describe.skipIf(!hasHelm)('the alert rules', () => {
  test('name only metrics that are exported', async () => {
    const exported = (await createMetrics().registry.getMetricsAsArray()).map(({ name }) => name)
    const expressions = rulesOf().groups.flatMap(({ rules }: Manifest) => rules.map(({ expr }: Manifest) => expr))
    expect(metricsIn(expressions).filter((name) => !exported.includes(name) && !ofApiServer.includes(name))).toEqual([])
  })

  test('say what is wrong and what to do, and are all explained in docs/operations.md', () => {
    const docs = readFileSync(join(chartFolder, '../../docs/operations.md'), 'utf8')
    for (const { alert, annotations, labels } of rulesOf().groups[0].rules) {
      expect(annotations.summary, alert).toMatch(/\S/)
      expect(annotations.description, alert).toMatch(/\S/)
      expect(['critical', 'warning', 'info']).toContain(labels.severity)
      expect(docs).toContain(`\`${alert}\``)
    }
  })

  test('ask for no leader where cert-manager renews', () => {
    const named = (mode: string) =>
      rulesOf({ certificates: { mode } }).groups[0].rules.map(({ alert }: Manifest) => alert)
    expect(named('self-managed')).toContain('LockkeeperNoLeader')
    expect(named('cert-manager')).toEqual(named('self-managed').filter((name: string) => name !== 'LockkeeperNoLeader'))
  })

  test('all have a test that they fire and one that they do not', () => {
    for (const { alert } of rulesOf().groups[0].rules) {
      const tests = alerts.filter((each) => each.alert === alert).map(({ fires }) => fires !== undefined)
      expect(new Set(tests), alert).toEqual(new Set([true, false]))
    }
  })

  test.skipIf(promtool === undefined).each(alerts)('$alert: $name', (each) => {
    // promtool compares the texts too, where a test gives none there is nothing to compare.
    const rules = structuredClone(rulesOf())
    for (const rule of rules.groups[0].rules) delete rule.annotations
    expect(checkRules(promtool ?? '', rules, [each])).toContain('SUCCESS')
  })
})
