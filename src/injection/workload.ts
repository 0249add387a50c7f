import { INTENT } from '../contract.ts'
import type { Kind } from './kinds.ts'

/** JSON as the API server sends it: unknown fields survive because nothing is rebuilt from types. */
export type Json = string | number | boolean | null | Json[] | JsonObject
export interface JsonObject {
  [key: string]: Json
}

/**
 * A workload of any kind, as far as this project reads or writes it; everything else is carried as it is. The pod
 * template is at `spec.template`, wherever the kind keeps it.
 */
export interface Workload {
  readonly kind: string
  readonly metadata: Metadata
  readonly spec: WorkloadSpec
}

export interface WorkloadSpec {
  readonly template: Template
  readonly strategy?: { readonly type?: string; readonly canary?: JsonObject; readonly blueGreen?: JsonObject }
  readonly updateStrategy?: { readonly type?: string }
  readonly progressDeadlineSeconds?: number
  /** Of a Job. */
  readonly activeDeadlineSeconds?: unknown
  /** Of a CronJob. */
  readonly jobTemplate?: { readonly spec?: { readonly activeDeadlineSeconds?: unknown } }
  /** Of a StatefulSet. */
  readonly volumeClaimTemplates?: readonly { readonly metadata?: Pick<Metadata, 'name'> }[] | null
}

export interface Metadata {
  readonly name?: string
  readonly generateName?: string
  readonly namespace?: string
  readonly annotations?: Readonly<Record<string, string>>
  readonly labels?: Readonly<Record<string, string>>
  readonly ownerReferences?: readonly {
    readonly controller?: boolean
    readonly kind?: string
    readonly name?: string
  }[]
  readonly deletionTimestamp?: string
}

export interface Template {
  readonly metadata?: Pick<Metadata, 'annotations' | 'labels'>
  readonly spec: PodSpec
}

export interface PodSpec {
  readonly containers: readonly Container[]
  readonly initContainers?: readonly Container[]
  readonly volumes?: readonly Volume[]
  readonly securityContext?: { readonly runAsUser?: number }
  readonly activeDeadlineSeconds?: unknown
  readonly os?: { readonly name?: string } | null
  readonly nodeSelector?: Readonly<Record<string, string>> | null
  readonly affinity?: Affinity | null
}

/** As far as it says on which nodes pods may run at all. */
export interface Affinity {
  readonly nodeAffinity?: {
    readonly requiredDuringSchedulingIgnoredDuringExecution?: {
      readonly nodeSelectorTerms?: readonly { readonly matchExpressions?: readonly NodeDemand[] | null }[] | null
    } | null
  } | null
}

export interface NodeDemand {
  readonly key?: string
  readonly operator?: string
  readonly values?: readonly string[] | null
}

export interface EnvEntry {
  readonly name: string
  readonly value?: string
  readonly valueFrom?: JsonObject
}

export interface Container {
  readonly name: string
  readonly image?: string
  readonly env?: readonly EnvEntry[]
  readonly restartPolicy?: string
  readonly volumeMounts?: readonly VolumeMount[] | null
  readonly volumeDevices?: readonly { readonly name: string }[] | null
}

export interface VolumeMount {
  readonly name: string
  readonly mountPath?: string
}

export interface Volume {
  readonly name: string
  readonly projected?: { readonly sources?: readonly ProjectedSource[] | null } | null
  readonly emptyDir?: unknown
  readonly image?: unknown
}

export interface ProjectedSource {
  readonly configMap?: { readonly name: string; readonly items?: readonly KeyToPath[]; readonly optional?: boolean }
  readonly secret?: { readonly name: string; readonly items?: readonly KeyToPath[]; readonly optional?: boolean }
}

export interface KeyToPath {
  readonly key: string
  readonly path: string
}

/** An object of a kind as a workload, or undefined when there is no pod template where that kind keeps it. */
export function asWorkload(kind: Kind, object: unknown): Workload | undefined {
  const template = at(object, kind.template)
  if (!isObject(object) || !isObject(object.metadata) || !isObject(template)) return undefined
  const spec = { ...(object.spec as object), template } as unknown as Workload['spec']
  return { kind: kind.kind, metadata: object.metadata as Metadata, spec }
}

/** An object with another pod template at the place of its kind; the rest is shared. */
export const withTemplate = (kind: Kind, object: JsonObject, template: Template): JsonObject =>
  placed(object, kind.template, template as unknown as Json)

/** Whose pod template an object takes that asks for a schema and has none of its own: `Deployment/orders`. */
export function templateElsewhere(kind: Kind, object: unknown): string | undefined {
  if (kind.reference === undefined || at(object, kind.template) !== undefined) return undefined
  if (at(object, ['metadata', 'annotations', INTENT.schemaVersion]) === undefined) return undefined
  const reference = at(object, ['spec', kind.reference])
  return isObject(reference) ? `${reference.kind}/${reference.name}` : undefined
}

/** `namespace/kind/name`, as requirements and messages name a workload. */
export const workloadId = (namespace: string, { kind, metadata }: Workload): string =>
  `${namespace}/${kind}/${nameOf(metadata)}`

/** Its name, or what its names begin with and `*`: Kubernetes makes them up after the mutation. */
export const nameOf = ({ name, generateName }: Metadata): string => name || `${generateName ?? ''}*`

/** The object whose controller keeps a workload, if one does. */
export const controllerOf = ({ metadata }: Pick<Workload, 'metadata'>) =>
  metadata.ownerReferences?.find(({ controller }) => controller === true)

/** Whether a value has fields: no list, and not null. */
export const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const at = (value: unknown, path: readonly string[]): unknown =>
  path.reduce<unknown>((inner, key) => (isObject(inner) ? inner[key] : undefined), value)

function placed(object: JsonObject, [key = '', ...rest]: readonly string[], value: Json): JsonObject {
  return { ...object, [key]: rest.length === 0 ? value : placed(object[key] as JsonObject, rest, value) }
}
