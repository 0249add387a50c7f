import * as z from 'zod/mini'
import type { Workload } from '../injection/workload.ts'

const text = z.string()
const some = z.optional(text)
const list = <T extends z.core.$ZodType>(each: T) => z.nullish(z.array(each))
const map = z.nullish(z.record(text, text))
const typed = z.nullish(z.looseObject({ type: some }))
const named = z.looseObject({ name: text })
const security = z.nullish(z.looseObject({ runAsUser: z.optional(z.number()) }))
const container = z.looseObject({
  name: text,
  image: some,
  imagePullPolicy: some,
  env: list(z.looseObject({ name: text, value: some })),
  envFrom: list(z.looseObject({ prefix: some })),
  volumeMounts: list(named),
  restartPolicy: some,
  securityContext: security,
})
const projection = z.optional(z.looseObject({ name: some, items: list(z.looseObject({ key: text, path: text })) }))
const volume = z.looseObject({
  name: text,
  projected: z.nullish(z.looseObject({ sources: list(z.looseObject({ configMap: projection, secret: projection })) })),
})

/** Everything of a workload that is read, as the Kubernetes API types it. */
const workload = z.looseObject({
  metadata: z.looseObject({
    name: some,
    generateName: some,
    namespace: some,
    annotations: map,
    ownerReferences: list(z.looseObject({ kind: some, name: some })),
  }),
  spec: z.looseObject({
    strategy: typed,
    updateStrategy: typed,
    progressDeadlineSeconds: z.optional(z.number()),
    template: z.looseObject({
      metadata: z.nullish(z.looseObject({ annotations: map, labels: map })),
      spec: z.looseObject({
        containers: z.array(container),
        initContainers: list(container),
        volumes: list(volume),
        securityContext: security,
      }),
    }),
  }),
})

/**
 * Whether an object has the shape of its kind as far as it is read. The API server sees to that for its own kinds; a
 * custom resource (a Rollout) is checked only after the webhooks that may change it.
 */
export const isWellFormed = (given: Workload): boolean => workload.safeParse(given).success
