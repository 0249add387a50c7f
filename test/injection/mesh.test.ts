import { describe, expect, test } from 'vitest'
import { meshWarnings } from '../../src/injection/mesh.ts'
import { asWorkload, type Workload } from '../../src/injection/workload.ts'
import { kindNamed, kinds, manifest, templateOf } from '../admission/recorded/objects.ts'

interface Keys {
  readonly labels?: Record<string, string>
  readonly annotations?: Record<string, string>
}
function workload(kind: string, { labels, annotations }: Keys, pod: object = {}): Workload {
  const object = manifest(kind, 1, { pod })
  templateOf(object).metadata = { labels, annotations }
  const found = asWorkload(kindNamed(kind), object)
  if (found === undefined) throw new Error('no workload')
  return found
}
const said = (template: Keys, namespace: Keys = {}, pod: object = {}) =>
  meshWarnings(workload('Deployment', template, pod), { labels: {}, annotations: {}, ...namespace })

const on: [mesh: string, template: Keys, namespace: Keys][] = [
  ['Istio', { labels: { 'sidecar.istio.io/inject': 'true' } }, {}],
  ['Istio', { annotations: { 'sidecar.istio.io/inject': 'true' } }, {}],
  ['Istio', {}, { labels: { 'istio-injection': 'enabled' } }],
  ['Istio', {}, { labels: { 'istio.io/rev': 'stable' } }],
  ['Istio', { labels: { 'istio.io/rev': 'canary' } }, {}],
  ['Linkerd', { annotations: { 'linkerd.io/inject': 'enabled' } }, {}],
  ['Linkerd', { annotations: { 'linkerd.io/inject': 'ingress' } }, {}],
  ['Linkerd', {}, { annotations: { 'linkerd.io/inject': 'enabled' } }],
  ['Consul', { annotations: { 'consul.hashicorp.com/connect-inject': 'true' } }, {}],
  ['Kuma', { labels: { 'kuma.io/sidecar-injection': 'enabled' } }, {}],
  ['Kuma', { annotations: { 'kuma.io/sidecar-injection': 'enabled' } }, {}],
  ['Kuma', {}, { labels: { 'kuma.io/sidecar-injection': 'enabled' } }],
]

describe('a mesh whose proxy may start after us', () => {
  test.each(on)(
    '%s is recognised by %o on the template, %o on the namespace, and told with its cures',
    (mesh, template, namespace) => {
      const [what, ...cures] = said(template, namespace)
      expect(what).toBe(`${mesh}'s proxy may start after lockkeeper-migrate, which then cannot reach the database`)
      expect(cures).toHaveLength(2)
      expect(cures[1]).toContain('"5432"')
      for (const line of [what, ...cures]) expect(line?.length).toBeLessThanOrEqual(120)
    },
  )

  const off: [why: string, template: Keys, namespace: Keys][] = [
    ['no mesh', {}, {}],
    [
      'turned off on the pod',
      { labels: { 'sidecar.istio.io/inject': 'false' } },
      { labels: { 'istio-injection': 'enabled' } },
    ],
    ['turned off on the namespace', {}, { labels: { 'istio-injection': 'disabled', 'istio.io/rev': 'a' } }],
    ['ambient mode', {}, { labels: { 'istio.io/rev': 'a', 'istio.io/dataplane-mode': 'ambient' } }],
    [
      'Linkerd turned off',
      { annotations: { 'linkerd.io/inject': 'disabled' } },
      { annotations: { 'linkerd.io/inject': 'enabled' } },
    ],
    ['an empty value', { annotations: { 'consul.hashicorp.com/connect-inject': '' } }, {}],
    ['a key that only looks like one', { labels: { 'sidecar.istio.io/injected': 'true', constructor: 'true' } }, {}],
  ]
  test.each(off)('is not assumed: %s', (_, template, namespace) => {
    expect(said(template, namespace)).toEqual([])
  })

  const istio = { 'sidecar.istio.io/inject': 'true' }
  const linkerd = { 'linkerd.io/inject': 'enabled' }
  const consul = { 'consul.hashicorp.com/connect-inject': 'true' }
  const kuma = { 'kuma.io/sidecar-injection': 'enabled' }
  const cured: [how: string, annotations: Record<string, string>, pod: object][] = [
    ['Istio, native sidecar asked for', { ...istio, 'sidecar.istio.io/nativeSidecar': 'true' }, {}],
    ['Istio, port past it', { ...istio, 'traffic.sidecar.istio.io/excludeOutboundPorts': '5432,6379' }, {}],
    ['Istio, its user', istio, { securityContext: { runAsUser: 1337 } }],
    [
      'Istio, native sidecar in the template',
      istio,
      { initContainers: [{ name: 'istio-proxy', restartPolicy: 'Always' }] },
    ],
    [
      'Linkerd, native sidecar asked for',
      { ...linkerd, 'config.beta.linkerd.io/proxy-enable-native-sidecar': 'true' },
      {},
    ],
    ['Linkerd, port past it', { ...linkerd, 'config.linkerd.io/skip-outbound-ports': '5432' }, {}],
    [
      'Linkerd, native sidecar in the template',
      linkerd,
      { initContainers: [{ name: 'linkerd-proxy', restartPolicy: 'Always' }] },
    ],
    [
      'Consul, port past it',
      { ...consul, 'consul.hashicorp.com/transparent-proxy-exclude-outbound-ports': '5432' },
      {},
    ],
    ['Consul, no transparent proxy', { ...consul, 'consul.hashicorp.com/transparent-proxy': 'false' }, {}],
    ['Kuma, port past it', { ...kuma, 'traffic.kuma.io/exclude-outbound-ports': '5432' }, {}],
    [
      'Kuma, native sidecar in the template',
      kuma,
      { initContainers: [{ name: 'kuma-sidecar', restartPolicy: 'Always' }] },
    ],
  ]
  test.each(cured)('is no problem any more: %s', (_, annotations, pod) => {
    expect(said({ annotations }, {}, pod)).toEqual([])
  })

  test.each([
    ['the proxy is an ordinary init container', istio, { initContainers: [{ name: 'istio-proxy' }] }],
    ['the native sidecar is another one', istio, { initContainers: [{ name: 'db-proxy', restartPolicy: 'Always' }] }],
    ['the native sidecar is refused', { ...istio, 'sidecar.istio.io/nativeSidecar': 'false' }, {}],
    ['no port is named', { ...linkerd, 'config.linkerd.io/skip-outbound-ports': ' ' }, {}],
    ['1337 means nothing to it', linkerd, { securityContext: { runAsUser: 1337 } }],
  ])('is still one where %s', (_, annotations, pod) => {
    expect(said({ annotations }, {}, pod)).toHaveLength(3)
  })

  test('is found in every kind, at its own template', () => {
    for (const kind of kinds) {
      expect(meshWarnings(workload(kind, { labels: istio }), { labels: {}, annotations: {} })).toHaveLength(3)
    }
  })
})
