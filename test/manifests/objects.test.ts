import { describe, expect, test } from 'vitest'
import { hasHelm, type Manifest, names, render } from './chart.ts'

/** What an installation is made of: all that `helm uninstall` has to take away. */
const always = [
  'ClusterRole/lockkeeper',
  'ClusterRole/lockkeeper-secrets',
  'ClusterRoleBinding/lockkeeper',
  'Deployment/lockkeeper',
  'MutatingWebhookConfiguration/lockkeeper',
  'PodDisruptionBudget/lockkeeper',
  'Service/lockkeeper',
  'ServiceAccount/lockkeeper',
  'ValidatingWebhookConfiguration/lockkeeper',
]
const selfManaged = ['Lease/lockkeeper', 'Role/lockkeeper', 'RoleBinding/lockkeeper', 'Secret/lockkeeper-tls']
const issuers = ['Certificate/lockkeeper-ca', 'Issuer/lockkeeper', 'Issuer/lockkeeper-self-signed']

describe.skipIf(!hasHelm)('the chart makes', () => {
  test.each<[string, object, string[]]>([
    ['its defaults', {}, selfManaged],
    [
      'cert-manager and its own issuer',
      { certificates: { mode: 'cert-manager' } },
      ['Certificate/lockkeeper', ...issuers],
    ],
    [
      'cert-manager and an issuer of yours',
      { certificates: { mode: 'cert-manager', issuerRef: { name: 'ca', kind: 'ClusterIssuer' } } },
      ['Certificate/lockkeeper'],
    ],
    [
      'a certificate of yours',
      { certificates: { mode: 'provided', secretName: 'own', caBundle: '-----BEGIN CERTIFICATE-----' } },
      [],
    ],
    [
      'rights for each namespace',
      { rights: { configMaps: 'namespaces', namespaces: ['shop', 'billing'] } },
      [
        ...selfManaged,
        'ClusterRole/lockkeeper-configmaps',
        'RoleBinding/lockkeeper-configmaps',
        'RoleBinding/lockkeeper-configmaps',
      ],
    ],
    ['a network policy', { networkPolicy: { enabled: true } }, [...selfManaged, 'NetworkPolicy/lockkeeper']],
    [
      'a service monitor',
      { monitoring: { serviceMonitor: { enabled: true } } },
      [...selfManaged, 'ServiceMonitor/lockkeeper'],
    ],
    ['alert rules', { monitoring: { rules: { enabled: true } } }, [...selfManaged, 'PrometheusRule/lockkeeper']],
    [
      'a dashboard',
      { monitoring: { dashboard: { enabled: true } } },
      [...selfManaged, 'ConfigMap/lockkeeper-dashboard'],
    ],
  ])('with %s just these objects', (_, values, more) => {
    expect(names(render(values))).toEqual([...always, ...more].sort())
  })

  const everything = {
    networkPolicy: { enabled: true },
    monitoring: { serviceMonitor: { enabled: true }, rules: { enabled: true }, dashboard: { enabled: true } },
  }
  const clusterWide = /ClusterRole|WebhookConfiguration/
  test.each(['self-managed', 'cert-manager'])(
    'under %s all that has a namespace in that of the release, and every object with our label',
    (mode) => {
      for (const { kind, metadata } of render({ ...everything, certificates: { mode } }) as Manifest[]) {
        expect([kind, metadata.namespace]).toEqual([kind, clusterWide.test(kind) ? undefined : 'platform'])
        expect(metadata.labels['app.kubernetes.io/name']).toMatch(/^lockkeeper(-test)?$/)
      }
    },
  )

  test('no caBundle and no data in its Secret: an upgrade leaves what the pods wrote', () => {
    for (const manifest of render() as Manifest[]) {
      if (manifest.kind === 'Secret') expect([manifest.data, manifest.stringData]).toEqual([undefined, undefined])
      if (manifest.kind === 'Lease') expect(manifest.spec).toBeUndefined()
      for (const { clientConfig } of manifest.webhooks ?? []) expect(clientConfig.caBundle).toBeUndefined()
    }
  })
})
