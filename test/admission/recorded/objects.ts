import { KINDS, type Kind } from '../../../src/injection/kinds.ts'

/** An object as its owner wrote it, or as it is stored. */
export interface Manifest {
  apiVersion: string
  kind: string
  metadata: { [key: string]: unknown; name?: string; namespace: string; annotations?: Record<string, string> }
  // biome-ignore lint/suspicious/noExplicitAny: tests reach into objects as their owner wrote them
  spec: any
}

export const kinds = KINDS.map(({ kind }) => kind)

export function kindNamed(name: string): Kind {
  const found = KINDS.find(({ kind }) => kind === name)
  if (found === undefined) throw new Error(`no kind ${name}`)
  return found
}

export const intentFor = (version: number): Record<string, string> => ({
  'lockkeeper.dev/schema-version': String(version),
  'lockkeeper.dev/migrations': 'configmap/orders-migrations',
  'lockkeeper.dev/database': 'secret/orders-db#uri',
})

export interface Options {
  /** Where the annotations stand. */
  readonly on?: 'metadata' | 'template'
  readonly annotations?: Readonly<Record<string, string>>
  readonly image?: string
  /** More of the pod's `spec`. */
  readonly pod?: object
}

/** A workload of any kind that asks for a version, with the image of that version. */
export function manifest(kind: string, version: number, options: Options = {}): Manifest {
  const { on = 'metadata', image = `orders:${version}`, pod = {} } = options
  const annotations = { ...intentFor(version), ...options.annotations }
  const template = {
    metadata: { labels: { app: 'orders' }, ...(on === 'template' && { annotations }) },
    spec: { containers: [{ name: 'orders', image, env: [{ name: 'LOG', value: 'info' }] }], ...pod },
  }
  return bare(kind, on === 'metadata' ? annotations : {}, template)
}

/** A workload of any kind around a pod template. */
export function bare(name: string, annotations: Record<string, string>, template: unknown): Manifest {
  const { group, version, kind, template: path } = kindNamed(name)
  const object: Manifest = {
    apiVersion: `${group}/${version}`,
    kind,
    metadata: {
      name: 'orders',
      namespace: 'shop',
      ...(Object.keys(annotations).length > 0 && { annotations }),
    },
    spec: { ...specOf[kind] },
  }
  return put(object, path, template)
}

/** What each kind needs beside its template. */
const specOf: Readonly<Record<string, object>> = {
  Deployment: { replicas: 2, selector: { matchLabels: { app: 'orders' } } },
  StatefulSet: { replicas: 2, serviceName: 'orders', selector: { matchLabels: { app: 'orders' } } },
  DaemonSet: { selector: { matchLabels: { app: 'orders' } } },
  Job: { backoffLimit: 3 },
  CronJob: { schedule: '0 3 * * *' },
  Rollout: { replicas: 2, selector: { matchLabels: { app: 'orders' } }, strategy: { canary: { steps: [] } } },
}

// biome-ignore lint/suspicious/noExplicitAny: as above
export function templateOf(object: Manifest): any {
  return kindNamed(object.kind).template.reduce<unknown>(
    (inner, key) => (inner as Record<string, unknown>)[key],
    object,
  )
}

/** A copy with another template. */
export const withTemplate = (object: Manifest, template: unknown): Manifest =>
  put(structuredClone(object), kindNamed(object.kind).template, template)

function put(object: Manifest, path: readonly string[], value: unknown): Manifest {
  let at = object as unknown as Record<string, unknown>
  for (const key of path.slice(0, -1)) {
    at[key] ??= {}
    at = at[key] as Record<string, unknown>
  }
  at[path.at(-1) ?? ''] = value
  return object
}

export function change(object: Manifest, edit: (copy: Manifest) => void): Manifest {
  const copy = structuredClone(object)
  edit(copy)
  return copy
}

// biome-ignore lint/suspicious/noExplicitAny: as above
export const ours = (object: Manifest): any =>
  (templateOf(object).spec.initContainers ?? []).find(({ name }: { name: string }) => name === 'lockkeeper-migrate')

export const envOf = (object: Manifest): Record<string, string> =>
  Object.fromEntries((ours(object)?.env ?? []).map(({ name, value }: { name: string; value: string }) => [name, value]))

export const statusOf = (object: Manifest) =>
  JSON.parse(templateOf(object).metadata?.annotations?.['lockkeeper.dev/status'] ?? '{}')
