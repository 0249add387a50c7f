import { ENV } from '../contract.ts'
import { digestOf } from '../migration/digest.ts'
import type { Catalogue } from '../migration/migration.ts'
import { compareVersions } from '../migration/version.ts'
import type { Facts } from './facts.ts'
import { judgeProof } from './judge-proof.ts'
import { envOf } from './not-injected.ts'
import type { Build } from './situation.ts'

/**
 * The digest that is handed to the runner, which takes files of that digest for admitted ones. Under `proven` it is one
 * whose proof was checked, else `-`: what was admitted before the namespace asked for proofs may start pods where it is
 * applied already, and the runner applies none of it.
 */
export function digestToHand(build: Build, catalogue: Catalogue, { now }: Pick<Facts, 'now'>): string {
  const { settings, breakGlass, old, admitted } = build
  const { policy, target } = settings
  const digest = digestOf(catalogue, target)
  if (policy.rollbackPolicy !== 'proven' || breakGlass !== undefined) return digest
  const checkedBefore = old?.parts !== undefined && envOf(old.parts, ENV.rollbackPolicy) === 'proven'
  if (checkedBefore && admitted?.digest === digest) return digest
  const covered = catalogue.entries.filter(({ version }) => compareVersions(version, target) <= 0)
  return judgeProof(covered, policy, catalogue, now).length === 0 ? digest : '-'
}
