import { describe, expect, test } from 'vitest'
import { readConfig } from '../../src/webhook/config.ts'
import { hasHelm, isTest, type Manifest, only, render } from './chart.ts'

const deployment = (values: object = {}): Manifest => only(render(values), 'Deployment')
const pod = (values: object = {}): Manifest => deployment(values).spec.template.spec
const environment = (values: object = {}): Record<string, string> =>
  Object.fromEntries(pod(values).containers[0].env.map(({ name, value }: Manifest) => [name, value ?? 'platform']))

describe.skipIf(!hasHelm)('our own pods', () => {
  test('are two, replaced one by one with none missing, and evicted one by one', () => {
    const { spec } = deployment()
    expect([spec.replicas, spec.strategy]).toEqual([2, { rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } }])
    const budget = only(render(), 'PodDisruptionBudget').spec
    expect(budget).toEqual({
      maxUnavailable: 1,
      unhealthyPodEvictionPolicy: 'AlwaysAllow',
      selector: spec.selector,
    })
  })

  test.each(['ScheduleAnyway', 'DoNotSchedule'])('spread over nodes and zones, %s', (topologySpread) => {
    const { template, selector } = deployment({ topologySpread }).spec
    expect(template.spec.topologySpreadConstraints).toEqual(
      ['kubernetes.io/hostname', 'topology.kubernetes.io/zone'].map((topologyKey) => ({
        maxSkew: 1,
        topologyKey,
        whenUnsatisfiable: topologySpread,
        matchLabelKeys: ['pod-template-hash'],
        labelSelector: selector,
      })),
    )
  })

  test('have a priority class, or none where a quota forbids it', () => {
    expect(pod().priorityClassName).toBe('system-cluster-critical')
    expect(pod({ priorityClassName: 'mine' }).priorityClassName).toBe('mine')
    expect(pod({ priorityClassName: '' })).not.toHaveProperty('priorityClassName')
  })

  test('go where values say, and have what values say', () => {
    const resources = { requests: { cpu: '1', memory: '1Gi' }, limits: { memory: '2Gi' } }
    const given = {
      nodeSelector: { pool: 'system' },
      tolerations: [{ key: 'system', operator: 'Exists' }],
      affinity: { nodeAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [] } },
    }
    expect(pod({ ...given, resources })).toMatchObject({ ...given, containers: [{ resources }] })
    for (const key of Object.keys(given)) expect(pod()).not.toHaveProperty(key)
    const { metadata } = deployment({ podLabels: { team: 'a' }, podAnnotations: { note: 'b' } }).spec.template
    expect(metadata).toEqual({
      labels: { 'app.kubernetes.io/name': 'lockkeeper', team: 'a' },
      annotations: { note: 'b' },
    })
  })

  test('ask for a limit of memory and a request of both by default', () => {
    const { resources } = pod().containers[0]
    expect(resources).toEqual({ requests: { cpu: '50m', memory: '128Mi' }, limits: { memory: '384Mi' } })
  })

  test.each(['self-managed', 'cert-manager'])(
    'and that of the test satisfy PodSecurity restricted under %s',
    (mode) => {
      const manifests = render({ certificates: { mode } })
      const specs = [only(manifests, 'Deployment').spec.template.spec, manifests.find(isTest)?.spec]
      for (const spec of specs) {
        expect(spec.securityContext).toEqual({ runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } })
        for (const { securityContext, resources } of spec.containers) {
          expect(securityContext).toEqual({
            allowPrivilegeEscalation: false,
            readOnlyRootFilesystem: true,
            capabilities: { drop: ['ALL'] },
          })
          expect(resources).toMatchObject({ requests: expect.anything(), limits: { memory: expect.anything() } })
        }
        const volumes = (spec.volumes ?? []).flatMap((volume: object) => Object.keys(volume))
        expect(volumes.filter((key: string) => key !== 'name' && key !== 'secret')).toEqual([])
      }
    },
  )

  test.each([0, 5, 300])('live long enough to drain for %i seconds and to answer the last review', (drainSeconds) => {
    const manifests = render({ drainSeconds })
    const { terminationGracePeriodSeconds, containers } = only(manifests, 'Deployment').spec.template.spec
    const timeouts = manifests.flatMap(({ webhooks = [] }) =>
      webhooks.map(({ timeoutSeconds }: Manifest) => timeoutSeconds),
    )
    expect(timeouts).toEqual([5, 5])
    // SIGTERM begins the drain, so a hook before it would only add to it.
    expect(containers[0].lifecycle).toBeUndefined()
    expect(terminationGracePeriodSeconds).toBeGreaterThan(drainSeconds + Math.max(...timeouts) + 10)
    expect(readConfig(environment({ drainSeconds }))).toMatchObject({ drainMs: drainSeconds * 1000 })
  })

  test('get an environment that the service understands, and listen where Service and probes look', () => {
    const values = { ports: { webhook: 10250, metrics: 9999 }, logLevel: 'warn', images: { runner: 'r:1' } }
    const config = readConfig(environment(values))
    expect(config).toMatchObject({
      port: 10250,
      metricsPort: 9999,
      namespace: 'platform',
      runnerImage: 'r:1',
      imagePullPolicy: 'IfNotPresent',
      logLevel: 'warn',
    })
    const container = pod(values).containers[0]
    expect(container.ports).toEqual([
      { name: 'webhook', containerPort: 10250 },
      { name: 'metrics', containerPort: 9999 },
    ])
    for (const probe of ['startupProbe', 'readinessProbe', 'livenessProbe'])
      expect(container[probe].httpGet).toMatchObject({ port: 'webhook', scheme: 'HTTPS' })
    expect(only(render(values), 'Service').spec.ports).toEqual([
      { name: 'webhook', port: 443, targetPort: 'webhook' },
      { name: 'metrics', port: 9999, targetPort: 'metrics' },
    ])
  })

  test('are pulled with the secrets that values name', () => {
    const manifests = render({ pullSecrets: [{ name: 'registry' }] })
    expect(only(manifests, 'ServiceAccount').imagePullSecrets).toEqual([{ name: 'registry' }])
    expect(manifests.find(isTest)?.spec.imagePullSecrets).toEqual([{ name: 'registry' }])
  })

  test('ask for a certificate of the client CA where one is named', () => {
    const clientCa = { configMap: 'api-server-ca', names: ['kube-apiserver', 'other'] }
    expect(environment({ clientCa })).toMatchObject({
      CLIENT_CA: '/client-ca/ca.crt',
      CLIENT_NAMES: 'kube-apiserver,other',
    })
    const { volumes, containers } = pod({ clientCa, certificates: { mode: 'cert-manager' } })
    expect(volumes).toContainEqual({
      name: 'client-ca',
      configMap: { name: 'api-server-ca', items: [{ key: 'ca.crt', path: 'ca.crt' }] },
    })
    expect(containers[0].volumeMounts.map(({ name }: { name: string }) => name)).toEqual(['tls', 'client-ca'])
    expect(environment()).not.toHaveProperty('CLIENT_CA')
  })

  test('run the images that values name', () => {
    const images = { webhook: 'registry.example.com/w@sha256:1', runner: 'r:1', pullPolicy: 'Always' }
    expect(pod({ images }).containers[0]).toMatchObject({ image: images.webhook, imagePullPolicy: 'Always' })
    expect(environment({ images })).toMatchObject({ RUNNER_IMAGE: 'r:1', RUNNER_IMAGE_PULL_POLICY: 'Always' })
  })
})

describe.skipIf(!hasHelm)('the network policy', () => {
  const policy = (more: object = {}) =>
    only(render({ networkPolicy: { enabled: true, ...more } }), 'NetworkPolicy').spec

  test('lets reviews and metrics in, and only the API server and names out', () => {
    const tcp = (port: unknown) => ({ protocol: 'TCP', port })
    expect(policy()).toEqual({
      podSelector: deployment().spec.selector,
      policyTypes: ['Ingress', 'Egress'],
      ingress: [{ ports: [tcp('webhook')] }, { ports: [tcp('metrics')] }],
      egress: [{ ports: [tcp(443), tcp(6443)] }, { ports: [{ protocol: 'UDP', port: 53 }, tcp(53)] }],
    })
  })

  test('takes who may ask for reviews', () => {
    const webhookFrom = [{ ipBlock: { cidr: '10.0.0.0/28' } }]
    const { ingress } = policy({ webhookFrom })
    expect(ingress[0]).toEqual({ ports: [{ protocol: 'TCP', port: 'webhook' }], from: webhookFrom })
    expect(ingress[1]).not.toHaveProperty('from')
  })

  test('takes who may read the metrics, and where the API server is', () => {
    const metricsFrom = [{ namespaceSelector: { matchLabels: { name: 'monitoring' } } }]
    const { ingress, egress } = policy({ metricsFrom, apiServerPorts: [16443] })
    expect(ingress[1]).toEqual({ ports: [{ protocol: 'TCP', port: 'metrics' }], from: metricsFrom })
    expect(ingress[0]).not.toHaveProperty('from')
    expect(egress[0]).toEqual({ ports: [{ protocol: 'TCP', port: 16443 }] })
  })
})
