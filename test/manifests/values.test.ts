import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { isMap, isScalar, parseDocument, type YAMLMap } from 'yaml'
import { chartFolder, hasHelm, names, refusal, render } from './chart.ts'

const schema = JSON.parse(readFileSync(join(chartFolder, 'values.schema.json'), 'utf8'))
const values = parseDocument(readFileSync(join(chartFolder, 'values.yaml'), 'utf8'))

interface Schema {
  readonly properties?: Readonly<Record<string, Schema>>
  readonly additionalProperties?: unknown
}

/** Paths that a closed schema names. */
const pathsOfSchema = ({ properties = {} }: Schema, prefix = ''): string[] =>
  Object.entries(properties).flatMap(([key, inner]) =>
    inner.additionalProperties === false ? pathsOfSchema(inner, `${prefix}${key}.`) : [prefix + key],
  )

/** Paths in values.yaml, as deep as the schema names keys. */
function pathsOfValues(map: YAMLMap, known: readonly string[], prefix = ''): string[] {
  return map.items.flatMap(({ key, value }) => {
    const path = prefix + (isScalar(key) ? String(key.value) : '')
    const deeper = isMap(value) && value.items.length > 0 && known.some((each) => each.startsWith(`${path}.`))
    return deeper ? pathsOfValues(value, known, `${path}.`) : [path]
  })
}

/** Keys that may be set though the defaults leave them out. */
const beyond = ['global', 'certificates.issuerRef.name', 'certificates.issuerRef.kind', 'certificates.issuerRef.group']
const given = { 'resources.requests': 'resources', 'resources.limits': 'resources' }

describe('values', () => {
  test('are the same keys in values.yaml, where each is explained, and in the schema', () => {
    const known = pathsOfSchema(schema)
    const written = pathsOfValues(values.contents as YAMLMap, known).filter((path) => path !== 'certificates.issuerRef')
    expect(written.sort()).toEqual(known.filter((path) => !beyond.includes(path)).sort())
  })

  test('are all explained in docs/operations.md', () => {
    const docs = readFileSync(join(chartFolder, '../../docs/operations.md'), 'utf8')
    const missing = pathsOfSchema(schema)
      .map((path) => (given as Record<string, string>)[path] ?? path)
      .filter((path) => path !== 'global' && !docs.includes(`\`${path}\``))
    expect(missing).toEqual([])
  })
})

describe.skipIf(!hasHelm)('helm', () => {
  test.each([
    [{ replica: 3 }, "additional properties 'replica' not allowed"],
    [{ images: { webhok: 'a:1' } }, "additional properties 'webhok' not allowed"],
    [{ resources: { request: {} } }, "additional properties 'request' not allowed"],
    [{ ports: { webhooks: 8443 } }, "additional properties 'webhooks' not allowed"],
    [{ certificates: { modus: 'x' } }, "additional properties 'modus' not allowed"],
    [{ certificates: { issuerRef: { nam: 'x' } } }, "additional properties 'nam' not allowed"],
    [{ networkPolicy: { enable: true } }, "additional properties 'enable' not allowed"],
    [{ monitoring: { alerts: {} } }, "additional properties 'alerts' not allowed"],
    [{ monitoring: { rules: { on: true } } }, "additional properties 'on' not allowed"],
    [{ monitoring: { serviceMonitor: { label: {} } } }, "additional properties 'label' not allowed"],
    [{ monitoring: { dashboard: { folder: 'x' } } }, "additional properties 'folder' not allowed"],
    [{ pullSecrets: ['registry'] }, "at '/pullSecrets/0': got string, want object"],
    [{ replicas: '3' }, "at '/replicas': got string, want integer"],
    [{ replicas: 0 }, "at '/replicas': minimum: got 0, want 1"],
    [{ drainSeconds: 301 }, "at '/drainSeconds': maximum: got 301, want 300"],
    [{ ports: { webhook: 443 } }, "at '/ports/webhook': minimum: got 443, want 1,024"],
    [{ logLevel: 'loud' }, "at '/logLevel': value must be one of 'debug', 'info', 'warn', 'error'"],
    [
      { images: { pullPolicy: 'Sometimes' } },
      "at '/images/pullPolicy': value must be one of 'Always', 'IfNotPresent', 'Never'",
    ],
    [{ images: { runner: '' } }, "at '/images/runner': '' does not match pattern"],
    [{ topologySpread: true }, "at '/topologySpread': value must be one of 'ScheduleAnyway', 'DoNotSchedule'"],
    [{ certificates: { mode: 'manual' } }, "at '/certificates/mode': value must be one of"],
    [
      { certificates: { mode: 'cert-manager', issuerRef: { kind: 'ClusterIssuer' } } },
      "properties 'name' required, if 'kind' exists",
    ],
    [
      { certificates: { issuerRef: { name: 'ca' } } },
      'certificates.issuerRef is for cert-manager: set certificates.mode=cert-manager too, or take it away',
    ],
    [{ podLabels: { 'app.kubernetes.io/name': 'x' } }, "at '/podLabels/app.kubernetes.io~1name'"],
    [{ nodeSelector: { ssd: true } }, "at '/nodeSelector/ssd': got boolean, want string"],
    [{ tolerations: {} }, "at '/tolerations': got object, want array"],
    [{ networkPolicy: { apiServerPorts: [] } }, "at '/networkPolicy/apiServerPorts': minItems: got 0, want 1"],
    [{ monitoring: { serviceMonitor: { interval: 30 } } }, "at '/monitoring/serviceMonitor/interval'"],
  ])('refuses %j', (values, message) => {
    expect(refusal(values)).toContain(message)
  })

  test('takes the chart as a dependency of another, which hands it `global`', () => {
    const folder = mkdtempSync(join(tmpdir(), 'lockkeeper-parent-'))
    try {
      writeFileSync(join(folder, 'Chart.yaml'), 'apiVersion: v2\nname: platform\nversion: 1.0.0\n')
      cpSync(chartFolder, join(folder, 'charts/lockkeeper'), { recursive: true })
      const manifests = render({ global: { region: 'eu' }, lockkeeper: { replicas: 3 } }, folder)
      expect(names(manifests)).toEqual(names(render()))
    } finally {
      rmSync(folder, { recursive: true })
    }
  })
})
