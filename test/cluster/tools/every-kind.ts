/** The smallest object of each kind that can be a workload, so that nothing of it ever runs. */
export interface Shape {
  /** Where its objects are in a namespace: `apis/apps/v1/…/deployments`. */
  readonly path: (namespace: string) => string
  /** Keys from the object to its pod template. */
  readonly template: readonly string[]
  readonly object: (metadata: object, template: object) => object
}

const labels = { app: 'any' }
const selector = { matchLabels: labels }
const container = { name: 'app', image: 'nobody/pulls:this' }
const pod = (annotations: object) => ({ metadata: { labels, annotations }, spec: { containers: [container] } })
const ending = (annotations: object) => {
  const { metadata, spec } = pod(annotations)
  return { metadata, spec: { ...spec, restartPolicy: 'Never' } }
}
const in_ = (group: string, plural: string) => (namespace: string) => `/apis/${group}/namespaces/${namespace}/${plural}`
const direct = ['spec', 'template']

export const shapes = {
  Deployment: {
    path: in_('apps/v1', 'deployments'),
    template: direct,
    object: (metadata, template) => ({
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata,
      spec: { replicas: 0, selector, template: pod(template) },
    }),
  },
  StatefulSet: {
    path: in_('apps/v1', 'statefulsets'),
    template: direct,
    object: (metadata, template) => ({
      apiVersion: 'apps/v1',
      kind: 'StatefulSet',
      metadata,
      spec: { replicas: 0, serviceName: 'any', selector, template: pod(template) },
    }),
  },
  DaemonSet: {
    path: in_('apps/v1', 'daemonsets'),
    template: direct,
    object: (metadata, template) => {
      const { metadata: its, spec } = pod(template)
      const nowhere = { ...spec, nodeSelector: { 'no-node': 'has-this' } }
      return {
        apiVersion: 'apps/v1',
        kind: 'DaemonSet',
        metadata,
        spec: { selector, template: { metadata: its, spec: nowhere } },
      }
    },
  },
  Job: {
    path: in_('batch/v1', 'jobs'),
    template: direct,
    object: (metadata, template) => ({
      apiVersion: 'batch/v1',
      kind: 'Job',
      metadata,
      spec: { suspend: true, template: ending(template) },
    }),
  },
  CronJob: {
    path: in_('batch/v1', 'cronjobs'),
    template: ['spec', 'jobTemplate', 'spec', 'template'],
    object: (metadata, template) => ({
      apiVersion: 'batch/v1',
      kind: 'CronJob',
      metadata,
      spec: { suspend: true, schedule: '0 0 1 1 *', jobTemplate: { spec: { template: ending(template) } } },
    }),
  },
  Rollout: {
    path: in_('argoproj.io/v1alpha1', 'rollouts'),
    template: direct,
    object: (metadata, template) => ({
      apiVersion: 'argoproj.io/v1alpha1',
      kind: 'Rollout',
      metadata,
      spec: { replicas: 0, selector, template: pod(template) },
    }),
  },
} satisfies Record<string, Shape>

/** A Deployment with 100 containers and nearly the 256 KiB of annotations that Kubernetes allows. */
export function largest({
  annotations,
  ...metadata
}: {
  name: string
  namespace: string
  annotations: object
}): object {
  const many = Object.fromEntries(Array.from({ length: 20_000 }, (_, i) => [`com/${i}`, '']))
  const containers = Array.from({ length: 100 }, (_, i) => ({ ...container, name: `c${i}`, args: ['x'.repeat(2000)] }))
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { ...metadata, annotations: { ...annotations, ...many } },
    spec: { replicas: 0, selector, template: { metadata: { labels }, spec: { containers } } },
  }
}

/** A kind that somebody else brings: any object is one. */
export const crd = (group: string, version: string, kind: string, scope = 'Namespaced') => {
  const plural = `${kind.toLowerCase()}s`
  const schema = { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } }
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.${group}` },
    spec: {
      group,
      scope,
      names: { kind, plural, singular: kind.toLowerCase() },
      versions: [{ name: version, served: true, storage: true, subresources: { status: {} }, schema }],
    },
  }
}
