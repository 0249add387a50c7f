import type { Policy } from '../injection/policy.ts'
import type { Finding } from '../migration/finding.ts'
import type { Catalogue, CatalogueEntry } from '../migration/migration.ts'
import { isAbove } from '../migration/version.ts'
import { verifyProof } from '../proof/verify.ts'

/**
 * `rollback-unproven` under the policy `proven`. A migration without a down script, or one that says that it cannot be
 * undone, has a finding of its own; up to the baseline none is asked for. `now`: milliseconds of the epoch.
 */
export function judgeProof(
  range: readonly CatalogueEntry[],
  policy: Policy,
  catalogue: Catalogue,
  now: number,
): Finding[] {
  const { rollbackPolicy, baseline, proofKey, proofMajors, proofMaxAgeMs } = policy
  if (rollbackPolicy !== 'proven') return []
  const wanted = range.filter(({ version, down }) => down !== undefined && isAbove(version, baseline))
  return verifyProof(catalogue.proof, catalogue, proofKey, wanted, {
    ...(proofMajors !== undefined && { majors: proofMajors }),
    ...(proofMaxAgeMs !== undefined && { maxAgeMs: proofMaxAgeMs }),
    now,
  })
}
