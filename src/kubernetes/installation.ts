/** What an installation looks like from outside. Parts that nobody lets us read are `unknown`. */
export interface Installation {
  /** Like `v1.35.4`. */
  readonly server: string
  readonly namespace: string
  /** The webhook's Deployment. */
  readonly service: { readonly wanted: number; readonly ready: number } | 'missing'
  /** Image that the webhook puts into pods; undefined where its Deployment does not say. */
  readonly runnerImage?: string
  /** Pods behind the Service that are ready. */
  readonly endpoints: number
  readonly configurations: readonly Configuration[]
  readonly certificate: Certificate
  readonly namespaces: readonly NamespaceState[]
  /** Objects of every kind of workload that carry an annotation or a part of ours. */
  readonly workloads: readonly WorkloadState[]
  /** Pods of labelled namespaces that do not get past their migration container. */
  readonly pods: readonly PodState[]
  /** Events of the last minutes about pods that could not be made. */
  readonly failedCreates: readonly FailedCreate[]
}

export type PodState = {
  readonly namespace: string
  readonly pod: string
  /** The one of our containers that holds it up. */
  readonly container: string
} & (
  | { readonly kind: 'ended'; readonly message: string }
  /** Kubernetes cannot begin it: `ImagePullBackOff`, … */
  | { readonly kind: 'waiting'; readonly reason: string; readonly message: string }
  | {
      readonly kind: 'running'
      readonly since: Date
      /** It ended with a failure, and was started again. */
      readonly failedBefore: boolean
      /** Of its log, where whoever looks may read it. */
      readonly lastLine?: string
    }
)

export interface FailedCreate {
  readonly namespace: string
  /** Of the controller that makes the pods. */
  readonly kind: string
  readonly name: string
  readonly message: string
}

/** The pair that the pods serve, from its Secret. */
export interface Certificate {
  readonly secret: string
  /** PEM texts. */
  readonly pair: { readonly ca: string; readonly cert: string } | 'missing' | 'empty' | 'unknown'
}

export interface Configuration {
  readonly kind: 'MutatingWebhookConfiguration' | 'ValidatingWebhookConfiguration'
  /** Undefined: the configuration is not there, or has no webhook of ours. */
  readonly webhook:
    | {
        readonly name: string
        readonly failurePolicy: string
        /** PEM text. */
        readonly caBundle: string
        /** `namespace/name` of the Service. */
        readonly service: string
        /** `group/plural`, each. */
        readonly resources: readonly string[]
      }
    | undefined
}

export interface NamespaceState {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly annotations: Readonly<Record<string, string>>
}

export interface WorkloadState {
  readonly namespace: string
  readonly name: string
  readonly group: string
  readonly version: string
  readonly kind: string
  /** As the API server sends it. */
  readonly object: unknown
}
