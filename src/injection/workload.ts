/** JSON as the API server sends it: unknown fields survive because nothing is rebuilt from types. */
export type Json = string | number | boolean | null | Json[] | JsonObject
export interface JsonObject {
  [key: string]: Json
}

/** The parts of a workload that this project reads or writes; everything else is carried as it is. */
export interface Workload {
  readonly kind: string
  readonly metadata: Metadata
  readonly spec: {
    readonly template: Template
    readonly strategy?: { readonly type?: string }
    readonly progressDeadlineSeconds?: number
  }
}

export interface Metadata {
  readonly name?: string
  readonly generateName?: string
  readonly namespace?: string
  readonly annotations?: Readonly<Record<string, string>>
  readonly ownerReferences?: readonly {
    readonly controller?: boolean
    readonly kind?: string
    readonly name?: string
  }[]
  readonly deletionTimestamp?: string
}

export interface Template {
  readonly metadata?: Pick<Metadata, 'annotations'>
  readonly spec: PodSpec
}

export interface PodSpec {
  readonly containers: readonly Container[]
  readonly initContainers?: readonly Container[]
  readonly volumes?: readonly Volume[]
  readonly securityContext?: { readonly runAsUser?: number }
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
}

export interface Volume {
  readonly name: string
  readonly projected?: { readonly sources?: readonly ProjectedSource[] }
}

export interface ProjectedSource {
  readonly configMap?: { readonly name: string; readonly items?: readonly KeyToPath[]; readonly optional?: boolean }
  readonly secret?: { readonly name: string; readonly items?: readonly KeyToPath[]; readonly optional?: boolean }
}

export interface KeyToPath {
  readonly key: string
  readonly path: string
}

/** A Deployment as it came, or undefined when it has not the shape of one. */
export function asWorkload(object: unknown): Workload | undefined {
  const given = object as Partial<Workload> | null | undefined
  const containers = given?.spec?.template?.spec?.containers
  return typeof given?.metadata === 'object' && Array.isArray(containers) ? (given as Workload) : undefined
}

/** `namespace/kind/name`, as requirements and messages name a workload. */
export const workloadId = (namespace: string, { kind, metadata }: Workload): string =>
  `${namespace}/${kind}/${metadata.name ?? `${metadata.generateName ?? ''}*`}`
