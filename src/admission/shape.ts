import * as z from 'zod/mini'
import type { Workload } from '../injection/workload.ts'

const text = z.string()
const some = z.optional(text)
const list = <T extends z.core.$ZodType>(each: T) => z.nullish(z.array(each))
const map = z.nullish(z.record(text, text))
const typed = z.nullish(z.object({ type: some }))
const named = z.object({ name: text })
const security = z.nullish(z.object({ runAsUser: z.optional(z.number()) }))
const container = z.object({
  name: text,
  image: some,
  imagePullPolicy: some,
  env: list(z.object({ name: text, value: some })),
  envFrom: list(z.object({ prefix: some })),
  volumeMounts: list(named),
  restartPolicy: some,
  securityContext: security,
})
const projection = z.optional(z.object({ name: some, items: list(z.object({ key: text, path: text })) }))
const volume = z.object({
  name: text,
  projected: z.nullish(z.object({ sources: list(z.object({ configMap: projection, secret: projection })) })),
})

/** Everything of a workload that is read, as the Kubernetes API types it. */
const workload = z.object({
  metadata: z.object({
    name: some,
    generateName: some,
    namespace: some,
    annotations: map,
    ownerReferences: list(z.object({ kind: some, name: some })),
  }),
  spec: z.object({
    strategy: typed,
    updateStrategy: typed,
    progressDeadlineSeconds: z.optional(z.number()),
    template: z.object({
      metadata: z.nullish(z.object({ annotations: map, labels: map })),
      spec: z.object({
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
