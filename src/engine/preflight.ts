import { catalogueOf } from '../migration/catalogue.ts'
import { checksumOf } from '../migration/checksum.ts'
import { digestOf } from '../migration/digest.ts'
import type { Migration, MigrationSet } from '../migration/migration.ts'
import { rollbackFindings } from '../migration/rollback.ts'
import type { RunRequest } from '../migration/run-request.ts'
import { compareVersions, highestVersion, isAbove } from '../migration/version.ts'
import { failureOfFinding, RunFailure } from '../postgres/failure.ts'
import type { Look } from './attempt.ts'
import { ownRequirement } from './decision-input.ts'

/** Refuses when a script that was applied is not the mounted one any more, and nobody accepts that. */
export function refuseChanged({ acceptChanged = [] }: RunRequest, look: Changeable): void {
  const changed = changedUps(look).find(({ version }) => !acceptChanged.includes(version))
  if (changed === undefined) return
  const { version, up } = changed
  const applied = look.seen.applied.find((each) => each.version === version)
  throw new RunFailure(
    'migration-changed',
    `${up.file} is not the script that was applied as version ${version} (${applied?.appliedAt})`,
    `put the old text back, and write what is to change into a migration with the next free number; if the change means nothing to the schema: lockkeeper up --accept-changed ${version}`,
    { version, file: up.file },
  )
}

/** Applied migrations whose changed up script a person accepts. */
export const acceptedUps = ({ acceptChanged = [] }: RunRequest, look: Changeable): Migration[] =>
  changedUps(look).filter(({ version }) => acceptChanged.includes(version))

const unknownText = checksumOf('')

type Changeable = Pick<Look, 'files' | 'seen' | 'target'>

const changedUps = ({ files = [], seen, target }: Changeable): Migration[] => {
  // A version that was taken over without its file has no text to compare with.
  const checksums = new Map(
    seen.applied
      .filter(({ upChecksum, origin }) => origin === 'lockkeeper' || upChecksum !== unknownText)
      .map(({ version, upChecksum }) => [version, upChecksum]),
  )
  return files.filter(({ version, up }) => {
    const applied = checksums.get(version)
    return applied !== undefined && applied !== up.checksum && compareVersions(version, target) <= 0
  })
}

type Rules = RunRequest['rules']

/** Whether there is anything to check: a person who runs the program has looked, and a policy may ask for nothing. */
export const asksForChecks = ({ rollbackPolicy, denyFindings }: Rules): boolean =>
  rollbackPolicy !== 'off' || denyFindings.length > 0

/** Whether the mounted files are others than the admitted ones, or none were admitted: files that came later. */
export function differsFromAdmitted({ owner, rules }: RunRequest, set: MigrationSet, target: string): boolean {
  if (owner === undefined) return false
  if (owner.digest === '-') return asksForChecks(rules)
  return digestOf(catalogueOf(set), target) !== owner.digest
}

/** Files that differ from what was admitted are checked here, unless a stricter policy wants them admitted. */
export function recheckFiles(
  { rules }: Pick<RunRequest, 'rules'>,
  set: MigrationSet,
  pending: readonly string[],
): void {
  const { rollbackPolicy, denyFindings, breakGlass, refuseUnversioned } = rules
  const strict = rollbackPolicy === 'proven' || denyFindings.length > 0 || refuseUnversioned === true
  if (strict || breakGlass !== undefined) {
    throw new RunFailure(
      'files-changed',
      'the migration files are not the ones that were admitted, and the policy of the namespace wants them checked there',
      '`kubectl rollout restart` admits the files of today',
    )
  }
  refuseUnsafe(rules, set, pending)
}

/** The checks that the webhook makes, on the files themselves: the way back, and what the namespace lists. */
export function refuseUnsafe(rules: Rules, set: MigrationSet, pending: readonly string[]): void {
  const waiting = new Set(pending)
  const entries = catalogueOf(set).entries.filter(({ version }) => waiting.has(version))
  const { baseline, denyFindings } = rules
  const listed = set.findings.filter(
    ({ code, version }) =>
      denyFindings.includes(code) && (version === undefined || (waiting.has(version) && isAbove(version, baseline))),
  )
  const finding = [...rollbackFindings(entries, rules), ...listed].find(
    ({ severity, code }) => severity === 'error' || denyFindings.includes(code),
  )
  if (finding !== undefined) throw failureOfFinding(finding)
}

/**
 * Repeatable migrations that are new or whose text is another one than last time. They belong to the newest release, at
 * its highest version: a late pod, a schema that stayed ahead and a target below the others leave them alone.
 */
export function pendingRepeatables(
  request: RunRequest,
  { mounted, files, seen, target }: Pick<Look, 'mounted' | 'files' | 'seen' | 'target'>,
): Migration[] {
  const all = mounted?.migrations ?? []
  const top = highestVersion(all.filter(({ kind }) => kind === 'versioned').map(({ version }) => version))
  const ahead = seen.applied.some(({ version }) => compareVersions(version, target) > 0)
  if (files === undefined || request.lower !== undefined || request.mode === 'gate') return []
  if (ahead || (top !== undefined && top !== target)) return []
  const own = ownRequirement(request, seen)
  if (own !== undefined && own.token > (request.owner?.token ?? 0)) return []
  return all.filter(({ kind, name, up }) => kind === 'repeatable' && seen.repeatables.get(name) !== up.checksum)
}

/**
 * Applied migrations whose mounted down script is another one than the stored, and is a way back by the rules: else the
 * stored one stays.
 */
export function correctedDowns(
  { rules }: RunRequest,
  { files = [], mounted, seen, target }: Pick<Look, 'files' | 'mounted' | 'seen' | 'target'>,
): Migration[] {
  const stored = new Map(seen.applied.map(({ version, downChecksum }) => [version, downChecksum]))
  const corrected = files.filter(
    ({ version, down }) =>
      stored.has(version) &&
      down !== undefined &&
      compareVersions(version, target) <= 0 &&
      stored.get(version) !== down.checksum,
  )
  if (corrected.length === 0 || mounted === undefined || !asksForChecks(rules)) return corrected
  const versions = new Set(corrected.map(({ version }) => version))
  const entries = catalogueOf(mounted).entries.filter(({ version }) => versions.has(version))
  const refused = rollbackFindings(entries, rules).filter(({ severity }) => severity === 'error')
  const unfit = new Set(refused.map(({ version }) => version))
  return corrected.filter(({ version }) => !unfit.has(version))
}
