import * as z from 'zod/mini'
import { asWorkload, type Workload } from '../injection/workload.ts'

/** A request of the API server, as far as it is read. */
export interface ReviewRequest {
  readonly uid: string
  readonly operation: string
  readonly dryRun: boolean
  /** `group/version/kind`. */
  readonly kind: string
  readonly namespace: string
  readonly name: string
  readonly user: string
  /** The object as it came: what a patch is made against. */
  readonly object: unknown
  readonly workload: Workload | undefined
  readonly old: Workload | undefined
}

/** Kinds whose pod template is where a Deployment's is. */
const kinds = new Set(['apps/v1/Deployment'])

/** AdmissionReview of `admission.k8s.io/v1` (Kubernetes: Dynamic Admission Control, request). */
const schema = z.looseObject({
  apiVersion: z.literal('admission.k8s.io/v1'),
  kind: z.literal('AdmissionReview'),
  request: z.looseObject({
    uid: z.string().check(z.minLength(1)),
    operation: z.string(),
    dryRun: z.nullish(z.boolean()),
    kind: z.looseObject({ group: z.string(), version: z.string(), kind: z.string() }),
    namespace: z.optional(z.string()),
    name: z.optional(z.string()),
    userInfo: z.optional(z.looseObject({ username: z.optional(z.string()) })),
    object: z.optional(z.unknown()),
    oldObject: z.optional(z.unknown()),
  }),
})

/** The request of an AdmissionReview, or what is wrong with it in one line. */
export function parseReview(body: unknown): ReviewRequest | { readonly problem: string } {
  const parsed = schema.safeParse(body)
  if (!parsed.success) {
    const [issue] = parsed.error.issues
    return {
      problem:
        `no AdmissionReview of admission.k8s.io/v1: ${issue?.path.join('.') ?? ''} ${issue?.message ?? ''}`.trim(),
    }
  }
  const { request } = parsed.data
  const kind = `${request.kind.group}/${request.kind.version}/${request.kind.kind}`
  const known = kinds.has(kind)
  const workload = known ? asWorkload(request.object) : undefined
  return {
    uid: request.uid,
    operation: request.operation,
    dryRun: request.dryRun === true,
    kind,
    namespace: request.namespace ?? workload?.metadata.namespace ?? 'default',
    name: request.name || workload?.metadata.name || workload?.metadata.generateName || '',
    user: request.userInfo?.username ?? '',
    object: request.object,
    workload,
    old: known ? asWorkload(request.oldObject) : undefined,
  }
}
