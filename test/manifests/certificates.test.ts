import { describe, expect, test } from 'vitest'
import { hasHelm, isTest, type Manifest, only, refusal, render } from './chart.ts'

const configurations = ['MutatingWebhookConfiguration', 'ValidatingWebhookConfiguration']
const byCertManager = (issuerRef: object = {}) => render({ certificates: { mode: 'cert-manager', issuerRef } })
const secretOfTest = (manifests: Manifest[]) => manifests.find(isTest)?.spec.volumes[0].secret.secretName
const container = (manifests: Manifest[]) => only(manifests, 'Deployment').spec.template.spec.containers[0]
const mayPatch = (manifests: Manifest[]) =>
  only(manifests, 'ClusterRole', 'lockkeeper').rules.find(({ apiGroups }: Manifest) =>
    apiGroups.includes('admissionregistration.k8s.io'),
  ).verbs

describe.skipIf(!hasHelm)('certificates that the pods manage', () => {
  test('need nothing of cert-manager', () => {
    const manifests = render()
    for (const kind of configurations) expect(only(manifests, kind).metadata).not.toHaveProperty('annotations')
    expect(container(manifests)).not.toHaveProperty('volumeMounts')
    expect(JSON.stringify(container(manifests).env)).not.toContain('TLS_DIR')
    expect(secretOfTest(manifests)).toBe('lockkeeper-tls')
    expect(mayPatch(manifests)).toContain('patch')
  })
})

describe.skipIf(!hasHelm)('certificates from cert-manager', () => {
  test('are mounted at /tls, from the Secret that the Certificate names', () => {
    const manifests = byCertManager()
    const { secretName } = only(manifests, 'Certificate', 'lockkeeper').spec
    expect(container(manifests).volumeMounts).toEqual([{ name: 'tls', mountPath: '/tls', readOnly: true }])
    expect(only(manifests, 'Deployment').spec.template.spec.volumes).toEqual([{ name: 'tls', secret: { secretName } }])
    expect(container(manifests).env).toContainEqual({ name: 'TLS_DIR', value: '/tls' })
    expect(secretOfTest(manifests)).toBe(secretName)
    // Its Secret is not the one that the pods manage: going from one way to the other finds no foreign object in its place.
    expect(secretName).not.toBe('lockkeeper-tls')
  })

  test('are trusted by both configurations through its CA injector', () => {
    const manifests = byCertManager()
    for (const kind of configurations)
      expect(only(manifests, kind).metadata.annotations).toEqual({
        'cert-manager.io/inject-ca-from': 'platform/lockkeeper',
      })
  })

  test('are for the names under which the API server calls', () => {
    expect(only(byCertManager(), 'Certificate', 'lockkeeper').spec.dnsNames).toEqual([
      'lockkeeper.platform.svc',
      'lockkeeper.platform',
      'lockkeeper.platform.svc.cluster.local',
    ])
  })

  test('come from a CA of the chart that keeps its key, so what is trusted outlives a renewal', () => {
    const manifests = byCertManager()
    const ca = only(manifests, 'Certificate', 'lockkeeper-ca').spec
    expect(ca).toMatchObject({ isCA: true, privateKey: { rotationPolicy: 'Never' } })
    expect(ca.issuerRef.name).toBe('lockkeeper-self-signed')
    expect(only(manifests, 'Issuer', 'lockkeeper-self-signed').spec).toEqual({ selfSigned: {} })
    expect(only(manifests, 'Issuer', 'lockkeeper').spec).toEqual({ ca: { secretName: ca.secretName } })
    expect(only(manifests, 'Certificate', 'lockkeeper').spec.issuerRef).toEqual({
      name: 'lockkeeper',
      kind: 'Issuer',
      group: 'cert-manager.io',
    })
  })

  test.each([
    [{ name: 'ca' }, { name: 'ca', kind: 'Issuer', group: 'cert-manager.io' }],
    [
      { name: 'ca', kind: 'AWSPCAClusterIssuer', group: 'awspca.cert-manager.io' },
      { name: 'ca', kind: 'AWSPCAClusterIssuer', group: 'awspca.cert-manager.io' },
    ],
  ])('or from an issuer of yours, %j', (given, issuerRef) => {
    const manifests = byCertManager(given)
    expect(only(manifests, 'Certificate').spec.issuerRef).toEqual(issuerRef)
    expect(manifests.filter(({ kind }) => kind === 'Issuer')).toEqual([])
  })

  test('leave the pods no right to write: no Role, and configurations are only read', () => {
    const manifests = byCertManager()
    expect(manifests.filter(({ kind }) => kind === 'Role' || kind === 'RoleBinding')).toEqual([])
    const bound = only(manifests, 'ClusterRoleBinding').roleRef.name
    const verbs: string[] = only(manifests, 'ClusterRole', bound).rules.flatMap(({ verbs }: Manifest) => verbs)
    expect(verbs.filter((verb) => !['get', 'list', 'watch'].includes(verb))).toEqual([])
  })
})

describe.skipIf(!hasHelm)('a certificate of yours', () => {
  const caBundle = '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n'
  const provided = () => render({ certificates: { mode: 'provided', secretName: 'own', caBundle } })

  test('is mounted, trusted by both configurations, and leaves the pods no right to write', () => {
    const manifests = provided()
    expect(container(manifests).env).toContainEqual({ name: 'TLS_DIR', value: '/tls' })
    expect(only(manifests, 'Deployment').spec.template.spec.volumes).toEqual([
      { name: 'tls', secret: { secretName: 'own' } },
    ])
    expect(secretOfTest(manifests)).toBe('own')
    for (const kind of configurations) {
      const [webhook] = only(manifests, kind).webhooks
      expect(Buffer.from(webhook.clientConfig.caBundle, 'base64').toString()).toBe(caBundle)
      expect(only(manifests, kind).metadata).not.toHaveProperty('annotations')
    }
    expect(mayPatch(manifests)).toEqual(['get'])
    expect(manifests.filter(({ kind }) => kind === 'Role' || kind === 'RoleBinding')).toEqual([])
  })

  test.each([
    [{ mode: 'provided' }, 'needs certificates.secretName'],
    [{ mode: 'provided', secretName: 'own' }, 'needs certificates.secretName'],
    [{ mode: 'provided', secretName: 'own', caBundle: 'LS0tLS1CRUdJTiBDRVJ' }, 'certificates.caBundle (PEM)'],
    [{ mode: 'cert-manager', secretName: 'own' }, 'set certificates.mode=provided too'],
    [{ caBundle }, 'set certificates.mode=provided too'],
  ])('is refused in part: %j', (certificates, why) => {
    expect(refusal({ certificates })).toContain(why)
  })
})

describe.skipIf(!hasHelm)('the right to get ConfigMaps', () => {
  const rules = (manifests: Manifest[], name: string) => only(manifests, 'ClusterRole', name).rules
  const configMaps = { apiGroups: [''], resources: ['configmaps'], verbs: ['get'] }

  test('is for the cluster by default, and for the namespaces that are named where you say so', () => {
    expect(rules(render(), 'lockkeeper')).toContainEqual(configMaps)
    const manifests = render({ rights: { configMaps: 'namespaces', namespaces: ['shop', 'billing'] } })
    expect(rules(manifests, 'lockkeeper')).not.toContainEqual(configMaps)
    expect(rules(manifests, 'lockkeeper-configmaps')).toEqual([configMaps])
    const bindings = manifests.filter(({ metadata }) => metadata.name === 'lockkeeper-configmaps').slice(1)
    expect(bindings.map(({ metadata, roleRef, subjects }) => [metadata.namespace, roleRef.name, subjects])).toEqual(
      ['shop', 'billing'].map((namespace) => [
        namespace,
        'lockkeeper-configmaps',
        [{ kind: 'ServiceAccount', name: 'lockkeeper', namespace: 'platform' }],
      ]),
    )
  })

  test('is refused with a list that counts for nothing', () => {
    expect(refusal({ rights: { namespaces: ['shop'] } })).toContain('set it too, or take the list away')
  })
})
