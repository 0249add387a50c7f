import type { Template, Workload } from './workload.ts'

/** Labels and annotations of a namespace, as far as they turn a mesh on. */
export interface Surroundings {
  readonly labels: Readonly<Record<string, string>>
  readonly annotations: Readonly<Record<string, string>>
}

/** A service mesh that puts a proxy into pods, by the keys that its own documentation names. */
interface Mesh {
  readonly name: string
  /** Keys that turn injection on or off: on the pod template first, then on the namespace. */
  readonly switches: readonly string[]
  /** Label that turns it on by its presence, where the other does not say that no proxy comes into the pod. */
  readonly revision?: { readonly key: string; readonly without: readonly [key: string, value: string] }
  /** Names of its proxy's container. */
  readonly proxy: string
  /** Annotation that lets ports past the proxy. */
  readonly exclude: string
  /** Other annotations with the value that ends the problem. */
  readonly solved: readonly (readonly [key: string, value: string])[]
  /** How to make the proxy a native sidecar, which starts before us. */
  readonly native: string
}

/** The user of Istio's proxy, whose connections it never takes. */
const ISTIO_USER = 1337

const MESHES: readonly Mesh[] = [
  {
    name: 'Istio',
    switches: ['sidecar.istio.io/inject', 'istio-injection'],
    revision: { key: 'istio.io/rev', without: ['istio.io/dataplane-mode', 'ambient'] },
    proxy: 'istio-proxy',
    exclude: 'traffic.sidecar.istio.io/excludeOutboundPorts',
    solved: [['sidecar.istio.io/nativeSidecar', 'true']],
    native: 'sidecar.istio.io/nativeSidecar: "true"',
  },
  {
    name: 'Linkerd',
    switches: ['linkerd.io/inject'],
    proxy: 'linkerd-proxy',
    exclude: 'config.linkerd.io/skip-outbound-ports',
    solved: [
      ['config.beta.linkerd.io/proxy-enable-native-sidecar', 'true'],
      ['config.alpha.linkerd.io/proxy-enable-native-sidecar', 'true'],
      ['config.linkerd.io/proxy-enable-native-sidecar', 'true'],
    ],
    native: 'config.beta.linkerd.io/proxy-enable-native-sidecar: "true"',
  },
  {
    name: 'Consul',
    switches: ['consul.hashicorp.com/connect-inject'],
    proxy: 'consul-dataplane',
    exclude: 'consul.hashicorp.com/transparent-proxy-exclude-outbound-ports',
    solved: [['consul.hashicorp.com/transparent-proxy', 'false']],
    native: 'consul.hashicorp.com/transparent-proxy: "false"',
  },
  {
    name: 'Kuma',
    switches: ['kuma.io/sidecar-injection'],
    proxy: 'kuma-sidecar',
    exclude: 'traffic.kuma.io/exclude-outbound-ports',
    solved: [],
    native: 'sidecar containers turned on in its control plane',
  },
]

/**
 * Warnings about a mesh whose proxy starts after init containers, while its CNI plugin has already turned the pod's
 * traffic to that proxy: the runner then reaches no database (istio/istio 37448, kumahq/kuma 8700, linkerd2 4792).
 * Nothing in a template says whether the proxy is a native sidecar in this cluster, so silence has to be asked for.
 */
export function meshWarnings({ spec }: Workload, namespace: Surroundings): string[] {
  const { template } = spec
  const mesh = MESHES.find((each) => isOn(each, template, namespace) && !isSolved(each, template, namespace))
  if (mesh === undefined) return []
  return [
    `${mesh.name}'s proxy may start after lockkeeper-migrate, which then cannot reach the database`,
    `  fix, on the pod template: ${mesh.native}`,
    `  or ${mesh.exclude}: "5432"`,
  ]
}

/** The value that counts: the template's before the namespace's. */
function setting({ metadata }: Template, namespace: Surroundings, key: string): string | undefined {
  const places = [metadata?.labels, metadata?.annotations, namespace.labels, namespace.annotations]
  return places.find((map) => map && Object.hasOwn(map, key))?.[key]
}

function isOn({ switches, revision }: Mesh, template: Template, namespace: Surroundings): boolean {
  const said = switches.map((key) => setting(template, namespace, key)).find((value) => value !== undefined)
  if (said !== undefined) return /^(true|enabled|ingress)$/.test(said)
  if (revision === undefined || setting(template, namespace, revision.key) === undefined) return false
  const [key, value] = revision.without
  return setting(template, namespace, key) !== value
}

function isSolved({ name, proxy, exclude, solved }: Mesh, template: Template, namespace: Surroundings): boolean {
  return (
    (setting(template, namespace, exclude) ?? '').trim() !== '' ||
    solved.some(([key, value]) => setting(template, namespace, key) === value) ||
    (name === 'Istio' && template.spec.securityContext?.runAsUser === ISTIO_USER) ||
    (template.spec.initContainers ?? []).some((each) => each.name === proxy && each.restartPolicy === 'Always')
  )
}
