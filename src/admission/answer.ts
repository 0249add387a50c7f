import type { Mutation } from './mutate.ts'
import type { ReviewRequest } from './review.ts'
import type { Verdict } from './verdict.ts'

/** An AdmissionReview that answers a request (admission.k8s.io/v1). */
export interface Answer {
  readonly apiVersion: 'admission.k8s.io/v1'
  readonly kind: 'AdmissionReview'
  readonly response: Record<string, unknown>
}

const answer = (response: Record<string, unknown>): Answer => ({
  apiVersion: 'admission.k8s.io/v1',
  kind: 'AdmissionReview',
  response,
})

const warned = (warnings: readonly string[]) => (warnings.length === 0 ? {} : { warnings })

export function answerMutation({ uid }: Pick<ReviewRequest, 'uid'>, { patch, warnings }: Mutation): Answer {
  const patched =
    patch.length === 0 ? {} : { patchType: 'JSONPatch', patch: Buffer.from(JSON.stringify(patch)).toString('base64') }
  return answer({ uid, allowed: true, ...patched, ...warned(warnings) })
}

export function answerVerdict({ uid }: Pick<ReviewRequest, 'uid'>, verdict: Verdict): Answer {
  const audit = Object.keys(verdict.audit).length === 0 ? {} : { auditAnnotations: verdict.audit }
  if (verdict.allowed) return answer({ uid, allowed: true, ...audit, ...warned(verdict.warnings) })
  const status = { code: 403, reason: 'Forbidden', message: verdict.message }
  return answer({ uid, allowed: false, status, ...audit, ...warned(verdict.warnings) })
}
