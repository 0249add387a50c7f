import * as z from 'zod/mini'
import { findKind, type Kind } from '../injection/kinds.ts'
import { asWorkload, type Metadata, nameOf, templateElsewhere, type Workload } from '../injection/workload.ts'
import { LIMITS } from '../limits.ts'
import { isWellFormed } from './shape.ts'

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
  readonly oldObject: unknown
  readonly workload: Workload | undefined
  readonly old: Workload | undefined
  /** Whose pod template it takes, where it asks for a schema and has no template of its own: `Deployment/orders`. */
  readonly elsewhere: string | undefined
}

/** AdmissionReview of `admission.k8s.io/v1` (Kubernetes: Dynamic Admission Control, request). */
const schema = z.object({
  apiVersion: z.literal('admission.k8s.io/v1'),
  kind: z.literal('AdmissionReview'),
  request: z.object({
    uid: z.string().check(z.minLength(1)),
    operation: z.string(),
    dryRun: z.nullish(z.boolean()),
    kind: z.object({ group: z.string(), version: z.string(), kind: z.string() }),
    namespace: z.optional(z.string()),
    name: z.optional(z.string()),
    userInfo: z.optional(z.object({ username: z.optional(z.string()) })),
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
  const { group, version } = request.kind
  const kind = findKind(group, version, request.kind.kind)
  const workload = workloadIn(kind, request.object)
  const old = workloadIn(kind, request.oldObject)
  const problem = [workload, old].map((each) => each && tooManyAnnotations(each)).find((found) => found !== undefined)
  if (problem !== undefined) return { problem }
  return {
    uid: request.uid,
    operation: request.operation,
    dryRun: request.dryRun === true,
    kind: `${group}/${version}/${request.kind.kind}`,
    namespace: request.namespace ?? workload?.metadata.namespace ?? 'default',
    name: request.name || (workload === undefined ? '' : nameOf(workload.metadata)),
    user: request.userInfo?.username ?? '',
    object: request.object,
    oldObject: request.oldObject,
    workload,
    old,
    elsewhere: kind && templateElsewhere(kind, request.object),
  }
}

function workloadIn(kind: Kind | undefined, object: unknown): Workload | undefined {
  const workload = kind && asWorkload(kind, object)
  return workload !== undefined && isWellFormed(workload) ? workload : undefined
}

function tooManyAnnotations({ kind, metadata, spec }: Workload): string | undefined {
  const most = LIMITS.annotations.value
  const found = Math.max(charactersOf(metadata), charactersOf(spec.template.metadata ?? {}))
  if (found <= most) return undefined
  return `the annotations of ${kind} ${nameOf(metadata)} have ${found} characters together, and Kubernetes takes at most ${most}: remove some, or shorten them`
}

const charactersOf = ({ annotations }: Pick<Metadata, 'annotations'>): number =>
  Object.entries(annotations ?? {}).reduce((sum, [key, value]) => sum + key.length + String(value).length, 0)
