import { isObject, type Workload } from '../injection/workload.ts'

/** Whether a value is of a shape. Plain predicates: every review is checked, and a parser that copies costs a fifth of it. */
type Shape = (value: unknown) => boolean

const text: Shape = (value) => typeof value === 'string'
const number: Shape = (value) => typeof value === 'number'
const maybe =
  (shape: Shape): Shape =>
  (value) =>
    value === undefined || shape(value)
/** As in a manifest: what is null counts as not there. */
const nullish =
  (shape: Shape): Shape =>
  (value) =>
    value === undefined || value === null || shape(value)
const all =
  (each: Shape): Shape =>
  (value) =>
    Array.isArray(value) && value.every(each)
/** An object whose named fields have these shapes; others are not looked at. */
const fields = (shapes: Readonly<Record<string, Shape>>): Shape => {
  const entries = Object.entries(shapes).map(([key, shape]) => ({ key, shape }))
  return (value) => {
    if (!isObject(value)) return false
    // No closure per value: of a large workload that was a third of all garbage.
    for (const { key, shape } of entries) if (!shape(value[key])) return false
    return true
  }
}

const list = (each: Shape): Shape => nullish(all(each))
const map: Shape = nullish((value) => isObject(value) && Object.values(value).every(text))
const typed = nullish(fields({ type: maybe(text) }))
const named = fields({ name: text })
const mount = fields({ name: text, mountPath: maybe(text) })
const security = nullish(fields({ runAsUser: maybe(number) }))
const container = fields({
  name: text,
  image: maybe(text),
  imagePullPolicy: maybe(text),
  env: list(fields({ name: text, value: maybe(text) })),
  envFrom: list(fields({ prefix: maybe(text) })),
  volumeMounts: list(mount),
  volumeDevices: list(named),
  restartPolicy: maybe(text),
  securityContext: security,
})
const projection = maybe(fields({ name: maybe(text), items: list(fields({ key: text, path: text })) }))
const volume = fields({
  name: text,
  projected: nullish(fields({ sources: list(fields({ configMap: projection, secret: projection })) })),
})

const demand = fields({ key: maybe(text), operator: maybe(text), values: list(text) })
const affinity = nullish(
  fields({
    nodeAffinity: nullish(
      fields({
        requiredDuringSchedulingIgnoredDuringExecution: nullish(
          fields({ nodeSelectorTerms: list(fields({ matchExpressions: list(demand) })) }),
        ),
      }),
    ),
  }),
)

/** Everything of a workload that is read, as the Kubernetes API types it. */
const workload = fields({
  metadata: fields({
    name: maybe(text),
    generateName: maybe(text),
    namespace: maybe(text),
    annotations: map,
    ownerReferences: list(fields({ kind: maybe(text), name: maybe(text) })),
  }),
  spec: fields({
    strategy: typed,
    updateStrategy: typed,
    progressDeadlineSeconds: maybe(number),
    volumeClaimTemplates: list(fields({ metadata: nullish(fields({ name: maybe(text) })) })),
    template: fields({
      metadata: nullish(fields({ annotations: map, labels: map })),
      spec: fields({
        containers: all(container),
        initContainers: list(container),
        volumes: list(volume),
        securityContext: security,
        os: nullish(fields({ name: maybe(text) })),
        nodeSelector: map,
        affinity,
      }),
    }),
  }),
})

/**
 * Whether an object has the shape of its kind as far as it is read. The API server sees to that for its own kinds; a
 * custom resource (a Rollout) is checked only after the webhooks that may change it.
 */
export const isWellFormed = (given: Workload): boolean => workload(given)
