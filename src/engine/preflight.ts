import type { Seen } from '../history/read.ts'
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

/** Whether the mounted files are the admitted ones. */
export function differsFromAdmitted({ owner }: RunRequest, set: MigrationSet, target: string): boolean {
  if (owner === undefined || owner.digest === '-') return false
  return digestOf(catalogueOf(set), target) !== owner.digest
}

/**
 * Files that differ from what was admitted (a ConfigMap corrected afterwards reaches no webhook) pass the checks of the
 * way back here instead, unless a stricter policy wants them admitted.
 */
export function recheckFiles({ rules }: RunRequest, set: MigrationSet, pending: readonly string[]): void {
  const strict = rules.rollbackPolicy === 'proven' || rules.denyFindings.length > 0 || rules.breakGlass !== undefined
  if (strict) {
    throw new RunFailure(
      'files-changed',
      'the migration files are not the ones that were admitted, and the policy of the namespace wants them checked there',
      '`kubectl rollout restart` admits the files of today',
    )
  }
  refuseUnsafe(rules, set, pending)
}

/** The checks that the webhook makes, on the files themselves: the way back, and what the namespace lists. */
export function refuseUnsafe(rules: RunRequest['rules'], set: MigrationSet, pending: readonly string[]): void {
  const entries = catalogueOf(set).entries.filter(({ version }) => pending.includes(version))
  const { baseline, denyFindings } = rules
  const listed = set.findings.filter(
    ({ code, version }) =>
      denyFindings.includes(code) &&
      (version === undefined || (pending.includes(version) && isAbove(version, baseline))),
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

/** Applied migrations whose mounted down script is another one than the stored. */
export const correctedDowns = (files: readonly Migration[] | undefined, seen: Seen, target: string): Migration[] =>
  (files ?? []).filter(({ version, down }) => {
    const applied = seen.applied.find((each) => each.version === version)
    return (
      applied !== undefined &&
      down !== undefined &&
      compareVersions(version, target) <= 0 &&
      applied.downChecksum !== down.checksum
    )
  })
