import type { Policy } from '../injection/policy.ts'
import { type Finding, refusal } from '../migration/finding.ts'
import type { Catalogue } from '../migration/migration.ts'

const SHOWN = 5

/**
 * `rollback-unversioned`: scripts that run beside the versions (Flyway's repeatable migrations, callbacks and baselines)
 * have no down script, so nothing takes back what they do. Only said, but under `proven` and where the namespace forbids
 * them; not said where it allows them, or asks for no way back at all.
 */
export function judgeBeside({ allowUnversioned, rollbackPolicy }: Policy, { unversioned = [] }: Catalogue): Finding[] {
  if (allowUnversioned === true || unversioned.length === 0) return []
  if (allowUnversioned === undefined && rollbackPolicy === 'off') return []
  const more = unversioned.length - SHOWN
  const named = unversioned.slice(0, SHOWN).map(({ key }) => nameOf(key))
  const found = refusal(
    'rollback-unversioned',
    `${named.join(', ')}${more > 0 ? ` and ${more} more` : ''} run without a version, so no down script takes them back`,
    'write them as versions with down scripts, or have the platform team set lockkeeper.dev/allow-unversioned: "true" on the namespace',
  )
  const denied = allowUnversioned === false || rollbackPolicy === 'proven'
  return [denied ? found : { ...found, severity: 'warning' }]
}

/** `R:views` is the repeatable migration views (`migration/catalogue.ts`). */
function nameOf(key: string): string {
  const [, letter = '', name = key] = /^([RBC]):(.*)$/s.exec(key) ?? []
  return `${{ R: 'repeatable ', B: 'baseline ', C: 'callback ' }[letter] ?? ''}${name.trim()}`
}
